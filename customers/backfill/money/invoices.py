"""What an import makes Lago invoice: the first invoices by date, and what comes at once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.steps import kinds
from kernel import Action, Bill

NET = "Amounts are net: without usage, taxes, credits, coupons and minimum commitments."


@dataclass(frozen=True, slots=True)
class Dated:
    """The invoices of one day and currency: of how many customers, and how much in all."""

    date: date
    customers: int
    amount_cents: int
    currency: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            date=date.fromisoformat(told["date"]),
            customers=told["customers"],
            amount_cents=told["amount_cents"],
            currency=told["currency"],
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "date": self.date.isoformat(),
            "customers": self.customers,
            "amount_cents": self.amount_cents,
            "currency": self.currency,
        }


@dataclass(frozen=True, slots=True)
class Invoices:
    """What the new subscriptions of a plan are invoiced, by date. `untold`: for how many it is not known.

    `today` is that of those who bill; `at_once` is what they invoice today or in the night after it.
    """

    today: date
    first: tuple[Dated, ...] = ()
    second: tuple[Dated, ...] = ()
    at_once: tuple[Dated, ...] = ()
    untold: int = 0

    def as_json(self) -> dict[str, Any]:
        return {
            "today": self.today.isoformat(),
            "at_once": [one.as_json() for one in self.at_once],
            "first": [one.as_json() for one in self.first],
            "second": [one.as_json() for one in self.second],
            "untold": self.untold,
            "note": NET,
        }


def newly_billed(plan: Plan, *actions: Action) -> Iterator[PlannedRow]:
    """Return the rows that begin to cost their customer something, one of each customer.

    `actions`: what is done with the thing that costs; made anew unless told otherwise.
    """
    costly = [kind.name for kind in kinds().values() if kind.costs]
    meant = [(name, action) for name in costly for action in actions or (Action.CREATE,)]
    return (
        row
        for row in plan.rows
        if row.owner_line is None and any(row.means(name, action) for name, action in meant)
    )


def invoices_of(plan: Plan, today: date) -> Invoices:
    found = [row.bills for row in newly_billed(plan)]
    bills = [one for one in found if one]
    return Invoices(
        today=today,
        first=by_date(one.first for one in bills),
        second=by_date(one.second for one in bills),
        at_once=by_date(bill for one in bills for bill in (*one.today, *one.tonight)),
        untold=sum(one is None or one.first is None for one in found),
    )


def by_date(bills: Iterable[Bill | None]) -> tuple[Dated, ...]:
    """Add up by date and currency, in their order."""
    sums: dict[tuple[date, str], tuple[int, int]] = {}
    for bill in bills:
        if bill:
            number, cents = sums.get((bill.day, bill.currency), (0, 0))
            sums[bill.day, bill.currency] = (number + 1, cents + bill.amount_cents)
    return tuple(
        Dated(day, number, cents, currency) for (day, currency), (number, cents) in sorted(sums.items())
    )
