"""Typed cells, as workbooks and JSON have them, and the rows they make."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from customers.backfill.source.layout import Layout, read_header
from customers.backfill.source.model import MAX_ROWS, SourceRow, unreadable


class Kind(Enum):
    TEXT = "text"
    NUMBER = "number"  # and whatever else is neither text nor a date
    DATE = "date"


class Cell(NamedTuple):
    """A cell as text; a number looks as it was stored, a date is `YYYY-MM-DD`."""

    text: str
    kind: Kind = Kind.TEXT


BLANK = Cell("")

MAX_COLUMNS = 256


class TooWideError(Exception):
    """A sheet with a cell to the right of column MAX_COLUMNS."""


Grid = Iterable[tuple[int, Sequence[Cell]]]


def read_grid(name: str, grid: Grid) -> tuple[Layout, list[SourceRow]]:
    """Read a header and the rows below it; raise SourceError."""
    records = ((line, cells) for line, cells in grid if any(cell.text.strip() for cell in cells))
    line, header = next(records, (0, ()))
    if not header:
        raise unreadable(name, "there is nothing in it.", code="file_empty")
    layout = read_header(name, line, [cell.text for cell in header])
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


def typed_row(layout: Layout, line: int, cells: Sequence[Cell]) -> SourceRow | None:
    """Make a row and note which of our columns hold something else than text."""
    row = layout.row(line, [cell.text for cell in cells])
    if row is None or all(cell.kind is Kind.TEXT for cell in cells):
        return row
    own = layout.own(cells)
    kinds = {column: own[place].kind for column, place in layout.places.items() if place < len(own)}
    return replace(
        row,
        numeric=frozenset(column for column, kind in kinds.items() if kind is Kind.NUMBER),
        dated=frozenset(column for column, kind in kinds.items() if kind is Kind.DATE),
    )
