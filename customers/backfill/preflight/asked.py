"""What a preflight is made for: now, and perhaps with a file in hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils import timezone

from customers.backfill.checks.dates import check_start_date, moment_of
from customers.backfill.checks.values import check_external_id
from customers.backfill.source import Source, SourceRow
from kernel.deadline import Deadline

LAST_PLAIN = "\uffff"  # the last character that SteVe's notes can hold


@dataclass(frozen=True, slots=True)
class People:
    """What matters here of the customers of a file. What is wrong with a row, the dry-run says.

    `starts` has the earliest start of each customer by external_id: a day, or a moment where the file gives
    an offset, whose day depends on where days are meant; `unusual` are lines.
    """

    cards: int
    starts: Mapping[str, date | datetime | None]
    unusual: tuple[int, ...]

    @property
    def dotted(self) -> list[str]:
        return [external_id for external_id in self.starts if "." in external_id]


@dataclass(frozen=True, slots=True)
class Asked:
    """`deadline`: for all that is asked of systems together, where somebody waits at a page."""

    people: People | None = None
    now: Callable[[], datetime] = timezone.now
    deadline: Deadline | None = None


def read_people(source: Source, date_format: str | None = None) -> People:
    """Read a file for what matters here; raise SourceError."""
    cards, starts, unusual = 0, dict[str, date | datetime | None](), []
    for row in source:
        if row.mapped and row.mapped.left_out:
            continue
        cards += 1
        if row.surplus:  # its values may be in the wrong columns
            continue
        if any(char > LAST_PLAIN for char in row.values.display_name):
            unusual.append(row.line)
        external_id = check_external_id(row.values.external_id, is_text="external_id" not in row.numeric)
        if isinstance(external_id, str):
            found = [one for one in (starts.get(external_id), _start(row, date_format)) if one]
            starts[external_id] = min(found, key=_instant, default=None)
    return People(cards, starts, tuple(unusual))


def _start(row: SourceRow, date_format: str | None) -> date | datetime | None:
    given, is_date = row.values.start_date.strip(), "start_date" in row.dated
    is_text = "start_date" not in row.numeric
    if is_text and (moment := moment_of(given, None if is_date else date_format)):
        return moment
    day = check_start_date(given, date_format, is_text=is_text, is_date=is_date)
    return day if isinstance(day, date) else None


def _instant(start: date | datetime) -> datetime:
    return start if isinstance(start, datetime) else datetime(start.year, start.month, start.day, tzinfo=UTC)
