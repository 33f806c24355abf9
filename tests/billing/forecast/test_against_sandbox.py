"""The forecast against the sandbox, which bills by its jobs and its clock, on days that nobody measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from billing.forecast import Forecast, Invoice, forecast
from billing.values import FixedCharge, Plan
from rehearsal.lago.seeds import PlanSpec
from tests.billing.forecast.plans import midnight
from tests.rehearsal.lago.years import Billed, Wanted, play

INTERVALS = ["weekly", "monthly", "quarterly", "semiannual", "yearly"]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]
# A second billing day of a yearly plan that begins some weeks after the import.
HORIZON_DAYS = 2 * 366 + 70
AWKWARD_DAYS = [
    date(2027, 3, 28),
    date(2026, 10, 25),
    date(2028, 2, 29),
    date(2027, 2, 28),
    date(2026, 12, 31),
]
TODAYS = st.dates(date(2025, 1, 1), date(2030, 12, 31)) | st.sampled_from(AWKWARD_DAYS)


@dataclass(frozen=True, slots=True)
class Asked:
    plan: Plan
    billing_time: str
    start: date


FIXED_CHARGES = st.builds(
    FixedCharge,
    units=st.sampled_from([Decimal(1), Decimal("2.5"), Decimal(7)]),
    unit_amount=st.sampled_from([Decimal(0), Decimal("0.35"), Decimal(5)]),
    pay_in_advance=st.booleans(),
    prorated=st.booleans(),
)
PLANS = st.builds(
    Plan,
    lago_id=st.just("p"),
    code=st.just("p"),
    name=st.just("p"),
    interval=st.sampled_from(INTERVALS),
    amount_cents=st.integers(0, 100_000),
    amount_currency=st.sampled_from(["EUR", "JPY"]),
    pay_in_advance=st.booleans(),
    pending_deletion=st.just(False),
    metric_codes=st.just(()),
    trial_period=st.sampled_from([0.0, 1.0, 10.0, 30.0, 45.0, 400.0]),
    bill_charges_monthly=st.booleans(),
    bill_fixed_charges_monthly=st.booleans(),
    fixed_charges=st.lists(FIXED_CHARGES, max_size=2).map(tuple),
)


@st.composite
def _imports(draw: st.DrawFn) -> tuple[datetime, ZoneInfo, list[Asked]]:
    """Draw an import up to the last hour of a day, when the last of Lago's hourly runs may have passed."""
    zone, today = ZoneInfo(draw(st.sampled_from(ZONES))), draw(TODAYS)
    hour, minute = draw(st.integers(0, 22)), draw(st.integers(0, 59))
    now = datetime(today.year, today.month, today.day, hour, minute, tzinfo=zone)
    starts = st.integers(-1000, 60) | st.integers(-40, 3)
    asked = st.builds(
        Asked,
        plan=PLANS,
        billing_time=st.sampled_from(["calendar", "anniversary"]),
        start=starts.map(lambda days: today + timedelta(days=days)),
    )
    return now.astimezone(UTC), zone, draw(st.lists(asked, min_size=1, max_size=6))


def _told(asked: Asked, now: datetime, zone: ZoneInfo) -> Forecast:
    start = midnight(asked.start.isoformat(), zone)
    return forecast(asked.plan, billing_time=asked.billing_time, subscription_at=start, zone=zone, now=now)


def _wanted(number: int, asked: Asked, zone: ZoneInfo) -> Wanted:
    plan = asked.plan
    charges = [
        {
            "units": str(one.units),
            "properties": {"amount": str(one.unit_amount)},
            "pay_in_advance": one.pay_in_advance,
            "prorated": one.prorated,
        }
        for one in plan.fixed_charges or ()
    ]
    spec = PlanSpec(
        code=str(number),
        amount_cents=plan.amount_cents or 0,
        currency=plan.amount_currency or "",
        interval=plan.interval or "",
        pay_in_advance=plan.pay_in_advance,
        trial_period=plan.trial_period,
        bill_charges_monthly=plan.bill_charges_monthly,
        bill_fixed_charges_monthly=plan.bill_fixed_charges_monthly,
        fixed_charges=charges,
    )
    return Wanted(spec, asked.billing_time, midnight(asked.start.isoformat(), zone))


def _billed(invoices: Sequence[Invoice | None]) -> list[Billed]:
    return [
        Billed(one.day, one.base_cents, one.fixed_cents, one.first, one.last)
        for one in invoices
        if one is not None
    ]


@settings(max_examples=150)
@given(_imports())
def test_what_is_told_is_what_the_jobs_bill(imports: tuple[datetime, ZoneInfo, list[Asked]]) -> None:
    now, zone, asked = imports

    billed = play((_wanted(*one, zone) for one in enumerate(asked)), now, HORIZON_DAYS, zone.key)

    for one, invoices in zip(asked, billed, strict=True):
        told = _told(one, now, zone)
        today = now.astimezone(zone).date()
        days = [today, today + timedelta(days=1)]
        soon = [[invoice for invoice in invoices if invoice.day == day] for day in days]
        assert told.warning or _billed([told.first, told.second]) == invoices[:2]
        assert told.warning or [_billed(told.today), _billed(told.tonight)] == soon


@given(_imports())
def test_an_import_bills_no_past_from_the_day_on_that_is_told(
    imports: tuple[datetime, ZoneInfo, list[Asked]],
) -> None:
    now, zone, (asked, *_) = imports

    told = _told(asked, now, zone)
    later = [_told(asked, now + timedelta(days=days), zone) for days in (1, 2, 40)]

    assert told.invoiced_today or told.clear_from is None
    if told.clear_from:
        assert not later[0].invoiced_today
    elif told.invoiced_today:
        assert all(one.invoiced_today for one in later)
