"""How Lago cuts time into billing periods: days in the billing zone, no clock."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

from kernel.intervals import MONTHS

INTERVALS = frozenset({"weekly", *MONTHS})
# A Monday and the first of a year: counted from here, every period is one of the calendar.
CALENDAR = date(2001, 1, 1)


@dataclass(frozen=True, slots=True)
class Period:
    """From its `first` day up to, and without, the first day of the `next` one."""

    first: date
    next: date

    @property
    def last(self) -> date:
        return self.next - timedelta(days=1)

    @property
    def days(self) -> int:
        return (self.next - self.first).days

    def days_since(self, day: date) -> int:
        """Return how many of its days lie on and after a day."""
        return max((self.next - max(self.first, day)).days, 0)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Periods of one length, counted from an anchor; a day that a month lacks is its last."""

    interval: str
    anchor: date

    @classmethod
    def of(cls, interval: str, billing_time: str, start: date) -> Self:
        return cls(interval, start if billing_time == "anniversary" else CALENDAR)

    def around(self, day: date) -> Period:
        if self.interval == "weekly":
            number = (day - self.anchor).days // 7
        else:
            months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
            number = months // MONTHS[self.interval]
            number -= self._beginning(number) > day
        return Period(self._beginning(number), self._beginning(number + 1))

    def begins_on(self, day: date) -> bool:
        return self.around(day).first == day

    def ending_before(self, day: date) -> Period:
        return self.around(day - timedelta(days=1))

    def first_beginning(self, since: date) -> date:
        """Return the first day, from this one on, on which a period begins."""
        period = self.around(since)
        return since if period.first == since else period.next

    def _beginning(self, number: int) -> date:
        if self.interval == "weekly":
            return self.anchor + timedelta(weeks=number)
        return _later(self.anchor, number * MONTHS[self.interval])


def _later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
