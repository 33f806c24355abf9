"""What cards have charged before the change and nobody has billed yet, as the file says it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from customers.backfill.engine.plan import Plan
from kernel import Wanted
from kernel.columns import OPEN_USAGE
from kernel.wording import counted

NOT_SENT = (
    "Lago is not told, as it never bills what was charged before a subscription's start: have the old"
    " provider bill it, or make a one-off invoice in Lago."
)


@dataclass(frozen=True, slots=True)
class OpenUsage:
    """In kWh, added up exactly over all rows to be imported: a row has what its own card has charged.

    `customers`, `cards`: of how many it is more than nothing. `by_plan` has the plans of these.
    """

    kwh: Decimal
    customers: int
    cards: int
    by_plan: Mapping[str, Decimal]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        by_plan = {code: Decimal(kwh) for code, kwh in told["by_plan"].items()}
        return cls(Decimal(told["kwh"]), told["customers"], told["cards"], by_plan)

    def as_json(self) -> dict[str, Any]:
        """Write numbers as texts: as a float, a sum would not be what the rows add up to."""
        return {
            "kwh": plain(self.kwh),
            "customers": self.customers,
            "cards": self.cards,
            "by_plan": {code: plain(kwh) for code, kwh in self.by_plan.items()},
        }

    @property
    def sentence(self) -> str:
        if not self.cards:
            return "No row says that a card has charged what is not billed yet."
        who = f"{counted(self.customers, 'customer')}, {counted(self.cards, 'card')}"
        return f"Charged before and not billed yet: {written_kwh(self.kwh)} ({who}). {NOT_SENT}"


def open_usage(plan: Plan) -> OpenUsage | None:
    """Add it up over what is to be imported; None if no row of the file says it."""
    if not any(OPEN_USAGE.name in row.wanted.more for row in plan.rows):
        return None
    customers: set[str] = set()
    cards, sums = 0, dict[str, Decimal]()
    for wanted, kwh in _given(plan):
        customers.add(wanted.external_id)
        cards += 1
        sums[wanted.plan_code] = sums.get(wanted.plan_code, Decimal()) + kwh
    return OpenUsage(sum(sums.values(), Decimal()), len(customers), cards, dict(sorted(sums.items())))


def _given(plan: Plan) -> Iterator[tuple[Wanted, Decimal]]:
    for row in plan.to_do():
        if kwh := OPEN_USAGE.of(row.wanted):
            yield row.wanted, kwh


def plain(kwh: Decimal) -> str:
    """Write a number as it is, without zeros at its end."""
    text = f"{kwh:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def written_kwh(kwh: Decimal) -> str:
    """Write energy for people, to the watt-hour: "1,234.5 kWh"."""
    whole, _, part = f"{kwh:,.3f}".partition(".")
    part = part.rstrip("0")
    return f"{whole}{'.' if part else ''}{part} kWh"
