"""What an import will make of things that are counted, such as balances: how many, and how much money."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from customers.backfill.engine.plan import Plan
from kernel import Action, Count, Step
from kernel.money import written


@dataclass(slots=True)
class Total:
    """`under`: what is added up together, such as a currency or a coupon."""

    step: str
    label: str
    plural: str
    under: str
    number: int = 0
    amount_cents: int | None = None
    currency: str | None = None

    def add(self, count: Count) -> None:
        self.number += 1
        if count.amount_cents is not None:
            self.amount_cents = (self.amount_cents or 0) + count.amount_cents

    @property
    def message(self) -> str:
        """Say it in words: "12 new Lago wallets, 340.00 EUR in all"."""
        what = f"{self.number:,} new {self.label if self.number == 1 else self.plural}"
        if self.amount_cents is None:
            return f"{what}: {self.under}"
        return f"{what}, {written(self.amount_cents, self.currency)} in all"

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "under": self.under,
            "number": self.number,
            "amount_cents": self.amount_cents,
            "currency": self.currency,
            "message": self.message,
        }


def totals(plan: Plan, steps: Sequence[Step]) -> list[Total]:
    found: dict[tuple[str, str], Total] = {}
    for step in steps:
        if not step.is_counted:
            continue
        for row in plan.to_do():
            if row.means(step.name, Action.CREATE):
                count = step.count(row.wanted)
                total = Total(step.name, step.label(), step.plural(), count.under, currency=count.currency)
                found.setdefault((step.name, count.under), total).add(count)
    return [found[key] for key in sorted(found)]
