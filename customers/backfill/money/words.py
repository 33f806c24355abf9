"""What terminal and console say of invoices to come, in the same words."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from customers.backfill.engine.acceptance import Past
from customers.backfill.money.invoices import Dated
from kernel.money import written
from kernel.wording import counted


def money(cents: int | None, currency: str | None) -> str:
    return "?" if cents is None else written(cents, currency)


def change(cents: int, currency: str) -> str:
    """Say how much more or less it is, always with a sign unless it is the same."""
    return f"{'+' if cents > 0 else ''}{money(cents, currency)}"


def about_days(days: int) -> str:
    return counted(days, "day")


def by_currency(cents: Mapping[str, int]) -> str:
    return " + ".join(money(number, currency) for currency, number in sorted(cents.items()))


def sum_of(invoices: Sequence[Dated]) -> str:
    """Add up, by currency; "?" if there is nothing."""
    cents = Counter[str]()
    for one in invoices:
        cents[one.currency] += one.amount_cents
    return by_currency(cents) or "?"


def days_of(invoices: Sequence[Dated]) -> str:
    """Return the day on which most customers get theirs, and how many other days there are."""
    if not invoices:
        return "?"
    most = max(invoices, key=lambda one: one.customers)
    others = len({one.date for one in invoices}) - 1
    return most.date.isoformat() + (f" and {counted(others, 'more day')}" if others else "")


def at_once_sentence(today: date, invoices: Sequence[Dated]) -> str:
    """Say what Lago invoices today and in the night after, by date."""
    parts = [_at(one, "today" if one.date <= today else "in the night after") for one in invoices]
    return f"Lago invoices at once: {'; '.join(parts)}."


def past_sentence(past: Past, *, accepted: bool, way: str) -> str:
    """Say of how many customers and how much money it is what is invoiced today for days that are over.

    `way`: how it can be accepted.
    """
    customers, sums = counted(past.customers, "customer"), by_currency(past.cents)
    unknown = f", and {past.unknown:,} of them by an amount that cannot be told" if past.unknown else ""
    what = (
        f"For days that are over, Lago would invoice {customers} today, {past.day}: {sums or '?'}{unknown}."
    )
    if accepted:
        return f"{what} This is accepted for {past.day}."
    when = f"From {past.clear_from} on it would not" if past.clear_from else "For some it would on any day"
    return f"{what} {when}; or {way}."


def _at(one: Dated, when: str) -> str:
    invoices = counted(one.customers, "invoice")
    return f"{when}, {one.date}, {money(one.amount_cents, one.currency)} ({invoices})"
