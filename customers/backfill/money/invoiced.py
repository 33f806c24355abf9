"""What the customers of a run were invoiced since."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

from kernel import Invoiced
from kernel.money import written
from kernel.wording import counted

SHOWN = 4  # periods named in a sentence; JSON names them all

Period = tuple[date, date] | None
Key = tuple[str, Period]  # currency, and the days of the base amount


@dataclass(frozen=True, slots=True)
class InvoicedSince:
    """`numbers` and `cents` are by currency and by the days of the base amount."""

    customers: int
    numbers: Counter[Key]
    cents: Counter[Key]

    @classmethod
    def of(cls, invoices: Iterable[Invoiced]) -> "InvoicedSince":
        customers, numbers, cents = set(), Counter[Key](), Counter[Key]()
        for one in invoices:
            key = (one.currency, (one.first, one.last) if one.first and one.last else None)
            customers.add(one.external_id)
            numbers[key] += 1
            cents[key] += one.cents
        return cls(len(customers), numbers, cents)

    @property
    def number(self) -> int:
        return self.numbers.total()

    @property
    def sums(self) -> dict[str, int]:
        """Return what they come to, in cents, by currency."""
        sums = Counter[str]()
        for (currency, _), cents in self.cents.items():
            sums[currency] += cents
        return dict(sorted(sums.items()))

    @property
    def total(self) -> str:
        amounts = (written(cents, currency) for currency, cents in self.sums.items())
        return f"{' and '.join(amounts)} net"

    @property
    def sentence(self) -> str:
        """Say it for people; blank where nothing was invoiced."""
        if not self.number:
            return ""
        what = f"{counted(self.number, 'invoice')} to {counted(self.customers, 'customer')}"
        return f"Lago has invoiced since the run: {what}, {self.total}, for {self._periods()}."

    def _periods(self) -> str:
        named = [f"{_days(period)} ({number:,})" for period, number in islice(self._by_period(), SHOWN)]
        more = len({period for _, period in self.numbers}) - len(named)
        return ", ".join(named) + (f" and {more:,} other periods" if more else "")

    def _by_period(self) -> Iterator[tuple[Period, int]]:
        numbers = Counter[Period]()
        for (_, period), number in self.numbers.items():
            numbers[period] += number
        yield from numbers.most_common()

    def as_json(self) -> dict[str, Any]:
        return {
            "invoices": self.number,
            "customers": self.customers,
            "sums": [{"currency": name, "amount_cents": cents} for name, cents in self.sums.items()],
            "periods": list(self._periods_as_json()),
            "sentence": self.sentence,
        }

    def _periods_as_json(self) -> Sequence[dict[str, Any]]:
        return [
            {
                "from": period[0].isoformat() if period else None,
                "to": period[1].isoformat() if period else None,
                "invoices": number,
                "amount_cents": self.cents[currency, period],
                "currency": currency,
            }
            for (currency, period), number in sorted(self.numbers.items(), key=_in_time)
        ]


NOTHING = InvoicedSince(0, Counter(), Counter())


def _in_time(item: tuple[Key, int]) -> tuple[str, str]:
    (currency, period), _ = item
    return str(period), currency


def _days(period: Period) -> str:
    return f"{period[0]} to {period[1]}" if period else "usage or fees of no period"
