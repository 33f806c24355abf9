"""Plans to be told about, and a forecast with as few words as a test needs."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal

from billing.forecast import Forecast, Invoice, forecast
from billing.values import FixedCharge, Plan

ARREARS = Plan(
    lago_id="p1",
    code="standard",
    name="Standard",
    interval="monthly",
    amount_cents=3000,
    amount_currency="EUR",
    pay_in_advance=False,
    pending_deletion=False,
    metric_codes=(),
    fixed_charges=(),
)
ADVANCE = replace(ARREARS, pay_in_advance=True)
TWO_AT_FIVE = FixedCharge(units=Decimal(2), unit_amount=Decimal(5), pay_in_advance=False, prorated=False)


def told(
    plan: Plan, start: str | datetime, now: str, billing_time: str = "calendar", zone: tzinfo = UTC
) -> Forecast:
    """Forecast a start: a day in the zone, or an instant. `now` without an offset is in the zone too."""
    at = start if isinstance(start, datetime) else midnight(start, zone)
    moment = datetime.fromisoformat(now)
    return forecast(
        plan,
        billing_time=billing_time,
        subscription_at=at,
        zone=zone,
        now=moment if moment.tzinfo else moment.replace(tzinfo=zone),
    )


def midnight(day: str, zone: tzinfo) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), zone)


def in_short(invoice: Invoice | None) -> str:
    """Write an invoice as `date cents first last`."""
    assert invoice
    return f"{invoice.day} {invoice.amount_cents} {invoice.first} {invoice.last}"
