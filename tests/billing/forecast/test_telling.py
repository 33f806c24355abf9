"""What is told of an import: its invoices, what it would bill today, and what cannot be told."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from billing.forecast import Kind, Unforeseen
from billing.values import FixedCharge, Plan
from tests.billing.forecast.plans import ADVANCE, ARREARS, TWO_AT_FIVE, in_short, midnight, told

BERLIN, NEW_YORK, AUCKLAND = map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Pacific/Auckland"))
FIXED_IN_ADVANCE = replace(TWO_AT_FIVE, pay_in_advance=True)


def _with(plan: Plan, *charges: FixedCharge, **changes: object) -> Plan:
    return replace(plan, fixed_charges=charges, **changes)  # type: ignore[arg-type]


# by part


def test_each_part_has_its_amount_and_its_days() -> None:
    plan = _with(ADVANCE, TWO_AT_FIVE, FIXED_IN_ADVANCE)

    invoice = told(plan, "2026-11-25", "2026-11-25T10:00").second

    assert invoice
    assert [(part.kind, part.cents, str(part.first), str(part.last)) for part in invoice.parts] == [
        (Kind.BASE_IN_ADVANCE, 3000, "2026-12-01", "2026-12-31"),
        (Kind.FIXED_IN_ARREARS, 1000, "2026-11-25", "2026-11-30"),
        (Kind.FIXED_IN_ADVANCE, 1000, "2026-12-01", "2026-12-31"),
    ]
    assert (invoice.amount_cents, invoice.base_cents, invoice.fixed_cents) == (5000, 3000, 2000)


def test_a_fixed_charge_in_advance_that_is_billed_by_days_starts_with_its_days() -> None:
    plan = _with(ARREARS, replace(FIXED_IN_ADVANCE, prorated=True))

    found = told(plan, "2026-11-25", "2026-11-25T10:00")

    assert in_short(found.first) == "2026-11-25 200 2026-11-25 2026-11-25"


def test_fixed_charges_billed_monthly_make_a_yearly_plan_an_invoice_a_month() -> None:
    plan = _with(ARREARS, TWO_AT_FIVE, interval="yearly", bill_fixed_charges_monthly=True)

    found = told(plan, "2026-11-15", "2026-11-25T10:00", "anniversary")

    assert found.first
    assert found.second
    assert [(str(one.day), one.fixed_cents) for one in (found.first, found.second)] == [
        ("2026-12-15", 1000),
        ("2027-01-15", 1000),
    ]


def test_usage_billed_monthly_makes_a_yearly_plan_invoices_without_an_amount() -> None:
    plan = _with(ARREARS, TWO_AT_FIVE, interval="yearly", bill_charges_monthly=True)

    found = told(plan, "2026-10-20", "2026-11-25T10:00")

    assert found.first
    assert (str(found.first.day), found.first.amount_cents, found.first.parts) == ("2026-12-01", 0, ())
    assert found.second
    assert (str(found.second.day), found.second.base_cents, found.second.fixed_cents) == (
        "2027-01-01",
        600,
        1000,
    )


def test_only_plans_longer_than_a_quarter_can_be_billed_monthly() -> None:
    plan = _with(ARREARS, TWO_AT_FIVE, interval="quarterly", bill_fixed_charges_monthly=True)

    assert in_short(told(plan, "2023-01-01", "2026-11-25T10:00").first).startswith("2027-01-01 4000")


@pytest.mark.parametrize(
    ("units", "unit_amount", "currency", "cents"),
    [
        ("2", "5", "EUR", 1000),
        ("1.5", "0.33", "EUR", 50),
        ("3", "500", "JPY", 1500),
        ("1", "0.005", "EUR", 1),
    ],
)
def test_a_fixed_charge_is_its_units_times_the_amount(
    units: str, unit_amount: str, currency: str, cents: int
) -> None:
    charge = replace(TWO_AT_FIVE, units=Decimal(units), unit_amount=Decimal(unit_amount))

    found = told(_with(ARREARS, charge, amount_currency=currency), "2023-01-01", "2026-11-25T10:00")

    assert found.first
    assert found.first.fixed_cents == cents


def test_a_share_is_rounded_as_lago_does_in_floating_point() -> None:
    halves = [
        told(replace(ARREARS, amount_cents=cents), "2026-11-16", "2026-11-25T10:00").first
        for cents in (505, 501)
    ]

    # Half of 505 is 252.5, which floating point puts a hair below.
    assert [invoice.base_cents for invoice in halves if invoice] == [252, 251]


# trials


def test_a_trial_that_ends_where_a_period_begins_is_billed_once() -> None:
    plan = replace(ADVANCE, trial_period=17.0)

    found = told(plan, "2026-12-15", "2026-12-10T10:00")

    assert in_short(found.first) == "2027-01-01 3000 2027-01-01 2027-01-31"
    assert in_short(found.second) == "2027-01-01 0 2027-01-01 2027-01-31"


def test_a_fixed_charge_in_advance_does_not_wait_for_the_end_of_the_trial() -> None:
    plan = _with(ADVANCE, FIXED_IN_ADVANCE, trial_period=10.0)

    found = told(plan, "2026-11-10", "2026-11-10T10:00")

    assert found.first
    assert (str(found.first.day), found.first.base_cents, found.first.fixed_cents) == ("2026-11-10", 0, 1000)
    assert in_short(found.second) == "2026-11-20 1100 2026-11-10 2026-11-30"


# days of the billing zone


@pytest.mark.parametrize(
    ("zone", "now", "first"),
    [
        (UTC, "2026-11-30T23:30:00+00:00", "2026-12-01"),
        (BERLIN, "2026-11-30T22:59:00+00:00", "2026-12-01"),
        (BERLIN, "2026-11-30T23:00:00+00:00", "2026-12-01"),
        (NEW_YORK, "2026-12-01T04:59:00+00:00", "2026-12-01"),
        (AUCKLAND, "2026-11-30T11:00:00+00:00", "2026-12-01"),
    ],
)
def test_today_is_the_day_in_the_billing_zone(zone: ZoneInfo, now: str, first: str) -> None:
    found = told(ARREARS, "2026-01-15", now, zone=zone)

    assert in_short(found.first) == f"{first} 3000 2026-11-01 2026-11-30"
    assert found.invoiced_today == (datetime.fromisoformat(now).astimezone(zone).day == 1)


def test_a_start_is_the_day_that_its_instant_is_in_the_billing_zone() -> None:
    berlin_midnight = midnight("2026-11-25", BERLIN)

    in_berlin = told(ARREARS, berlin_midnight, "2026-11-25T10:00", zone=BERLIN)
    in_utc = told(ARREARS, berlin_midnight, "2026-11-25T10:00", zone=UTC)

    assert in_short(in_berlin.first) == "2026-12-01 600 2026-11-25 2026-11-30"
    assert in_short(in_utc.first) == "2026-12-01 700 2026-11-24 2026-11-30"


@pytest.mark.parametrize(
    ("zone", "start", "now", "first"),
    [
        (BERLIN, "2026-10-21", "2026-10-21T10:00", "2026-11-01 1065 2026-10-21 2026-10-31"),
        (BERLIN, "2027-03-21", "2027-03-21T10:00", "2027-04-01 1065 2027-03-21 2027-03-31"),
        (NEW_YORK, "2026-10-31", "2026-10-31T23:00", "2026-11-01 97 2026-10-31 2026-10-31"),
        (NEW_YORK, "2027-03-14", "2027-03-14T01:00", "2027-04-01 1742 2027-03-14 2027-03-31"),
        (AUCKLAND, "2026-09-27", "2026-09-27T01:30", "2026-10-01 400 2026-09-27 2026-09-30"),
        (AUCKLAND, "2027-04-04", "2027-04-04T10:00", "2027-05-01 2700 2027-04-04 2027-04-30"),
    ],
)
def test_days_are_counted_across_a_change_of_the_clock(
    zone: ZoneInfo, start: str, now: str, first: str
) -> None:
    assert in_short(told(ARREARS, start, now, zone=zone).first) == first


def test_a_trial_is_counted_in_days_across_a_change_of_the_clock() -> None:
    found = told(replace(ADVANCE, trial_period=10.0), "2026-10-20", "2026-10-20T10:00", zone=BERLIN)

    assert in_short(found.first) == "2026-10-30 194 2026-10-20 2026-10-31"


# leap days and ends of months


@pytest.mark.parametrize(
    ("interval", "start", "now", "first"),
    [
        ("monthly", "2024-01-31", "2027-02-28T10:00", "2027-02-28 3000 2027-01-31 2027-02-27"),
        ("monthly", "2024-01-31", "2028-02-28T10:00", "2028-02-29 3000 2028-01-31 2028-02-28"),
        ("monthly", "2024-01-31", "2028-02-29T10:00", "2028-02-29 3000 2028-01-31 2028-02-28"),
        ("monthly", "2024-02-29", "2027-03-28T10:00", "2027-03-29 3000 2027-02-28 2027-03-28"),
        ("quarterly", "2026-08-31", "2026-11-30T10:00", "2026-11-30 3000 2026-08-31 2026-11-29"),
        ("yearly", "2027-02-28", "2028-02-28T10:00", "2028-02-28 3000 2027-02-28 2028-02-27"),
        ("yearly", "2027-03-01", "2028-02-29T10:00", "2028-03-01 3000 2027-03-01 2028-02-29"),
        ("yearly", "2026-01-01", "2027-01-01T10:00", "2027-01-01 3000 2026-01-01 2026-12-31"),
    ],
)
def test_anniversaries_at_the_end_of_a_month(interval: str, start: str, now: str, first: str) -> None:
    found = told(replace(ARREARS, interval=interval), start, now, "anniversary")

    assert in_short(found.first) == first


def test_february_has_a_day_more_in_a_leap_year() -> None:
    found = told(ARREARS, "2028-02-15", "2028-02-29T10:00")

    assert in_short(found.first) == "2028-03-01 1552 2028-02-15 2028-02-29"


# what must not happen today


@pytest.mark.parametrize(
    ("plan", "start", "now", "billing_time"),
    [
        (ARREARS, "2023-05-17", "2027-03-01T10:00", "calendar"),
        (ARREARS, "2027-02-28", "2027-03-01T10:00", "calendar"),
        (ARREARS, "2023-05-17", "2027-02-17T10:00", "anniversary"),
        (replace(ARREARS, interval="weekly"), "2023-05-17", "2026-11-23T10:00", "calendar"),
        (replace(ARREARS, interval="yearly"), "2023-05-17", "2027-01-01T10:00", "calendar"),
        (_with(ADVANCE, TWO_AT_FIVE), "2023-05-17", "2027-03-01T10:00", "calendar"),
        (
            _with(ADVANCE, replace(TWO_AT_FIVE, unit_amount=None)),
            "2023-05-17",
            "2027-03-01T10:00",
            "calendar",
        ),
    ],
)
def test_an_import_where_a_period_begins_bills_the_one_before_and_a_day_later_does_not(
    plan: Plan, start: str, now: str, billing_time: str
) -> None:
    found = told(plan, start, now, billing_time)
    later = told(plan, start, f"{found.clear_from}T10:00", billing_time)

    assert (found.invoiced_today, later.invoiced_today) == (True, False)
    assert found.clear_from == date.fromisoformat(now[:10]).replace(day=int(now[8:10]) + 1)


@pytest.mark.parametrize(
    ("plan", "start", "now"),
    [
        (ADVANCE, "2023-05-17", "2027-03-01T10:00"),
        (ADVANCE, "2027-03-01", "2027-03-01T10:00"),
        (_with(ARREARS, FIXED_IN_ADVANCE), "2027-03-01", "2027-03-01T10:00"),
        (ARREARS, "2027-03-01", "2027-03-01T10:00"),
        (ARREARS, "2023-05-17", "2027-03-02T10:00"),
        (ARREARS, "2027-03-15", "2027-03-01T10:00"),
        (replace(ARREARS, trial_period=45.0), "2027-02-10", "2027-03-01T10:00"),
        (replace(ARREARS, amount_cents=0), "2023-05-17", "2027-03-01T10:00"),
    ],
)
def test_what_begins_today_or_costs_nothing_is_no_bill_for_what_is_over(
    plan: Plan, start: str, now: str
) -> None:
    found = told(plan, start, now)

    assert (found.invoiced_today, found.clear_from) == (False, None)


def test_a_finished_trial_is_billed_on_whatever_day_the_import_is() -> None:
    plan = replace(ADVANCE, trial_period=30.0)

    found = told(plan, "2023-05-17", "2026-11-25T10:00")

    assert [in_short(invoice) for invoice in found.today] == ["2026-11-25 3000 2026-11-01 2026-11-30"]
    assert (found.invoiced_today, found.clear_from) == (True, None)


def test_a_trial_that_ends_today_brings_up_nothing_that_is_over() -> None:
    plan = replace(ADVANCE, trial_period=10.0)

    found = told(plan, "2026-11-15", "2026-11-25T10:00")

    assert [in_short(invoice) for invoice in found.today] == ["2026-11-25 600 2026-11-15 2026-11-30"]
    assert not found.invoiced_today


def test_a_period_billed_today_is_never_clear_if_a_trial_is_over_tomorrow() -> None:
    plan = _with(ADVANCE, TWO_AT_FIVE, trial_period=20.0)

    found = told(plan, "2026-11-11", "2026-12-01T10:00")

    assert (found.invoiced_today, found.clear_from) == (True, None)


def test_what_comes_in_the_night_after_is_told_apart() -> None:
    found = told(ARREARS, "2023-05-17", "2026-11-30T23:30", zone=BERLIN)

    assert found.today == ()
    assert [in_short(invoice) for invoice in found.tonight] == ["2026-12-01 3000 2026-11-01 2026-11-30"]
    assert not found.invoiced_today


def test_a_night_can_bring_more_than_the_second_invoice() -> None:
    plan = _with(ADVANCE, FIXED_IN_ADVANCE, trial_period=1.0)

    found = told(plan, "2026-11-30", "2026-11-30T10:00")

    assert [invoice.amount_cents for invoice in found.today] == [1000]
    assert [invoice.amount_cents for invoice in found.tonight] == [3000, 1000]


# what cannot be told


@pytest.mark.parametrize(
    ("plan", "start", "billing_time", "warning"),
    [
        (replace(ARREARS, interval="yearly"), "2024-02-29", "anniversary", Unforeseen.LEAP_DAY),
        (replace(ARREARS, interval="yearly"), "2024-02-29", "calendar", None),
        (replace(ARREARS, interval="monthly"), "2024-02-29", "anniversary", None),
        (replace(ADVANCE, interval="semiannual"), "2026-10-20", "calendar", Unforeseen.HALF_YEAR),
        (replace(ADVANCE, interval="semiannual"), "2026-07-01", "calendar", Unforeseen.HALF_YEAR),
        (replace(ADVANCE, interval="semiannual"), "2027-02-10", "calendar", Unforeseen.HALF_YEAR),
        (replace(ADVANCE, interval="semiannual"), "2026-06-30", "calendar", None),
        (replace(ADVANCE, interval="semiannual"), "2026-10-20", "anniversary", None),
        (replace(ARREARS, interval="semiannual"), "2026-10-20", "calendar", None),
        (replace(ARREARS, amount_cents=None), "2026-10-20", "calendar", Unforeseen.UNKNOWN_PRICE),
        (replace(ARREARS, interval=None), "2026-10-20", "calendar", Unforeseen.UNKNOWN_PRICE),
        (ARREARS, "9999-12-30", "anniversary", Unforeseen.TOO_FAR),
        (replace(ADVANCE, trial_period=1e7), "2026-10-20", "calendar", Unforeseen.TOO_FAR),
        (replace(ARREARS, interval="daily"), "2026-10-20", "calendar", Unforeseen.UNKNOWN_PRICE),
        (
            _with(ARREARS, replace(TWO_AT_FIVE, unit_amount=None)),
            "2026-10-20",
            "calendar",
            Unforeseen.UNKNOWN_PRICE,
        ),
    ],
)
def test_where_lago_is_odd_there_is_a_warning_and_no_figure(
    plan: Plan, start: str, billing_time: str, warning: Unforeseen | None
) -> None:
    found = told(plan, start, "2026-11-25T10:00", billing_time)

    assert found.warning == warning
    assert (found.first is None, found.second is None) == (warning is not None, warning is not None)
    assert found.today == found.tonight == ()


def test_without_a_figure_the_past_is_told_all_the_same() -> None:
    plan = replace(ARREARS, interval="yearly")

    found = told(plan, "2024-02-29", "2027-02-28T10:00", "anniversary")

    assert (found.warning, found.first) == (Unforeseen.LEAP_DAY, None)
    assert (found.invoiced_today, found.clear_from) == (True, date(2027, 3, 1))


def test_a_plan_from_the_list_is_refused() -> None:
    with pytest.raises(ValueError, match="fixed charges"):
        told(replace(ARREARS, fixed_charges=None), "2026-11-25", "2026-11-25T10:00")
