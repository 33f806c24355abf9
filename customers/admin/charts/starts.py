"""When customers start, as a chart and its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from customers.admin.charts.bins import Bin, bins
from customers.admin.charts.histogram import histogram
from customers.admin.charts.svg import Markup
from kernel.wording import counted


@dataclass(frozen=True, slots=True)
class Starts:
    """`spans` are those in which somebody starts."""

    sentence: str
    chart: Markup
    spans: Sequence[Bin]

    @property
    def has_later(self) -> bool:
        return any(span.later for span in self.spans)


def starts_chart(days: Mapping[date, int], today: date) -> Starts | None:
    """Draw how many customers start on which day; None where nobody does."""
    if not any(days.values()):
        return None
    spans = bins(days, today)
    return Starts(
        _sentence(days, today),
        histogram("starts", "Start dates of the new customers", spans, today),
        [span for span in spans if span.number],
    )


def _sentence(days: Mapping[date, int], today: date) -> str:
    later = sum(number for day, number in days.items() if day > today)
    on_it = days.get(today, 0)
    parts = [
        f"{counted(sum(days.values()), 'customer')}, from {min(days)} to {max(days)}",
        f"{on_it:,} today" if on_it else "",
        f"{later:,} later" if later else "",
    ]
    return "; ".join(part for part in parts if part) + "."
