"""What terminal and console say of invoices to come, in the same words."""

from collections.abc import Mapping, Sequence
from datetime import date

from customers.backfill.engine.acceptance import Past
from customers.backfill.money.invoices import Dated
from kernel.money import written


def money(cents: int | None, currency: str | None) -> str:
    return "?" if cents is None else written(cents, currency)


def change(cents: int, currency: str) -> str:
    """Say how much more or less it is, always with a sign unless it is the same."""
    return f"{'+' if cents > 0 else ''}{money(cents, currency)}"


def about_days(days: int) -> str:
    return f"{days:,} day{'' if days == 1 else 's'}"


def by_currency(cents: Mapping[str, int]) -> str:
    return " + ".join(money(number, currency) for currency, number in sorted(cents.items()))


def sum_of(invoices: Sequence[Dated]) -> str:
    """Add up, by currency; "?" if there is nothing."""
    currencies = sorted({one.currency for one in invoices})
    sums = [
        money(sum(one.amount_cents for one in invoices if one.currency == currency), currency)
        for currency in currencies
    ]
    return " + ".join(sums) or "?"


def days_of(invoices: Sequence[Dated]) -> str:
    """Return the day on which most customers get theirs, and how many other days there are."""
    if not invoices:
        return "?"
    most = max(invoices, key=lambda one: one.customers)
    others = len({one.date for one in invoices}) - 1
    return most.date.isoformat() + (f" and {others} more day{'' if others == 1 else 's'}" if others else "")


def at_once_sentence(today: date, invoices: Sequence[Dated]) -> str:
    """Say what Lago invoices today and in the night after, by date."""
    parts = [_at(one, "today" if one.date <= today else "in the night after") for one in invoices]
    return f"Lago invoices at once: {'; '.join(parts)}."


def past_sentence(past: Past, *, accepted: bool, way: str) -> str:
    """Say of how many customers and how much money it is what is invoiced today for days that are over.

    `way`: how it can be accepted.
    """
    customers = f"{past.customers:,} customer{'' if past.customers == 1 else 's'}"
    sums = " + ".join(money(cents, currency) for currency, cents in sorted(past.cents.items()))
    unknown = f", and {past.unknown:,} of them by an amount that cannot be told" if past.unknown else ""
    what = (
        f"For days that are over, Lago would invoice {customers} today, {past.day}: {sums or '?'}{unknown}."
    )
    if accepted:
        return f"{what} This is accepted for {past.day}."
    when = f"From {past.clear_from} on it would not" if past.clear_from else "For some it would on any day"
    return f"{what} {when}; or {way}."


def _at(one: Dated, when: str) -> str:
    invoices = f"{one.customers:,} invoice{'' if one.customers == 1 else 's'}"
    return f"{when}, {one.date}, {money(one.amount_cents, one.currency)} ({invoices})"
