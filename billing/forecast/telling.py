"""From a plan and a start to the first two invoices, and to what must not happen today."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache

from billing.forecast.invoices import ONE_DAY, Billed, Invoice
from billing.forecast.periods import CALENDAR, INTERVALS, Rhythm
from billing.values import Plan

LAST_YEAR = 9900


class Unforeseen(StrEnum):
    """Why no figure can be told: Lago's own arithmetic is odd there, or the plan does not say enough."""

    LEAP_DAY = "leap_day"  # a yearly anniversary on 29 February: periods a year off
    HALF_YEAR = "half_year"  # half-years of the calendar, in advance, begun within one: its next invoice is 0
    UNKNOWN_PRICE = "unknown_price"  # no interval or amount, or a fixed charge in tiers
    TOO_FAR = "too_far"  # a start, or the end of a trial, where Python's calendar ends


@dataclass(frozen=True, slots=True)
class Forecast:
    """What Lago bills if the subscription is made now.

    - `first`, `second`: the invoices to come, those of today included.
    - `today`: all that is dated today; `tonight`: what comes in the night after, dated tomorrow.
    - `invoiced_today`: Lago would today bill days that are over, or what a finished trial brings up.
    - `clear_from`: the first day on which an import would not do that; None if never, or if not today.
    - `warning`: there are no figures then; `invoiced_today` and `clear_from` are told all the same.
    """

    first: Invoice | None
    second: Invoice | None
    today: tuple[Invoice, ...]
    tonight: tuple[Invoice, ...]
    invoiced_today: bool
    clear_from: date | None
    warning: Unforeseen | None


def forecast(
    plan: Plan, *, billing_time: str, subscription_at: datetime, zone: tzinfo, now: datetime
) -> Forecast:
    """Tell the invoices of a subscription made at `now`, by days of the billing `zone`.

    `plan` comes from `LagoClient.plan`; one from the list lacks the fixed charges: ValueError. The instant
    `subscription_at`, as Lago is sent it, counts as the day that it is in `zone`. What is due today counts as
    billed, even late in the evening when Lago's last run of the day may be over.
    """
    if plan.fixed_charges is None:
        raise ValueError("the fixed charges of this plan were not read")
    start, today = subscription_at.astimezone(zone).date(), now.astimezone(zone).date()
    return _forecast(plan, billing_time, start, today)


def next_invoices(
    plan: Plan, *, billing_time: str, subscription_at: datetime, zone: tzinfo, now: datetime, begins_on: date
) -> tuple[Invoice, ...]:
    """Tell the next two invoices of an active subscription whose next period begins on that day, by Lago.

    Nothing where no figure can be told, or where our arithmetic has no period that begins on that day.
    """
    if plan.interval is None or plan.interval not in INTERVALS:
        return ()
    if subscription_at.year + plan.trial_period / 365 > LAST_YEAR:
        return ()
    start, today = subscription_at.astimezone(zone).date(), now.astimezone(zone).date()
    billed = _billed(plan, plan.interval, billing_time, start)
    agrees = start <= today and billed.base_rhythm.first_beginning(today + ONE_DAY) == begins_on
    if not agrees or _unforeseen(billed, billing_time, today):
        return ()
    return tuple(billed.invoices_after(today)[:2])


@lru_cache(maxsize=5000)
def whole_cents(plan: Plan) -> int | None:
    """Tell what Lago bills for a whole period of a plan: its amount, and its fixed charges in that time."""
    if plan.interval is None or plan.interval not in INTERVALS:
        return None
    return _billed(plan, plan.interval, "calendar", CALENDAR).whole_cents


@lru_cache(maxsize=5000)  # the rows of a file share their plans, and many their start
def _forecast(plan: Plan, billing_time: str, start: date, today: date) -> Forecast:
    if plan.interval is None or plan.interval not in INTERVALS:
        return Forecast(None, None, (), (), False, None, Unforeseen.UNKNOWN_PRICE)
    if start.year + plan.trial_period / 365 > LAST_YEAR:
        return Forecast(None, None, (), (), False, None, Unforeseen.TOO_FAR)
    billed = _billed(plan, plan.interval, billing_time, start)
    found, tomorrow = billed.invoices(today), today + ONE_DAY
    invoiced_today = _bills_the_past(billed, found, today)
    never = invoiced_today and _bills_the_past(billed, billed.invoices(tomorrow), tomorrow)
    clear_from = tomorrow if invoiced_today and not never else None
    warning = _unforeseen(billed, billing_time, today)
    if warning:
        return Forecast(None, None, (), (), invoiced_today, clear_from, warning)
    soon = _dated(found, today), _dated(found, tomorrow)
    return Forecast(found[0], found[1], *soon, invoiced_today, clear_from, None)


def _billed(plan: Plan, interval: str, billing_time: str, start: date) -> Billed:
    base = Rhythm.of(interval, billing_time, start)
    monthly = Rhythm.of("monthly", billing_time, start)
    may_be_monthly = interval in ("semiannual", "yearly")
    fixed = monthly if may_be_monthly and plan.bill_fixed_charges_monthly else base
    usage = monthly if may_be_monthly and plan.bill_charges_monthly else base
    return Billed(plan, base, fixed, monthly if monthly in (fixed, usage) else base, start)


def _dated(invoices: list[Invoice], day: date) -> tuple[Invoice, ...]:
    return tuple(invoice for invoice in invoices if invoice.day == day)


def _bills_the_past(billed: Billed, invoices: list[Invoice], day: date) -> bool:
    """Tell whether an import on that day makes Lago bill, on that day, what is over."""
    trial = billed.after_trial(day)
    if trial and billed.trial_end < day and trial.amount_cents:
        return True
    parts = [part for invoice in _dated(invoices, day) for part in invoice.parts]
    return any(part.cents and part.last < day for part in parts)


def _unforeseen(billed: Billed, billing_time: str, today: date) -> Unforeseen | None:
    plan, start = billed.plan, billed.start
    if plan.amount_cents is None or any(one.unit_amount is None for one in plan.fixed_charges or ()):
        return Unforeseen.UNKNOWN_PRICE
    if plan.interval == "yearly" and billing_time == "anniversary" and (start.month, start.day) == (2, 29):
        return Unforeseen.LEAP_DAY
    if plan.interval == "semiannual" and billing_time == "calendar" and plan.pay_in_advance:
        next_day = billed.base_rhythm.first_beginning(max(today, start + ONE_DAY))
        if start >= billed.base_rhythm.ending_before(next_day).first:
            return Unforeseen.HALF_YEAR
    return None
