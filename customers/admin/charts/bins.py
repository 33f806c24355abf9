"""Days, counted in spans of equal length: as short as can be without becoming too many."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

MOST = 18
MONTHS = (1, 3, 12, 24, 60, 120, 240, 600, 1200, 2400, 6000, 12000)


@dataclass(frozen=True, slots=True)
class Bin:
    """The days from `first` to `last`, both included: how many start until today, and how many later."""

    first: date
    last: date
    label: str
    begun: int = 0
    later: int = 0

    @property
    def number(self) -> int:
        return self.begun + self.later

    def share_before(self, day: date) -> float:
        """Return which part of it is over at noon of one of its days."""
        return ((day - self.first).days + 0.5) / ((self.last - self.first).days + 1)


def bins(days: Mapping[date, int], today: date) -> list[Bin]:
    """Count numbers by day in spans that reach from the first to the last of them, and to today."""
    low, high = min([today, *days]), max([today, *days])
    if (high - low).days < MOST:
        spans = [_day(low + timedelta(days=more)) for more in range((high - low).days + 1)]
        return _counted(days, today, spans, lambda day: (day - low).days)
    length = next(months for months in MONTHS if _index(high, months) - _index(low, months) < MOST)
    first = _index(low, length)
    spans = [_span(index, length) for index in range(first, _index(high, length) + 1)]
    return _counted(days, today, spans, lambda day: _index(day, length) - first)


def _counted(
    days: Mapping[date, int], today: date, spans: list[Bin], place: Callable[[date], int]
) -> list[Bin]:
    begun, later = [0] * len(spans), [0] * len(spans)
    for day, number in days.items():
        (begun if day <= today else later)[place(day)] += number
    return [
        Bin(span.first, span.last, span.label, *numbers)
        for span, *numbers in zip(spans, begun, later, strict=True)
    ]


def _day(day: date) -> Bin:
    return Bin(day, day, day.isoformat())


def _index(day: date, months: int) -> int:
    return (day.year * 12 + day.month - 1) // months


def _span(index: int, months: int) -> Bin:
    first, after = _beginning(index * months), _beginning((index + 1) * months)
    last = after - timedelta(days=1) if after < date.max else date.max
    return Bin(first, last, _label(first, last, months))


def _beginning(months: int) -> date:
    """Return the first day of a month, counted from the year 0; of those that there are not, the nearest."""
    year, month = divmod(months, 12)
    if year < date.min.year:
        return date.min
    return date(year, month + 1, 1) if year <= date.max.year else date.max


def _label(first: date, last: date, months: int) -> str:
    if months == 1:
        return f"{first:%Y-%m}"
    if months == 3:
        return f"{first.year} Q{(first.month + 2) // 3}"
    return str(first.year) if months == 12 else f"{first.year}–{last.year}"
