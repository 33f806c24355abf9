"""The guard: nobody is invoiced for days that are over because of the day of the import."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.options import Options
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.systems import connect
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.commands import as_json, command
from tests.customers.factories import (
    codes,
    do_not_sleep,
    imported,
    lago_customer,
    lago_subscription,
    planned,
    row,
    rows,
    source,
    told,
    warnings,
)

pytestmark = pytest.mark.django_db

FIRST = "2027-03-01T09:00:00Z"
TRIAL = {"code": "trial", "amount_cents": 3000, "pay_in_advance": True, "trial_period": 30}
FEE_AHEAD = {"units": 1, "properties": {"amount": "10"}, "pay_in_advance": True}


@pytest.fixture
def on_the_first(lago: Sandbox) -> Sandbox:
    lago.set_clock(FIRST)
    return lago


def invoiced(lago: Sandbox) -> list[tuple[str, int]]:
    made = lago.journal()["invoices"]
    return sorted((one["external_customer_id"], one["amount_cents"]) for one in made)


# --- which rows --------------------------------------------------------------------------------------


def test_a_start_in_the_past_is_refused_on_the_first_of_a_month(on_the_first: Sandbox) -> None:
    report = planned([row(1), row(2, start_date="2027-03-01"), row(3, start_date="2027-03-02")])

    assert codes(report, 2) == ["invoiced_today"]
    assert codes(report, 3) == codes(report, 4) == []
    (problem,) = told(report)[2]["problems"]
    assert "10.00 EUR today, 2027-03-01, for 2027-02-01 to 2027-02-28" in problem["message"]
    assert "From 2027-03-02 on" in problem["hint"]
    assert "--accept-invoices-today" in problem["hint"]


def test_all_cards_of_the_customer_carry_it_and_the_money_is_counted_once(on_the_first: Sandbox) -> None:
    report = planned([row(), row(id_tag="CARD2")])

    assert codes(report, 2) == codes(report, 3) == ["invoiced_today"]
    assert told(report)[2]["first_invoice"]["amount_cents"] == 1000
    assert told(report)[3]["first_invoice"] is None
    assert report.plan.past is not None
    assert (report.plan.past.customers, report.plan.past.cents) == (1, {"EUR": 1000})


@pytest.mark.parametrize(("start", "found"), [("2027-01-10", ["invoiced_today"]), ("2027-01-11", [])])
def test_with_anniversaries_it_is_the_day_of_each_customer(
    lago: Sandbox, start: str, found: list[str]
) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")

    assert codes(planned(rows(1, start_date=start), billing_time="anniversary")) == found


def test_a_trial_that_is_long_over_is_refused_on_any_day(lago: Sandbox) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")
    lago.put_plans(TRIAL)

    report = planned(rows(1, plan_code="trial"))

    assert codes(report) == ["invoiced_today"]
    (problem,) = told(report)[2]["problems"]
    assert "without a trial" in problem["hint"]
    assert told(report)[2]["first_invoice"] == {
        "date": "2027-03-10", "amount_cents": 3000, "base_cents": 3000, "fixed_cents": 0, "currency": "EUR",
        "from": "2027-03-01", "to": "2027-03-31",
    }  # fmt: skip


def test_in_advance_the_month_that_begins_is_no_past(on_the_first: Sandbox) -> None:
    on_the_first.put_plans("ahead:3000:EUR:monthly:advance")

    report = planned(rows(1, plan_code="ahead"))

    assert codes(report) == []
    assert [(one.date.isoformat(), one.amount_cents) for one in report.invoices.at_once] == [
        ("2027-03-01", 3000)
    ]


def test_an_invoice_of_nothing_is_a_warning(on_the_first: Sandbox) -> None:
    on_the_first.put_plans({"code": "free", "amount_cents": 0})

    report = planned(rows(1, plan_code="free"))

    assert (codes(report), warnings(report)) == ([], ["invoiced_today_zero"])


def test_where_lagos_own_arithmetic_is_odd_there_is_a_warning_and_no_figure(lago: Sandbox) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")
    lago.put_plans("flat:12000:EUR:yearly")

    report = planned(rows(1, plan_code="flat", start_date="2024-02-29"), billing_time="anniversary")

    assert warnings(report) == ["invoice_unforeseen"]
    assert told(report)[2]["first_invoice"] is None
    assert report.invoices.untold == 1


def test_a_fixed_charge_in_advance_is_in_the_figure_for_today(lago: Sandbox) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")
    lago.put_plans({"code": "fee", "amount_cents": 3000, "fixed_charges": [FEE_AHEAD]})

    report = planned(rows(1, plan_code="fee", start_date="2027-03-10"))

    first = told(report)[2]["first_invoice"]
    assert (first["date"], first["base_cents"], first["fixed_cents"]) == ("2027-03-10", 0, 1000)
    assert report.invoices.at_once[0].amount_cents == 1000


def test_in_advance_with_a_trial_that_starts_today_nothing_is_invoiced_at_once(lago: Sandbox) -> None:
    lago.set_clock("2027-03-10T09:00:00Z")
    lago.put_plans(TRIAL)

    report = planned(rows(1, plan_code="trial", start_date="2027-03-10"))

    assert report.invoices.at_once == ()
    assert told(report)[2]["first_invoice"]["date"] == "2027-04-01"


def test_what_is_invoiced_in_the_night_after_is_told_by_its_date(lago: Sandbox) -> None:
    lago.set_clock("2027-02-28T23:30:00Z")

    report = planned(rows(2))

    assert codes(report) == []
    assert [(one.date.isoformat(), one.customers, one.amount_cents) for one in report.invoices.at_once] == [
        ("2027-03-01", 2, 2000)
    ]


def test_days_are_those_of_lagos_zone_and_not_those_in_which_starts_are_meant(
    lago: Sandbox, settings: Any
) -> None:
    lago.set_organization(billing_entity_timezone="Pacific/Auckland")
    lago.set_clock("2027-02-28T12:00:00Z")  # the first of March in Auckland
    settings.BACKFILL_TIMEZONE = "Europe/Berlin"

    assert codes(planned(rows(1))) == ["invoiced_today"]


def test_what_exists_already_is_not_refused_and_its_next_invoice_is_told(on_the_first: Sandbox) -> None:
    on_the_first.set_clock("2027-02-10T09:00:00Z")
    lago_customer(on_the_first)
    lago_subscription(on_the_first)
    on_the_first.set_clock(FIRST)

    report = planned(rows(1), skip_existing=True)

    assert codes(report) == []
    assert told(report)[2]["first_invoice"]["date"] == "2027-04-01"
    assert report.invoices.first == ()  # it is no invoice of the import's


# --- what is done with them --------------------------------------------------------------------------


def test_nothing_is_imported_unless_it_is_accepted(on_the_first: Sandbox) -> None:
    report = imported(rows(2))

    assert report.status == "would_fail"
    assert BackfillRun.objects.count() == 0
    assert on_the_first.state()["customers"] == []


def test_the_good_ones_go_in_and_the_error_file_has_just_the_others(
    on_the_first: Sandbox, file: Callable[..., Path], tmp_path: Path
) -> None:
    errors = tmp_path / "errors.csv"
    path = file(row(1), row(2, start_date="2027-03-02"))

    answer = as_json(path, "--allow-partial", "--errors", str(errors))

    assert answer.code == 1
    assert answer.codes == {2: ["invoiced_today"]}
    assert answer.json["counts"]["created"] == 1
    assert "C-1" in errors.read_text()
    assert "C-2" not in errors.read_text()


def test_the_terminal_says_whom_it_concerns_how_much_it_is_and_when_it_would_not_be(
    on_the_first: Sandbox, file: Callable[..., Path]
) -> None:
    answer = command(file(*rows(3)), "--dry-run")

    told = " ".join(answer.out.split())
    assert answer.code == 1
    assert (
        "For days that are over, Lago would invoice 3 customers today, 2027-03-01: 30.00 EUR."
        " From 2027-03-02 on it would not; or accept it: --accept-invoices-today=2027-03-01." in told
    )
    assert "Amounts are net" in told


def test_accepted_it_is_done_and_the_run_remembers_day_and_sum(
    on_the_first: Sandbox, file: Callable[..., Path]
) -> None:
    answer = as_json(file(*rows(2)), "--accept-invoices-today")

    assert answer.code == 0, answer.err
    assert answer.json["invoiced_today"]["accepted"] is True
    on_the_first.set_clock("2027-03-01T10:30:00Z")
    assert invoiced(on_the_first) == [("C-1", 1000), ("C-2", 1000)]
    run = BackfillRun.objects.get()
    assert run.options["accepted"] == {"day": "2027-03-01", "customers": 2, "amount_cents": {"EUR": 2000}}


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--accept-invoices-today=2027-03-01", 0),
        ("--accept-invoices-today=2027-03-02", 1),
        ("--accept-invoices-today=soon", 2),
    ],
)
def test_a_day_accepts_only_that_day(
    on_the_first: Sandbox, file: Callable[..., Path], option: str, code: int
) -> None:
    assert command(file(*rows(1)), option).code == code


# --- midnight ----------------------------------------------------------------------------------------


class Midnight(Progress):
    """Lets the first of the month begin once the first batch is through."""

    def __init__(self, lago: Sandbox, to: str) -> None:
        self.lago, self.to, self.shift = lago, to, timedelta()

    def now(self) -> datetime:
        return timezone.now() + self.shift

    def advance(self, number: int) -> None:
        if not self.shift:
            self.lago.set_clock(self.to)
            self.shift = timedelta(minutes=20)


def across(lago: Sandbox, given: list[dict[str, str]], *, at: str, to: str, **options: Any) -> Report:
    """Import, a row at a time; the clock jumps, at Lago and here, once the first is through."""
    lago.set_clock(at)
    midnight = Midnight(lago, to)
    with connect(sleep=do_not_sleep) as systems:
        return import_file(
            source(given),
            systems,
            Options(batch_size=1, concurrency=1, **options),
            actor="cli:tester",
            log_dir=settings.BACKFILL_LOG_DIR,
            stop=Stop(),
            progress=midnight,
            now=midnight.now,
        )


INTO_THE_FIRST = {"at": "2027-02-28T23:50:00Z", "to": "2027-03-01T00:10:30Z"}


def test_an_import_that_crosses_midnight_into_the_first_stops_and_leaves_the_rest_pending(
    lago: Sandbox,
) -> None:
    report = across(lago, rows(12), **INTO_THE_FIRST)

    assert (report.status, report.interrupted) == ("failed", False)
    assert report.reason.startswith("invoiced_today: it is 2027-03-01 at Lago by now")
    assert "continue from 2027-03-02 on" in report.reason
    assert "--accept-invoices-today=2027-03-01" in report.reason
    actions = [one["action"] for one in told(report).values()]
    made = actions.count("created")
    assert 1 <= made < 12
    assert actions == ["created"] * made + ["pending"] * (12 - made)
    lago.set_clock("2027-03-01T02:00:00Z")
    assert {external_id for external_id, _ in invoiced(lago)} == {f"C-{n}" for n in range(1, made + 1)}


def test_what_was_left_goes_in_on_the_next_day_and_is_not_invoiced_for_the_month_before(
    lago: Sandbox,
) -> None:
    made = len(told_created(across(lago, rows(12), **INTO_THE_FIRST)))
    lago.set_clock("2027-03-02T09:00:00Z")

    assert imported(rows(12)).status == "succeeded"

    lago.set_clock("2027-03-31T09:00:00Z")
    assert len(invoiced(lago)) == made


def told_created(report: Report) -> list[int]:
    return [line for line, one in told(report).items() if one["action"] == "created"]


def test_accepted_for_yesterday_it_stops_all_the_same(lago: Sandbox) -> None:
    report = across(lago, rows(12), **INTO_THE_FIRST, accept_invoices_today="these")

    assert report.status == "failed"
    assert report.reason.startswith("invoiced_today")


def test_a_run_goes_on_on_another_day_only_when_it_is_accepted_anew(
    lago: Sandbox, file: Callable[..., Path]
) -> None:
    across(lago, rows(12), **INTO_THE_FIRST, accept_invoices_today="these")

    bare = as_json(file(*rows(12)), "--accept-invoices-today")
    with_day = as_json(file(*rows(12)), "--accept-invoices-today=2027-03-01")

    assert bare.code == 1
    assert set(map(tuple, bare.codes.values())) == {("invoiced_today",)}
    assert "--accept-invoices-today=2027-03-01" in bare.json["rows"][-1]["problems"][0]["hint"]
    assert with_day.code == 0, with_day.err
    lago.set_clock("2027-03-01T03:00:00Z")
    assert len(invoiced(lago)) == 12


def test_a_run_that_was_accepted_goes_on_the_same_day_with_the_same_command(
    on_the_first: Sandbox, file: Callable[..., Path]
) -> None:
    path = file(*rows(4))
    stopped = across(
        on_the_first, rows(4), at=FIRST, to="2027-03-02T09:00:00Z", accept_invoices_today="these"
    )
    assert stopped.run is not None
    BackfillRun.objects.filter(pk=stopped.run.pk).update(status="interrupted")
    on_the_first.set_clock("2027-03-01T11:00:00Z")

    assert command(path, "--accept-invoices-today", "--skip-existing").code == 0


def test_a_day_that_begins_no_period_is_crossed_without_a_word(lago: Sandbox) -> None:
    report = across(lago, rows(6), at="2027-03-09T23:50:00Z", to="2027-03-10T00:10:30Z")

    assert report.status == "succeeded"


# --- the invoice that was told is the invoice ---------------------------------------------------------

PLANS: list[Any] = [
    "standard:3000", "ahead:3000:EUR:monthly:advance",
    "week:700:EUR:weekly", "quarter:9000:EUR:quarterly:advance",
    {"code": "fee", "amount_cents": 3000, "fixed_charges": [
        {**FEE_AHEAD, "pay_in_advance": False}, {**FEE_AHEAD, "prorated": True},
    ]},
    TRIAL,
]  # fmt: skip
CODES = ["standard", "ahead", "week", "quarter", "fee", "trial"]


@pytest.mark.parametrize("billing_time", ["calendar", "anniversary"])
@pytest.mark.parametrize(
    ("zone", "now"),
    [
        ("UTC", "2027-03-01T09:00:00Z"),
        ("UTC", "2026-11-25T10:00:00Z"),
        ("Europe/Berlin", "2027-03-27T23:30:00Z"),  # the 28th there, on which clocks go forward
        ("Europe/Berlin", "2026-10-24T22:30:00Z"),  # the 25th, on which they go back
        ("America/New_York", "2027-03-14T06:30:00Z"),
        ("America/New_York", "2027-03-01T03:00:00Z"),  # still the last of February there
        ("Pacific/Auckland", "2027-04-03T13:30:00Z"),
        ("Pacific/Auckland", "2027-02-28T12:00:00Z"),  # the first of March there
    ],
)
def test_the_first_two_invoices_that_are_told_are_those_that_lago_makes(
    lago: Sandbox, zone: str, now: str, billing_time: str
) -> None:
    lago.set_organization(billing_entity_timezone=zone)
    lago.put_plans(*PLANS)
    lago.set_clock(now)
    today = datetime.fromisoformat(now).astimezone(ZoneInfo(zone)).date()
    starts = [today - timedelta(days=days) for days in (400, 31, 5, 0, -3)]
    given = [
        row(number, plan_code=code, start_date=start.isoformat())
        for number, (code, start) in enumerate(((c, s) for c in CODES for s in starts), start=1)
    ]

    report = imported(given, billing_time=billing_time, accept_invoices_today="these")

    assert report.status == "succeeded"
    told_of = {
        one["external_id"]: [in_short(one["first_invoice"]), in_short(one["second_invoice"])]
        for one in told(report).values()
    }
    lago.set_clock((datetime.fromisoformat(now) + timedelta(days=250)).astimezone(UTC).isoformat())
    assert told_of == {external_id: made[:2] for external_id, made in journal(lago, zone).items()}


def in_short(bill: dict[str, Any]) -> tuple[str, int]:
    return bill["date"], bill["amount_cents"]


def journal(lago: Sandbox, zone: str) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = {}
    for one in lago.journal()["invoices"]:
        day = datetime.fromisoformat(one["issued_at"]).astimezone(ZoneInfo(zone)).date().isoformat()
        found.setdefault(one["external_customer_id"], []).append((day, one["amount_cents"]))
    return found
