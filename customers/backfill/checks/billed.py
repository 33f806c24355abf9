"""Until when the old provider has billed, and a start on the day after."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from customers.backfill.checks.dates import start_of_day
from kernel import Problem, Wanted
from kernel.columns import BILLED_UNTIL, Day
from kernel.intervals import MONTHS

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Billed:
    """What the operator says of the whole file: `until` when it is billed, for rows that do not say it
    themselves; `starts_after`: subscriptions start on the day after that.
    """

    until: date | None = None
    starts_after: bool = False


UNSAID = Billed()


def with_billed_until(wanted: Wanted, billed: Billed, timezone: ZoneInfo) -> Wanted:
    """Fill in the day of the file; a cell of the row wins over it, and one that is not valid is no blank."""
    if billed.until is None or BILLED_UNTIL.name in wanted.more or BILLED_UNTIL.name in wanted.unread:
        return wanted
    day = Day(billed.until, start_of_day(billed.until, timezone))
    return replace(wanted, more={**wanted.more, BILLED_UNTIL.name: day})


def start_after_billed(
    wanted: Wanted, billed: Billed, timezone: ZoneInfo, interval: str | None
) -> tuple[Wanted, list[Problem]]:
    """Have the subscription start on the day after the last one billed, unless it starts later anyway.

    Returns also the warning that with it its periods begin on another day. `interval` is the plan's.
    """
    until: Day | None = BILLED_UNTIL.of(wanted)
    if not billed.starts_after or until is None or wanted.start_date is None:
        return wanted, []
    if wanted.start_date > until.day or until.day == date.max:
        return wanted, []
    day = until.day + ONE_DAY
    moved = replace(wanted, moved_to=day, subscription_at=start_of_day(day, timezone))
    if wanted.billing_time != "anniversary":
        return moved, []
    before, after = _anniversary(wanted.start_date, interval), _anniversary(day, interval)
    return moved, [] if before == after else [_other_anniversary(wanted.start_date, day, before, after)]


def _anniversary(day: date, interval: str | None) -> str:
    """Name the day on which periods begin that are counted from a day."""
    if interval == "weekly":
        return f"on {day:%A}s"
    months = MONTHS.get(interval or "", 1)
    if months == 1:
        return f"on day {day.day} of a month"
    months_of_year = sorted((day.month - 1 + step) % 12 + 1 for step in range(0, 12, months))
    return f"on day {day.day} of {', '.join(date(2000, month, 1).strftime('%B') for month in months_of_year)}"


def _other_anniversary(start: date, day: date, before: str, after: str) -> Problem:
    told = f"With the start on {day} instead of {start} periods begin {after}, no longer {before}."
    hint = "Check that the customer may be billed on that day, or use --billing-time calendar."
    return Problem("anniversary_moved", "start_date", told, hint)
