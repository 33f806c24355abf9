"""Whether an operator has accepted what Lago invoices today for days that are over. Pure.

Accepted is what a plan named, on the day on which it did: on another day, or for more, somebody has to look
again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Self

from kernel import Bills, Problem

NO = ""
THESE = "these"  # what the plan names; a run that was accepted before is held to that
ANEW = "anew"  # what the plan names, whatever was accepted before: a person looks at just this plan
OPTION = "--accept-invoices-today"
KEY = "accepted"  # under which a run's options hold it


@dataclass(frozen=True, slots=True)
class Past:
    """What would be invoiced on a day for days that are over. `cents` are by currency.

    `unknown`: for how many of the customers no amount can be told. `clear_from`: when nothing of it would be
    invoiced; None if for some that is never.
    """

    day: date
    customers: int = 0
    cents: Mapping[str, int] = field(default_factory=dict)
    unknown: int = 0
    clear_from: date | None = None

    @classmethod
    def of(cls, bills_by_customer: Mapping[str, Bills]) -> Self | None:
        """Add up what the customers of a file would be invoiced; None if there is nothing of it."""
        found = [bills for bills in bills_by_customer.values() if bills.past]
        if not found:
            return None
        cents: dict[str, int] = {}
        for bill in (bill for bills in found for bill in bills.today):
            cents[bill.currency] = cents.get(bill.currency, 0) + bill.amount_cents
        clear = [bills.clear_from for bills in found]
        return cls(
            day=found[0].as_of,
            customers=len(found),
            cents=cents,
            unknown=sum(not bills.today for bills in found),
            clear_from=None if None in clear else max(day for day in clear if day),
        )

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> Self:
        clear = told["clear_from"]
        return cls(
            date.fromisoformat(told["day"]),
            told["customers"],
            told["amount_cents"],
            told["unknown"],
            date.fromisoformat(clear) if clear else None,
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "customers": self.customers,
            "amount_cents": dict(self.cents),
            "unknown": self.unknown,
            "clear_from": self.clear_from.isoformat() if self.clear_from else None,
        }


@dataclass(frozen=True, slots=True)
class Accepted:
    """What an operator accepted for a run: on that day, for so many customers, up to these sums."""

    day: date
    customers: int = 0
    cents: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def kept(cls, options: Mapping[str, Any]) -> Self | None:
        """Read what a run's options hold; None if nothing was ever accepted."""
        told = options.get(KEY)
        if not told:
            return None
        return cls(date.fromisoformat(told["day"]), told["customers"], told["amount_cents"])

    def as_json(self) -> dict[str, Any]:
        return {
            "day": self.day.isoformat(),
            "customers": self.customers,
            "amount_cents": dict(self.cents),
        }

    def covers(self, past: Past) -> bool:
        within = all(cents <= self.cents.get(currency, 0) for currency, cents in past.cents.items())
        return past.day == self.day and past.customers <= self.customers and within


def accept(choice: str, today: date, past: Past | None, before: Accepted | None) -> Accepted | None:
    """Return what is accepted now; None if nothing is, so that the problems of `past` hold.

    `choice` is one of the above, or a day in ISO 8601: what is named on that day, and only on that.
    """
    named = Accepted(today, past.customers, past.cents) if past else Accepted(today)
    if choice == NO or (choice not in (THESE, ANEW) and choice != today.isoformat()):
        return None
    if choice != THESE or before is None:
        return named
    if past is None:
        return before
    return before if before.covers(past) else None


def with_way_out(problems: Iterable[Problem], choice: str, today: date) -> tuple[Problem, ...]:
    """Add to each problem how it can be accepted: where the bare option was not enough, with the day."""
    option = OPTION if choice == NO else f"{OPTION}={today}"
    why = "" if choice == NO else " What was accepted was for another day, or for less."
    return tuple(
        replace(problem, hint=f"{problem.hint} Or accept it: {option}.{why}") for problem in problems
    )
