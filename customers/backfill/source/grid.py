"""Typed cells, as workbooks and JSON have them, and the rows they make."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from customers.backfill.source.layout import (
    TITLE_LINES,
    Layout,
    header_below,
    is_report,
    names_all,
    no_header_on,
    read_header,
)
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import MAX_ROWS, Kind, SourceError, SourceRow, unreadable


class Cell(NamedTuple):
    """A cell as text; a number looks as it was stored, a date is `YYYY-MM-DD`."""

    text: str
    kind: Kind = Kind.TEXT


BLANK = Cell("")

MAX_COLUMNS = 256


class TooWideError(Exception):
    """A sheet with a cell to the right of column MAX_COLUMNS."""


Record = tuple[int, Sequence[Cell]]
Grid = Iterable[Record]


def read_grid(name: str, grid: Grid, mapping: FileMapping | None = None) -> tuple[Layout, list[SourceRow]]:
    """Read a header and the rows below it; raise SourceError."""
    records = ((line, cells) for line, cells in grid if any(cell.text.strip() for cell in cells))
    line, header = _header(name, records, mapping.form.header_line if mapping else None)
    try:
        layout = read_header(name, line, [cell.text for cell in header], mapping)
    except SourceError:
        for below, cells in islice(records, TITLE_LINES):
            if names_all([cell.text for cell in cells], mapping):
                raise header_below(name, below, mapping) from None
        raise
    rows: list[SourceRow] = []
    for line, cells in records:
        if len(rows) == MAX_ROWS:
            raise unreadable(name, f"there are more than {MAX_ROWS:,} rows.", "Save it as CSV, or split it.")
        row = typed_row(layout, line, cells)
        if row is not None:
            rows.append(row)
    if not rows:
        raise unreadable(name, "there is no row below the header.", code="file_empty")
    return layout, rows


def _header(name: str, records: Iterator[Record], line: int | None) -> Record:
    """Return the first record or the one on a line; an error file of ours has its header at the top."""
    first = next(records, (0, ()))
    if not first[1]:
        raise unreadable(name, "there is nothing in it.", code="file_empty")
    if line is None or first[0] == line or is_report([cell.text for cell in first[1]]):
        return first
    found = next((record for record in records if record[0] >= line), (0, ()))
    if found[0] != line:
        raise no_header_on(name, line)
    return found


def typed_row(layout: Layout, line: int, cells: Sequence[Cell]) -> SourceRow | None:
    """Make a row and note which of its cells hold something else than text."""
    kinds = None if all(cell.kind is Kind.TEXT for cell in cells) else [cell.kind for cell in cells]
    return layout.row(line, [cell.text for cell in cells], kinds)
