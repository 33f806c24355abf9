"""What a page draws of new customers' money: start dates, and first invoices by plan, day and period."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from customers.backfill.engine.plan import Plan
from customers.backfill.money.invoices import newly_billed


@dataclass(frozen=True, slots=True)
class FirstInvoices:
    """The first invoices of a plan on one day for the same period, `first` to `last`."""

    plan_code: str
    day: date
    first: date
    last: date
    currency: str
    customers: int
    amount_cents: int

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            told["plan_code"],
            date.fromisoformat(told["date"]),
            date.fromisoformat(told["from"]),
            date.fromisoformat(told["to"]),
            told["currency"],
            told["customers"],
            told["amount_cents"],
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "plan_code": self.plan_code,
            "date": self.day.isoformat(),
            "from": self.first.isoformat(),
            "to": self.last.isoformat(),
            "currency": self.currency,
            "customers": self.customers,
            "amount_cents": self.amount_cents,
        }


def starts_of(plan: Plan) -> dict[str, int]:
    """Count new customers, each once, by the day on which their subscription starts."""
    days = (row.wanted.starts_on for row in newly_billed(plan))
    return {day.isoformat(): number for day, number in sorted(Counter(day for day in days if day).items())}


def first_invoices_of(plan: Plan) -> list[FirstInvoices]:
    """Add up the first invoices of new customers by plan, day and period, as far as they can be told."""
    sums: dict[tuple[str, date, date, date, str], tuple[int, int]] = {}
    for row in newly_billed(plan):
        bill = row.bills.first if row.bills else None
        if bill:
            key = row.wanted.plan_code, bill.day, bill.first, bill.last, bill.currency
            number, cents = sums.get(key, (0, 0))
            sums[key] = number + 1, cents + bill.amount_cents
    return [FirstInvoices(*key, number, cents) for key, (number, cents) in sorted(sums.items())]


def kept_starts(told: Mapping[str, int]) -> dict[date, int]:
    """Read what `starts_of` has counted."""
    return {date.fromisoformat(day): number for day, number in told.items()}
