"""Until when the old provider has billed: days billed twice or by nobody, and a start on the day after."""

from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from customers.account import Plan, account_of
from customers.backfill.refused import Refused
from customers.models import BackfillRow, BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers.commands import as_json, command
from tests.customers.factories import (
    actions,
    codes,
    imported,
    lago_customer,
    lago_subscription,
    planned,
    row,
    rows,
    steps,
    told,
    warnings,
)
from tests.customers.undoing import divergences, reverted

pytestmark = pytest.mark.django_db

NOW = "2027-03-20T09:00:00Z"
FEE = {"units": 1, "properties": {"amount": "31"}, "pay_in_advance": False}
PLANS: list[Any] = [
    "month:3100", "ahead:3000:EUR:monthly:advance", "week:700:EUR:weekly", "free:0", "yen:310:JPY",
    {"code": "fee", "amount_cents": 3100, "fixed_charges": [FEE]},
    {"code": "trial", "amount_cents": 3100, "trial_period": 10},
    {"code": "half", "amount_cents": 3000, "interval": "semiannual", "pay_in_advance": True},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _plans(lago: Sandbox) -> None:
    lago.put_plans(*PLANS)
    lago.set_clock(NOW)


def on(plan: str, number: int = 1, **changes: str) -> dict[str, str]:
    return row(number, plan_code=plan, **changes)


def short(report: Any, line: int = 2) -> tuple[int, int, int]:
    billed = told(report)[line]["billed"]
    return billed["overlap_days"], billed["overlap_cents"], billed["gap_days"]


# --- which days --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "start", "until", "found"),
    [
        ("month", "2024-01-01", "2027-03-12", (12, 1200, 0)),
        ("month", "2024-01-01", "2027-02-28", (0, 0, 0)),
        ("month", "2024-01-01", "2027-02-20", (0, 0, 8)),
        ("month", "2027-03-11", "2027-03-12", (2, 200, 0)),  # from the start by days
        ("month", "2027-03-25", "2027-03-20", (0, 0, 4)),  # it starts after what is billed
        ("ahead", "2024-01-01", "2027-03-12", (0, 0, 19)),  # March is billed by nobody
        ("ahead", "2024-01-01", "2027-04-10", (10, 1000, 0)),
        ("ahead", "2027-03-20", "2027-03-20", (1, 97, 0)),  # at once: 12 of 31 days, 11.61
        ("fee", "2024-01-01", "2027-03-12", (12, 2400, 0)),
        ("trial", "2027-03-10", "2027-03-21", (2, 200, 0)),  # its trial ends on the 20th
        ("free", "2024-01-01", "2027-01-01", (0, 0, 0)),
        ("yen", "2024-01-01", "2027-03-12", (12, 120, 0)),
    ],
)
def test_the_days_that_both_bill_or_nobody(plan: str, start: str, until: str, found: tuple[int, ...]) -> None:
    report = planned([on(plan, start_date=start)], billed_until=until)

    assert codes(report) == []
    assert short(report) == found
    billed = [code for code in warnings(report) if code.startswith("billed_")]
    assert billed == ["billed_twice"] * bool(found[0]) + ["billed_by_nobody"] * bool(found[2])


def test_with_anniversaries_it_is_the_period_of_each_customer() -> None:
    report = planned(
        [on("month", start_date="2024-01-15")], billed_until="2027-03-18", billing_time="anniversary"
    )

    assert short(report) == (4, 400, 0)  # of 31 days from the 15th


def test_a_warning_names_days_and_money() -> None:
    report = planned([on("month"), on("ahead", 2)], billed_until="2027-03-12")

    (twice,) = told(report)[2]["warnings"]
    (nobody,) = told(report)[3]["warnings"]
    assert "until 2027-03-12" in twice["message"]
    assert "12 days twice, 12.00 EUR" in twice["message"]
    assert "bills from 2027-04-01 on: 19 days that nobody bills, about 19.00 EUR" in nobody["message"]


def test_the_cell_of_a_row_wins_over_the_option() -> None:
    given = [on("month", billed_until="2027-03-02"), on("month", 2, billed_until="")]

    report = planned(given, billed_until="2027-03-12")

    assert (short(report, 2)[0], short(report, 3)[0]) == (2, 12)


def test_a_cell_that_is_no_day_is_a_problem_and_not_the_option() -> None:
    report = planned([on("month", billed_until="12.03.2027")], billed_until="2027-03-12")

    assert codes(report) == ["billed_until_invalid"]


def test_a_cell_that_is_no_day_makes_no_noise_at_the_other_cards() -> None:
    given = [on("month", billed_until="soon"), on("month", id_tag="CARD2", billed_until="2027-03-12")]

    report = planned(given)

    assert (codes(report, 2), codes(report, 3)) == (["billed_until_invalid"], [])


def test_cards_of_one_customer_have_to_agree() -> None:
    given = [on("month", billed_until="2027-03-11"), on("month", id_tag="CARD2")]

    assert codes(planned(given, billed_until="2027-03-12")) == ["external_id_duplicate"]
    assert codes(planned(given, billed_until="2027-03-11")) == []


def test_sums_are_by_plan_and_in_all_and_once_per_customer(file: Callable[..., Path]) -> None:
    given = [
        on("month"),
        on("month", id_tag="CARD2"),
        on("month", 2),
        on("ahead", 3),
        on("half", 4, start_date="2027-02-01"),
    ]

    answer = as_json(file(*given), "--dry-run", "--billed-until", "2027-03-12")

    assert answer.code == 0, answer.out
    head = answer.json
    assert (head["overlap_days"], head["overlap_cents"], head["gap_days"]) == (24, 2400, 19)
    assert (head["overlap_customers"], head["gap_customers"], head["overlap_untold"]) == (2, 1, 1)
    lines = {line["plan_code"]: line for line in head["billing"]}
    assert [lines["month"][name] for name in ("overlap_days", "overlap_cents", "gap_days")] == [24, 2400, 0]
    assert [lines["ahead"][name] for name in ("overlap_days", "overlap_cents", "gap_days")] == [0, 0, 19]
    assert (lines["half"]["overlap_untold"], lines["half"]["overlap_cents"]) == (1, 0)
    assert head["rows"][1]["billed"] is None


def test_two_currencies_are_not_added_up(file: Callable[..., Path]) -> None:
    answer = as_json(file(on("month"), on("yen", 2)), "--dry-run", "--billed-until", "2027-03-12")

    assert answer.json["overlap_cents"] is None
    assert answer.json["overlap_cents_by_currency"] == {"EUR": 1200, "JPY": 120}


def test_without_a_day_nothing_is_said_of_it(file: Callable[..., Path]) -> None:
    answer = as_json(file(on("month")), "--dry-run")

    assert "overlap_days" not in answer.json
    assert "billed" not in answer.rows[2]


def test_an_adopted_subscription_is_not_counted(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, plan_code="month")

    report = planned([on("month")], skip_existing=True, billed_until="2027-03-12")

    assert report.before
    assert (report.before.by_line, report.before.in_all.overlap_days) == ({}, 0)


def test_the_terminal_says_days_and_money(file: Callable[..., Path]) -> None:
    answer = command(file(on("month"), on("ahead", 2)), "--dry-run", "--billed-until", "2027-03-12")

    assert (
        "Old provider and Lago: 12 days twice, 12.00 EUR (1 customer);"
        " 19 days that nobody bills, about 19.00 EUR (1 customer)." in answer.out
    )
    assert "  month: 12 days twice, 12.00 EUR (1 customer); no day that nobody bills" in answer.out


@pytest.mark.parametrize("day", ["12.03.2027", "2027-02-29", "20270312", ""])
def test_an_option_that_is_no_day_is_refused(file: Callable[..., Path], day: str) -> None:
    answer = command(file(on("month")), "--dry-run", "--billed-until", day)

    assert (answer.code, "--billed-until takes a day" in answer.err) == (2, True)


def test_a_day_of_another_century_is_a_typing_error() -> None:
    assert codes(planned([on("month")], billed_until="2207-03-12")) == ["billed_until_invalid"]
    assert codes(planned([on("month", billed_until="9999-12-31")], start_after_billed=True)) == [
        "billed_until_invalid"
    ]


# --- the money is what Lago bills twice --------------------------------------------------------------


@pytest.mark.parametrize("billing_time", ["calendar", "anniversary"])
def test_two_bills_for_one_month_really_sum_so(lago: Sandbox, billing_time: str) -> None:
    until = date(2027, 3, 25)
    starts = {"month": "2027-03-03", "fee": "2024-01-15", "week": "2025-01-06", "ahead": "2027-03-20"}
    given = [on(plan, number, start_date=start) for number, (plan, start) in enumerate(starts.items(), 1)]

    report = imported(given, billed_until=until.isoformat(), billing_time=billing_time)

    assert report.status == "succeeded"
    lago.set_clock("2027-06-01T12:00:00Z")
    first = first_invoices(lago)
    for one in told(report).values():
        invoice, billed = first[one["external_id"]], one["billed"]
        begins, ends = (date.fromisoformat(one["first_invoice"][name]) for name in ("from", "to"))
        days = [date.fromordinal(number) for number in range(begins.toordinal(), ends.toordinal() + 1)]
        twice = sum(day <= until for day in days)
        assert (billed["overlap_days"], twice > 0) == (twice, True)
        assert billed["overlap_cents"] == int(Fraction(invoice * twice, len(days)) + Fraction(1, 2))


def first_invoices(lago: Sandbox) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in sorted(lago.journal()["invoices"], key=lambda one: datetime.fromisoformat(one["issued_at"])):
        found.setdefault(one["external_customer_id"], one["amount_cents"])
    return found


def test_a_start_on_the_day_after_has_lago_bill_each_day_once(lago: Sandbox) -> None:
    """March costs the customer 31.00: 12 days by the old provider, and the rest by Lago."""
    report = imported([on("month")], billed_until="2027-03-12", start_after_billed=True)

    lago.set_clock("2027-04-01T12:00:00Z")
    assert short(report) == (0, 0, 0)
    assert first_invoices(lago) == {"C-1": 3100 - 1200}


# --- a start on the day after ------------------------------------------------------------------------

AFTER: dict[str, Any] = {"billed_until": "2027-03-12", "start_after_billed": True}


def starts(lago: Sandbox) -> list[str]:
    return [one["subscription_at"] for one in lago.state()["subscriptions"]]


def test_the_subscription_starts_after_it_and_our_record_keeps_the_files_day(lago: Sandbox) -> None:
    report = imported([on("month")], **AFTER)

    kept = BackfillRow.objects.get()
    assert starts(lago) == ["2027-03-13T00:00:00Z"]
    assert (kept.start_date, kept.subscription_at) == (
        date(2024, 1, 1),
        datetime.fromisoformat(starts(lago)[0]),
    )
    assert (kept.moved_to, told(report)[2]["starts_on"]) == (date(2027, 3, 13), "2027-03-13")
    assert divergences() == set()


def test_a_start_on_the_last_day_billed_is_moved_too(lago: Sandbox) -> None:
    imported([on("month", start_date="2027-03-12")], **AFTER)

    assert starts(lago) == ["2027-03-13T00:00:00Z"]
    assert BackfillRow.objects.get().moved_to == date(2027, 3, 13)


def test_it_starts_at_midnight_where_start_dates_are_meant(lago: Sandbox, settings: Any) -> None:
    settings.BACKFILL_TIMEZONE = "Europe/Berlin"

    imported([on("month")], **AFTER)

    assert starts(lago) == ["2027-03-12T23:00:00Z"]
    assert BackfillRow.objects.get().starts_on == date(2027, 3, 13)


@pytest.mark.parametrize("start", ["2027-03-13", "2027-03-18"])
def test_a_start_after_it_stays(lago: Sandbox, start: str) -> None:
    report = imported([on("month", start_date=start)], **AFTER)

    assert starts(lago) == [f"{start}T00:00:00Z"]
    assert BackfillRow.objects.get().moved_to is None
    assert report.before
    assert report.before.in_all.moved == 0


def test_a_row_that_does_not_say_it_stays(lago: Sandbox) -> None:
    imported(
        [on("month", billed_until="2027-03-12"), on("month", 2, billed_until="")], start_after_billed=True
    )

    assert sorted(starts(lago)) == ["2024-01-01T00:00:00Z", "2027-03-13T00:00:00Z"]


def test_the_same_command_again_finds_what_it_made(lago: Sandbox) -> None:
    imported(rows(2, plan_code="month"), **AFTER)

    again = planned(rows(2, plan_code="month"), skip_existing=True, **AFTER)

    assert actions(again) == ["skip", "skip"]


def test_a_start_that_was_not_moved_is_the_files(lago: Sandbox) -> None:
    imported([on("month", start_date="2027-03-12")], billed_until="2027-03-12")

    assert BackfillRow.objects.get().starts_on == date(2027, 3, 12)


def test_the_customer_is_told_the_day_from_which_it_pays(lago: Sandbox) -> None:
    imported([on("month"), on("month", id_tag="CARD2")], billed_until="2027-04-12", start_after_billed=True)

    assert account_of(User.objects.get()).plans == [Plan("month", date(2027, 4, 13))]


def test_on_the_first_of_a_month_it_leaves_nothing_of_the_past_to_bill(lago: Sandbox) -> None:
    lago.set_clock("2027-03-01T09:00:00Z")

    late = planned([on("month")], billed_until="2027-02-28")
    moved = imported([on("month")], billed_until="2027-02-28", start_after_billed=True)

    assert codes(late) == ["invoiced_today"]
    assert moved.status == "succeeded"
    lago.set_clock("2027-04-01T12:00:00Z")
    assert first_invoices(lago) == {"C-1": 3100}


def test_without_the_option_it_is_another_start_and_the_way_is_named(lago: Sandbox) -> None:
    given = [on("month", billed_until="2027-03-12")]
    imported(given, start_after_billed=True)

    report = planned(given, skip_existing=True)

    assert codes(report) == ["lago_subscription_conflict"]
    assert "--start-after-billed" in told(report)[2]["problems"][0]["hint"]


def test_a_continued_run_finds_what_it_made(lago: Sandbox) -> None:
    lago.fault("500_after,method=POST,path=/subscriptions,times=9")
    assert imported([on("month")], **AFTER).status != "succeeded"
    lago.clear_faults()

    report = imported([on("month")], **AFTER)

    assert report.status == "succeeded"
    assert steps(report)["lago_subscription"] == "done"
    assert starts(lago) == ["2027-03-13T00:00:00Z"]


@pytest.mark.parametrize(
    ("other", "named"),
    [
        ({}, "begun with --billed-until 2027-03-12"),
        ({"billed_until": "2027-03-12"}, "begun with --start-after-billed."),
        ({"billed_until": "2027-03-11", "start_after_billed": True}, "begun with --billed-until 2027-03-12"),
    ],
)
def test_a_run_goes_on_only_with_the_same_days(lago: Sandbox, other: dict[str, Any], named: str) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=99")
    imported([on("month")], **AFTER)
    lago.clear_faults()

    with pytest.raises(Refused, match=named):
        planned([on("month")], **other)


def test_a_revert_leaves_no_trace(lago: Sandbox) -> None:
    imported(rows(2, plan_code="month"), **AFTER)

    reverted()

    assert (lago.state(live=True)["subscriptions"], lago.journal()["invoices"]) == ([], [])


def test_without_any_day_the_option_is_refused(file: Callable[..., Path]) -> None:
    answer = command(file(on("month", billed_until="")), "--start-after-billed")

    assert answer.code == 2
    assert "no row says it" in answer.err
    assert "--billed-until DAY" in answer.err
    assert not BackfillRun.objects.exists()


def test_a_start_in_the_future_says_that_the_card_is_blocked() -> None:
    report = planned([on("month")], billed_until="2027-03-31", start_after_billed=True)

    (warning,) = [one for one in told(report)[2]["warnings"] if one["code"] == "start_date_future"]
    assert "only on 2027-04-01" in warning["message"]
    assert "blocked" in warning["message"]
    assert report.billing[0].starts_in_future == 1


def test_a_start_today_says_so() -> None:
    report = planned([on("ahead")], billed_until="2027-03-19", start_after_billed=True)

    assert warnings(report) == ["start_date_today"]


def test_an_end_has_to_lie_after_the_start_that_it_gets() -> None:
    report = planned([on("month", end_date="2027-03-25")], billed_until="2027-03-28", start_after_billed=True)

    assert codes(report) == ["end_date_before_start"]


@pytest.mark.parametrize(
    ("plan", "start", "named"),
    [
        ("month", "2024-01-31", "begin on day 13 of a month, no longer on day 31 of a month"),
        ("month", "2024-01-13", ""),
        ("week", "2027-03-01", "begin on Saturdays, no longer on Mondays"),
        ("week", "2027-03-06", ""),
        ("half", "2026-09-13", ""),
        ("half", "2026-10-13", "begin on day 13 of March, September, no longer on day 13 of April, October"),
    ],
)
def test_another_anniversary_is_not_taken_without_a_word(plan: str, start: str, named: str) -> None:
    report = planned([on(plan, start_date=start)], billing_time="anniversary", **AFTER)

    found = [one["message"] for one in told(report)[2]["warnings"] if one["code"] == "anniversary_moved"]
    assert [named in message for message in found] == [True] * bool(named)


def test_with_calendar_periods_there_is_no_anniversary() -> None:
    assert "anniversary_moved" not in warnings(planned([on("month")], **AFTER))


def test_the_terminal_says_how_many_were_moved(file: Callable[..., Path]) -> None:
    given = [on("month"), on("month", 2), on("month", 3, start_date="2027-03-14")]

    answer = command(file(*given), "--dry-run", "--billed-until", "2027-03-12", "--start-after-billed")

    assert "2 subscriptions start on the day after the old provider's last bill" in answer.out
