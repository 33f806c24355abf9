"""What the plan of an import says of each case that a real Lago was measured in."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.billing.forecast.measured import AMOUNT_CENTS, CASES, UNIT_AMOUNT, UNITS, Case, Figures
from tests.customers.factories import planned, row, told

pytestmark = pytest.mark.django_db


def code_of(case: Case) -> str:
    base = "advance" if case.in_advance else "arrears"
    return "-".join([case.interval, base, str(case.trial_days), *sorted(case.fixed_charge)])


def plan_of(case: Case) -> dict[str, Any]:
    charge = {
        "units": UNITS,
        "properties": {"amount": UNIT_AMOUNT},
        "pay_in_advance": "advance" in case.fixed_charge,
        "prorated": "prorated" in case.fixed_charge,
    }
    return {
        "code": code_of(case),
        "amount_cents": AMOUNT_CENTS,
        "interval": case.interval,
        "pay_in_advance": case.in_advance,
        "trial_period": case.trial_days,
        "fixed_charges": [charge] if case.fixed_charge else [],
        "bill_fixed_charges_monthly": "monthly" in case.fixed_charge,
    }


def figures(case: Case, bill: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    if bill is None:
        return None
    period = (bill["from"], bill["to"]) if case.has_periods else ()
    return (bill["date"], str(bill["base_cents"]), str(bill["fixed_cents"]), *period)


def measured(invoice: Figures | None) -> tuple[str, ...] | None:
    return tuple(str(value) for value in invoice if value is not None) if invoice else None


def some(today: str, billing_time: str) -> list[Case]:
    return [case for case in CASES if (str(case.now.date()), case.billing_time) == (today, billing_time)]


def put_plans(lago: Sandbox, cases: Iterable[Case]) -> None:
    lago.put_plans(*{code_of(case): plan_of(case) for case in cases}.values())


@pytest.mark.parametrize("billing_time", ["calendar", "anniversary"])
@pytest.mark.parametrize("today", ["2026-11-25", "2027-03-01"])
def test_each_row_is_told_its_first_two_invoices_as_lago_made_them(
    lago: Sandbox, today: str, billing_time: str
) -> None:
    cases = some(today, billing_time)
    put_plans(lago, cases)
    lago.set_clock(f"{today}T10:00:00Z")
    given = [
        row(number, plan_code=code_of(case), start_date=case.start.isoformat())
        for number, case in enumerate(cases, start=1)
    ]

    found = list(told(planned(given, billing_time=billing_time)).values())

    wrong = [
        (case, one)
        for case, one in zip(cases, found, strict=True)
        if figures(case, one["first_invoice"]) != measured(case.first)
        or (case.second and figures(case, one["second_invoice"]) != measured(case.second))
    ]
    assert len(cases) > 200
    assert wrong == []


def test_whoever_was_invoiced_for_the_past_that_day_has_the_problem_and_nobody_else(lago: Sandbox) -> None:
    cases = some("2027-03-01", "calendar")
    put_plans(lago, cases)
    lago.set_clock("2027-03-01T10:00:00Z")
    given = [
        row(number, plan_code=code_of(case), start_date=case.start.isoformat())
        for number, case in enumerate(cases, start=1)
    ]

    found = list(told(planned(given)).values())

    past = [case for case in cases if is_past(case)]
    assert len(past) > 40
    assert [
        case
        for case, one in zip(cases, found, strict=True)
        if [problem["code"] for problem in one["problems"]] == ["invoiced_today"]
    ] == past


def is_past(case: Case) -> bool:
    """Say by Lago's invoice whether it was made that day, cost something, and was for days that were over."""
    day, base, fixed, _, last = case.first
    today = case.now.date()
    if day != today or not base + fixed:
        return False
    long_over = case.in_advance and case.trial_days and (today - case.start).days > case.trial_days
    return bool((base and last and last < today) or (fixed and "arrears" in case.fixed_charge) or long_over)
