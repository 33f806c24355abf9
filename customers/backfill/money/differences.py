"""The old bill beside the new one, per period: what customers pay now, and what Lago will bill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.money.invoices import newly_billed
from kernel import Action
from kernel.columns import OLD_AMOUNT
from kernel.money import cents

SHOWN = 10  # of the largest ones


@dataclass(frozen=True, slots=True)
class Difference:
    """Of one customer, for a whole period of the plan, with its fixed charges."""

    line: int
    external_id: str
    plan_code: str
    old_cents: int
    new_cents: int
    currency: str

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            told["line"],
            told["external_id"],
            told["plan_code"],
            told["old_cents"],
            told["new_cents"],
            told["currency"],
        )

    @property
    def cents(self) -> int:
        return self.new_cents - self.old_cents

    def as_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "external_id": self.external_id,
            "plan_code": self.plan_code,
            "old_cents": self.old_cents,
            "new_cents": self.new_cents,
            "difference_cents": self.cents,
            "currency": self.currency,
        }


@dataclass(slots=True)
class Total:
    """What all customers of a currency pay now and will pay; how many pay more, and how many less."""

    currency: str
    customers: int = 0
    more: int = 0
    less: int = 0
    old_cents: int = 0
    new_cents: int = 0

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            told["currency"],
            told["customers"],
            told["more"],
            told["less"],
            told["old_cents"],
            told["new_cents"],
        )

    @property
    def cents(self) -> int:
        return self.new_cents - self.old_cents

    def add(self, one: Difference) -> None:
        self.customers += 1
        self.more += one.cents > 0
        self.less += one.cents < 0
        self.old_cents += one.old_cents
        self.new_cents += one.new_cents

    def as_json(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "customers": self.customers,
            "more": self.more,
            "less": self.less,
            "old_cents": self.old_cents,
            "new_cents": self.new_cents,
            "difference_cents": self.cents,
        }


@dataclass(frozen=True, slots=True)
class Differences:
    """`largest` first, up or down; `totals` by currency. `untold`: of how many Lago's amount is not known."""

    by_line: Mapping[int, Difference]
    largest: Sequence[Difference]
    totals: Sequence[Total]
    untold: int

    def as_json(self) -> dict[str, Any]:
        return {
            "totals": [one.as_json() for one in self.totals],
            "largest": [one.as_json() for one in self.largest],
            "untold": self.untold,
        }


def differences(plan: Plan) -> Differences | None:
    """Compare each customer who is new to us and whose row says what it pays now; None if no row does."""
    if not any(OLD_AMOUNT.name in row.wanted.more for row in plan.rows):
        return None
    rows = [
        row
        for row in newly_billed(plan, Action.CREATE, Action.ADOPT)
        if OLD_AMOUNT.of(row.wanted) is not None
    ]
    found = {row.line: one for row in rows if (one := _difference(row))}
    totals: dict[str, Total] = {}
    for one in found.values():
        totals.setdefault(one.currency, Total(one.currency)).add(one)
    largest = sorted((one for one in found.values() if one.cents), key=lambda one: -abs(one.cents))[:SHOWN]
    return Differences(found, largest, [totals[key] for key in sorted(totals)], len(rows) - len(found))


def _difference(row: PlannedRow) -> Difference | None:
    bills = row.bills
    if bills is None or bills.whole_cents is None or not bills.currency:
        return None
    wanted = row.wanted
    old = cents(OLD_AMOUNT.of(wanted), bills.currency)
    return Difference(row.line, wanted.external_id, wanted.plan_code, old, bills.whole_cents, bills.currency)
