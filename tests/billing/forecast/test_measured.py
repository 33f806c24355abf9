"""The forecast against what a real Lago billed."""

from dataclasses import replace
from datetime import UTC, datetime, time

from billing.forecast import Invoice, forecast
from tests.billing.forecast.measured import CASES, Case, Figures
from tests.billing.forecast.plans import ARREARS, TWO_AT_FIVE


def _told(case: Case) -> tuple[Figures | None, Figures | None]:
    charge = replace(
        TWO_AT_FIVE, pay_in_advance="advance" in case.fixed_charge, prorated="prorated" in case.fixed_charge
    )
    plan = replace(
        ARREARS,
        interval=case.interval,
        pay_in_advance=case.in_advance,
        trial_period=case.trial_days,
        fixed_charges=(charge,) if case.fixed_charge else (),
        bill_fixed_charges_monthly="monthly" in case.fixed_charge,
    )
    start = datetime.combine(case.start, time(), UTC)
    found = forecast(plan, billing_time=case.billing_time, subscription_at=start, zone=UTC, now=case.now)
    return _figures(found.first, case), _figures(found.second, case) if case.second else None


def _figures(invoice: Invoice | None, case: Case) -> Figures | None:
    if invoice is None:
        return None
    period = (invoice.first, invoice.last) if case.has_periods else (None, None)
    return (invoice.day, invoice.base_cents, invoice.fixed_cents, *period)


def test_every_measured_case_is_told_exactly() -> None:
    wrong = [case for case in CASES if _told(case) != (case.first, case.second)]

    assert (len(CASES), wrong) == (981, [])
