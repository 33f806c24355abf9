"""What a preflight is made for: now, and perhaps with a file in hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from customers.backfill.checks.dates import check_start_date
from customers.backfill.checks.values import check_external_id
from customers.backfill.source import Source

LAST_PLAIN = "\uffff"  # the last character that SteVe's notes can hold


@dataclass(frozen=True, slots=True)
class People:
    """What matters here of the customers of a file. What is wrong with a row, the dry-run says.

    `starts` has the earliest start of each customer by external_id; `unusual` are lines.
    """

    cards: int
    starts: Mapping[str, date | None]
    unusual: tuple[int, ...]

    @property
    def dotted(self) -> list[str]:
        return [external_id for external_id in self.starts if "." in external_id]


@dataclass(frozen=True, slots=True)
class Asked:
    people: People | None = None
    now: Callable[[], datetime] = timezone.now


def read_people(source: Source, date_format: str | None = None) -> People:
    """Read a file for what matters here; raise SourceError."""
    cards, starts, unusual = 0, dict[str, date | None](), []
    for row in source:
        if row.mapped and row.mapped.left_out:
            continue
        cards += 1
        if row.surplus:  # its values may be in the wrong columns
            continue
        if any(char > LAST_PLAIN for char in row.values.display_name):
            unusual.append(row.line)
        external_id = check_external_id(row.values.external_id, is_text="external_id" not in row.numeric)
        day = check_start_date(
            row.values.start_date,
            date_format,
            is_text="start_date" not in row.numeric,
            is_date="start_date" in row.dated,
        )
        if isinstance(external_id, str):
            found = [one for one in (starts.get(external_id), day) if isinstance(one, date)]
            starts[external_id] = min(found, default=None)
    return People(cards, starts, tuple(unusual))
