"""What new customers pay per month, by currency and plan; other intervals are brought to an average month."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kernel.intervals import MONTHS
from kernel.money import rounded

WEEKS_OF_A_YEAR = 52
A_MONTH: Mapping[str, Fraction] = {
    "weekly": Fraction(WEEKS_OF_A_YEAR, 12),
    **{interval: Fraction(1, months) for interval, months in MONTHS.items()},
}  # how many periods a month has
WAYS = {
    "weekly": f"a week × {WEEKS_OF_A_YEAR} ÷ 12",
    "quarterly": "a quarter ÷ 3",
    "semiannual": "a half-year ÷ 6",
    "yearly": "a year ÷ 12",
}


@dataclass(frozen=True, slots=True)
class OnPlan:
    """The new customers of one plan; `whole_cents` is what each pays for a period, fixed charges included."""

    plan_code: str
    customers: int
    interval: str
    whole_cents: int

    @property
    def exact(self) -> Fraction:
        return self.whole_cents * self.customers * A_MONTH[self.interval]

    @property
    def cents(self) -> int:
        return rounded(self.exact)


@dataclass(frozen=True, slots=True)
class PerMonth:
    """All of a currency, those that bring most first."""

    currency: str
    plans: Sequence[OnPlan]

    @property
    def customers(self) -> int:
        return sum(one.customers for one in self.plans)

    @property
    def cents(self) -> int:
        """Return the sum, rounded once: figures that are rounded by plan may differ from it by some cents."""
        return rounded(sum((one.exact for one in self.plans), Fraction()))

    @property
    def ways(self) -> list[str]:
        """Name how other intervals than a month are counted, of those that there are."""
        found = {one.interval for one in self.plans}
        return [way for interval, way in WAYS.items() if interval in found]


def per_month(billing: Iterable[Mapping[str, Any]]) -> tuple[list[PerMonth], list[tuple[str, int]]]:
    """Add up the `billing` of a document, by currency, that of most customers first.

    The second list has the plans that cannot be told, with customers.

    The lines of a preview that an older version kept do not know `whole_cents`: there is nothing to add up.
    """
    by_currency: dict[str, list[OnPlan]] = {}
    untold: list[tuple[str, int]] = []
    for line in billing:
        if "whole_cents" not in line:
            continue
        if line["whole_cents"] is None or line["interval"] not in A_MONTH or not line["currency"]:
            untold.append((line["plan_code"], line["rows"]))
            continue
        one = OnPlan(line["plan_code"], line["rows"], line["interval"], line["whole_cents"])
        by_currency.setdefault(line["currency"], []).append(one)
    found = [
        PerMonth(currency, sorted(plans, key=lambda one: (-one.exact, one.plan_code)))
        for currency, plans in by_currency.items()
    ]
    return sorted(found, key=lambda one: (-one.customers, one.currency)), untold
