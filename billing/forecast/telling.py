"""From a plan and a start to the first two invoices, and to what must not happen today."""

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from billing.forecast.invoices import ONE_DAY, Billed, Invoice
from billing.forecast.periods import Rhythm
from billing.values import Plan


class Unforeseen(StrEnum):
    """Why no figure can be told: Lago's own arithmetic is odd there, or the plan does not say enough."""

    LEAP_DAY = "leap_day"  # a yearly anniversary on 29 February: periods a year off
    HALF_YEAR = "half_year"  # half-years of the calendar, in advance, begun within one: its next invoice is 0
    UNKNOWN_PRICE = "unknown_price"  # no interval or amount, or a fixed charge in tiers


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
    today, start = now.astimezone(zone).date(), subscription_at.astimezone(zone).date()
    if plan.interval is None:
        return Forecast(None, None, (), (), False, None, Unforeseen.UNKNOWN_PRICE)
    billed = _billed(plan, plan.interval, billing_time, start)
    invoiced_today = _bills_the_past(billed, today)
    clear_from = today + ONE_DAY if invoiced_today and not _bills_the_past(billed, today + ONE_DAY) else None
    warning = _unforeseen(billed, billing_time, today)
    if warning:
        return Forecast(None, None, (), (), invoiced_today, clear_from, warning)
    found = billed.invoices(today)
    return Forecast(
        first=found[0],
        second=found[1],
        today=_dated(found, today),
        tonight=_dated(found, today + ONE_DAY),
        invoiced_today=invoiced_today,
        clear_from=clear_from,
        warning=None,
    )


def _billed(plan: Plan, interval: str, billing_time: str, start: date) -> Billed:
    base = Rhythm.of(interval, billing_time, start)
    monthly = Rhythm.of("monthly", billing_time, start)
    may_be_monthly = interval in ("semiannual", "yearly")
    fixed = monthly if may_be_monthly and plan.bill_fixed_charges_monthly else base
    usage = monthly if may_be_monthly and plan.bill_charges_monthly else base
    return Billed(plan, base, fixed, monthly if monthly in (fixed, usage) else base, start)


def _dated(invoices: list[Invoice], day: date) -> tuple[Invoice, ...]:
    return tuple(invoice for invoice in invoices if invoice.day == day)


def _bills_the_past(billed: Billed, today: date) -> bool:
    """Tell whether an import on that day makes Lago bill, on that day, what is over."""
    trial = billed.after_trial(today)
    if trial and billed.trial_end < today and trial.amount_cents:
        return True
    parts = [part for invoice in _dated(billed.invoices(today), today) for part in invoice.parts]
    return any(part.cents and part.last < today for part in parts)


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
