"""The sandbox against what a real Lago billed, its clock moved over more than a year."""

from collections.abc import Iterable
from datetime import UTC, datetime, time

import pytest

from rehearsal.lago.seeds import PlanSpec
from tests.billing.forecast.measured import AMOUNT_CENTS, CASES, UNIT_AMOUNT, UNITS, Case, Figures
from tests.rehearsal.lago.years import Billed, Wanted, play


def _wanted(case: Case) -> Wanted:
    charge = {
        "units": UNITS,
        "properties": {"amount": UNIT_AMOUNT},
        "pay_in_advance": "advance" in case.fixed_charge,
        "prorated": "prorated" in case.fixed_charge,
    }
    parts = [case.interval, str(case.in_advance), str(case.trial_days), *sorted(case.fixed_charge)]
    plan = PlanSpec(
        code="-".join(parts),
        amount_cents=AMOUNT_CENTS,
        interval=case.interval,
        pay_in_advance=case.in_advance,
        trial_period=case.trial_days,
        bill_fixed_charges_monthly="monthly" in case.fixed_charge,
        fixed_charges=[charge] if case.fixed_charge else [],
    )
    return Wanted(plan, case.billing_time, datetime.combine(case.start, time(), UTC))


def _figures(invoices: Iterable[Billed], case: Case) -> list[Figures]:
    return [
        (
            one.day,
            one.base_cents,
            one.fixed_cents,
            *((one.first, one.last) if case.has_periods else (None, None)),
        )
        for one in invoices
    ]


@pytest.mark.parametrize("now", sorted({case.now for case in CASES}), ids=str)
def test_every_measured_case_is_billed_exactly(now: datetime) -> None:
    cases = [case for case in CASES if case.now == now]

    invoices = play(map(_wanted, cases), now, days=400)

    expected = [[case.first] + ([case.second] if case.second else []) for case in cases]
    billed = [
        _figures(found, case)[: len(told)]
        for found, case, told in zip(invoices, cases, expected, strict=True)
    ]
    assert len(cases) > 400
    assert [case for case, *both in zip(cases, billed, expected, strict=True) if both[0] != both[1]] == []
