"""The start date, and the instant at which it begins."""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from kernel import Doubt, Problem
from kernel.days import A_DAY

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r" ?(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_UTC = re.compile(r" ?(?:UTC|GMT|Z)\Z")
# How a format writes an offset without saying that it is one; `%z` reads them all.
_LITERAL_OFFSET = re.compile(r"(?<=%[HMSfTXp])( ?)(?:Z|UTC|GMT|%Z|[+-]\d\d:?\d\d)\Z")
_LITERAL_TIME = re.compile(r"(?<![\d%+-])\d\d:\d\d(:\d\d)?(\.\d+)?")
_EARLIEST_YEAR = 1970  # before it is a typing error, or the day 0 of a spreadsheet


class Read(NamedTuple):
    """A day, where days are meant. `has_time`: of which a time was given, and no offset; `moved`: the moment
    that was given with an offset is on another day there.
    """

    day: date
    has_time: bool = False
    moved: bool = False


def check_start_date(
    given: str,
    date_format: str | None,
    *,
    is_text: bool = True,
    is_date: bool = False,
    timezone: ZoneInfo | None = None,
) -> date | Problem:
    """`is_text`: the cell was text or a date; `is_date`: it was a date, for which no format is needed.

    What a time of day in the cell means, `time_of` says.
    """
    text = given.strip()
    if not text:
        hint = "Enter the day on which the subscription starts."
        return Problem("start_date_blank", "start_date", "There is no start date.", hint)
    read = read_day(text, None if is_date else date_format, timezone) if is_text else None
    if read is None:
        return _invalid("The start date is not a date that can be read.", date_format, text)
    day = read.day
    if day.year < _EARLIEST_YEAR:
        return _invalid(f"The start date is before {_EARLIEST_YEAR}.", date_format)
    return day


def time_of(column: str, given: str, read: Read, timezone: ZoneInfo) -> Problem | None:
    """Say what a time of day in a cell means: a doubt where nobody knows, a warning where the day moves."""
    if read.has_time:
        told = f"The {column} has a time of day and no time zone, so its day cannot be known."
        hint = "Write the day alone, or the offset after the time: 2024-12-31T23:00:00Z."
        return Doubt.of(Problem(f"{column}_invalid", column, told, hint))
    if read.moved:
        told = f"{given} is on {read.day} in {timezone.key}, where days are meant."
        return Problem(f"{column}_moved", column, told, "Check that the file writes its times so.")
    return None


def start_warning(
    day: date, today: date, *, moved: bool = False, beside_platform: bool = False
) -> Problem | None:
    """Warn of a start that is not in the past. `today` is the day where `day` is meant.

    `moved`: it is not the day of the file.
    """
    if day > today and moved:
        told = f"The subscription starts only on {day}, after what is billed; until then the card is blocked."
        hint = "Check that this is meant; without --start-after-billed it starts on the day of the file."
        return Problem("start_date_future", "start_date", told, hint)
    if day > today:
        until = (
            "the platform keeps the card blocked"
            if beside_platform
            else "nothing is billed and it is not active"
        )
        told = f"The subscription starts on {day}; until then {until}."
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


@lru_cache(maxsize=4096)
def read_day(text: str, date_format: str | None, timezone: ZoneInfo | None) -> Read | None:
    """Read a day as it is declared to be written, else as ISO 8601; None if it is not one.

    A moment with an offset is on the day that it is in `timezone`; nothing of it is dropped. Without a time
    zone there are only days.
    """
    try:
        if date_format is None and _ISO.fullmatch(text):
            return Read(date.fromisoformat(text))
        if date_format is None and timezone is None:
            return None
        moment = _moment(text, date_format)
        if moment is None:
            return None
        if moment.tzinfo is None or timezone is None:
            return Read(moment.date(), has_time=not moment.tzinfo and moment.time() != time.min)
        there = moment.astimezone(timezone).date()
        return Read(there, moved=there != moment.date())
    except (ValueError, OverflowError):
        return None


def moment_of(text: str, date_format: str | None) -> datetime | None:
    """Return the moment that is written with its offset; None of a day, whatever the time zone."""
    try:
        moment = _moment(text, date_format)
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _moment(text: str, date_format: str | None) -> datetime | None:
    if date_format is not None:
        return datetime.strptime(*_with_offset(text, date_format))
    if not _ISO_MOMENT.fullmatch(text):
        return None
    return datetime.fromisoformat(_UTC.sub("Z", text).replace(" +", "+").replace(" -", "-"))


def _with_offset(text: str, date_format: str) -> tuple[str, str]:
    """Have an offset that the format only spells out, or gives as a name, read as one."""
    read = _with_directives(date_format)
    if read.endswith("%z") and (zulu := _UTC.search(text)):
        return text.removesuffix(zulu[0]) + "+0000", read.removesuffix("%z").rstrip() + "%z"
    return text, date_format if date_format.endswith("%Z") else read


@lru_cache(maxsize=16)
def _with_directives(date_format: str) -> str:
    """Write a time and an offset that a format spells out as what they are, so that neither is dropped."""
    timed = _LITERAL_TIME.sub(_time_directives, date_format)
    return _LITERAL_OFFSET.sub(r"\1%z", timed)


def _time_directives(spelt: re.Match[str]) -> str:
    return f"%H:%M{':%S' if spelt[1] else ''}{'.%f' if spelt[2] else ''}"


def is_iso(text: str) -> bool:
    """Return whether a day, with or without a time, is written so that nobody takes it for another."""
    return bool(_ISO.fullmatch(text) or _ISO_MOMENT.fullmatch(text))


def _invalid(told: str, date_format: str | None, given: str = "") -> Problem:
    hint = "Write it as 2024-12-31 (year-month-day), or say how it is written with --date-format."
    if date_format is not None:
        hint = f"Write it as {A_DAY.strftime(date_format)}, which is what --date-format asks for."
    hint = next((other for found, other in _NO_DATES if found.fullmatch(given)), hint)
    return Problem("start_date_invalid", "start_date", told, hint)


# What no format can read, and what to do about it.
_NO_DATES = (
    (
        re.compile(r"\d{5}(?:[.,]\d+)?"),
        "It is the number of a day in a spreadsheet: format the column as a date.",
    ),
    (re.compile(r"\d{10}|\d{13}"), "It is a count of seconds: write it as 2024-12-31."),
    (re.compile(r"#{2,}"), "The column was too narrow when the sheet was exported: widen it, export again."),
)
