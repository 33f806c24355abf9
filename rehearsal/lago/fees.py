"""What an invoice charges: the plan's amount and its fixed charges, each for the days of a period."""

from datetime import date, datetime, timedelta
from fractions import Fraction

from rehearsal.lago.codes import WITHOUT_CENTS
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.periods import next_start, period_start
from rehearsal.lago.tables import Plan, Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

BY_THE_MONTH = ("semiannual", "yearly")  # only these can be told to bill charges monthly


def fixed_interval(plan: Plan) -> str:
    monthly = plan.bill_fixed_charges_monthly and plan.interval in BY_THE_MONTH
    return "monthly" if monthly else plan.interval


def invoice_interval(plan: Plan) -> str:
    monthly = plan.bill_charges_monthly or plan.bill_fixed_charges_monthly
    return "monthly" if monthly and plan.interval in BY_THE_MONTH else plan.interval


def bounds(world: World, row: Subscription, at: datetime, interval: str) -> tuple[datetime, datetime]:
    """Return where the period around `at` begins and where the next one does."""
    anchor, kind, zone = row.subscription_at, row.billing_time, world.timezone()
    start = period_start(at, anchor, interval, kind, zone)
    return start, next_start(start, anchor, interval, kind, zone)


def begins(world: World, row: Subscription, boundary: datetime, interval: str) -> bool:
    return bounds(world, row, boundary, interval)[0] == boundary


def trial_days_end(world: World, row: Subscription) -> date | None:
    """Return the first day after the trial, or None if the plan has none."""
    days, start = int(world.plan_of(row).trial_period), row.started_at or row.subscription_at
    return local_day(start, world.timezone()) + timedelta(days=days) if days else None


def base_fee(world: World, row: Subscription, at: datetime, *, due: bool = True) -> Json:
    """Charge the plan's amount for the period around `at`, less days before the start and of the trial."""
    plan = world.plan_of(row)
    first, last, length = _lived(world, row, at, plan.interval)
    trial_end = trial_days_end(world, row)
    days = max((last - max(first, trial_end or first)).days + 1, 0)
    # Lago multiplies the price of a day, in floating point.
    cents = plan.amount_cents if days == length else int(days * (plan.amount_cents / length) + 0.5)
    return {
        "type": "subscription",
        "code": plan.code,
        "lago_item_id": row.lago_id,
        "amount_cents": cents if due else 0,
        "units": "1",
        "pay_in_advance": plan.pay_in_advance,
        **_dates(first, last),
    }


def fixed_fees(world: World, row: Subscription, at: datetime, *, in_advance: bool) -> list[Json]:
    """Charge the fixed charges for the period around `at`: whole, or by days if they are prorated."""
    plan = world.plan_of(row)
    chosen = [charge for charge in plan.fixed_charges if charge["pay_in_advance"] == in_advance]
    if not chosen:
        return []
    first, last, length = _lived(world, row, at, fixed_interval(plan))
    share = Fraction((last - first).days + 1, length)
    return [_fixed_fee(plan, one, share) | _dates(first, last) for one in chosen]


def _fixed_fee(plan: Plan, charge: Json, share: Fraction) -> Json:
    return {
        "type": "fixed_charge",
        "code": charge["code"],
        "lago_item_id": charge["lago_id"],
        "amount_cents": _price(plan, charge, share),
        "units": charge["units"],
        "pay_in_advance": charge["pay_in_advance"],
    }


def _price(plan: Plan, charge: Json, share: Fraction) -> int:
    unit = 1 if plan.currency in WITHOUT_CENTS else 100
    exact = Fraction(charge["units"]) * Fraction(charge["amount"]) * unit
    return int(exact * (share if charge["prorated"] else 1) + Fraction(1, 2))


def _lived(world: World, row: Subscription, at: datetime, interval: str) -> tuple[date, date, int]:
    """Return the first and last day that the subscription lives of a period, and the length of the period."""
    zone = world.timezone()
    start, following = (local_day(bound, zone) for bound in bounds(world, row, at, interval))
    first = max(start, local_day(row.started_at or row.subscription_at, zone))
    return first, following - timedelta(days=1), (following - start).days


def _dates(first: date, last: date) -> Json:
    return {"from_date": first.isoformat(), "to_date": last.isoformat()}
