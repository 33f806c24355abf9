"""The start date, and the instant at which it begins."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from kernel import Problem

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EARLIEST_YEAR = 1970  # before it is a typing error, or the day 0 of a spreadsheet
_YEARS = {"Y", "y", "G"}
_SAMPLE = date(2024, 12, 31)


def check_start_date(
    given: str, date_format: str | None, *, is_text: bool = True, is_date: bool = False
) -> date | Problem:
    """`is_text`: the cell was text or a date; `is_date`: it was a date, for which no format is needed."""
    text = given.strip()
    if not text:
        hint = "Enter the day on which the subscription starts."
        return Problem("start_date_blank", "start_date", "There is no start date.", hint)
    day = parse_day(text, None if is_date else date_format) if is_text else None
    if day is None:
        return _invalid("The start date is not a date that can be read.", date_format)
    if day.year < _EARLIEST_YEAR:
        return _invalid(f"The start date is before {_EARLIEST_YEAR}.", date_format)
    return day


def start_warning(day: date, today: date, *, moved: bool = False) -> Problem | None:
    """Warn of a start that is not in the past. `today` is the day where `day` is meant.

    `moved`: it is not the day of the file.
    """
    if day > today and moved:
        told = f"The subscription starts only on {day}, after what is billed; until then the card is blocked."
        hint = "Check that this is meant; without --start-after-billed it starts on the day of the file."
        return Problem("start_date_future", "start_date", told, hint)
    if day > today:
        told = f"The subscription starts on {day}; until then nothing is billed and it is not active."
        return Problem("start_date_future", "start_date", told, "Check that this is meant.")
    if day == today:
        told = "The subscription starts today; what is due in advance may be invoiced at once."
        return Problem("start_date_today", "start_date", told, "Check that this is meant.")
    return None


@lru_cache(maxsize=4096)
def start_of_day(day: date, timezone: ZoneInfo) -> datetime:
    """Return the first instant of a day, in UTC.

    Where the clocks skip midnight, that is the end of the gap; where they repeat it, the first midnight. Both
    are what `fold=0` means: the offset before the change.
    """
    return datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(UTC)


def is_date_format(date_format: str) -> bool:
    """Return whether a format (of `strptime`) names a day completely."""
    named = set(re.findall("%(.)", date_format))
    if "d" in named and not named & _YEARS:  # newer Pythons warn of it before it can fail
        return False
    try:
        return datetime.strptime(_SAMPLE.strftime(date_format), date_format).date() == _SAMPLE
    except (ValueError, re.error):
        return False


@lru_cache(maxsize=4096)
def parse_day(text: str, date_format: str | None) -> date | None:
    """Read a day as it is declared to be written, else as ISO 8601; None if it is not one."""
    try:
        if date_format is not None:
            return datetime.strptime(text, date_format).date()
        return date.fromisoformat(text) if _ISO.fullmatch(text) else None
    except ValueError:
        return None


def _invalid(told: str, date_format: str | None) -> Problem:
    hint = "Write it as 2024-12-31 (year-month-day), or say how it is written with --date-format."
    if date_format is not None:
        hint = f"Write it as {_SAMPLE.strftime(date_format)}, which is what --date-format asks for."
    return Problem("start_date_invalid", "start_date", told, hint)
