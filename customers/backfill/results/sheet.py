"""A workbook of one sheet, written while its lines are read: in little memory, and good to look at."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import Any, BinaryIO

import openpyxl
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from customers.backfill.results.lines import Cell
from customers.backfill.source.error_cells import xlsx_cell

MEASURED = 200  # lines by which columns get their width
NARROWEST, WIDEST = 8, 60  # characters
LONGEST = 32_767  # characters of a cell
UNWRITABLE = "\ufffd"  # for what XML cannot hold


def write_sheet(stream: BinaryIO, header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> None:
    """Write a header that stays in view, and lines: every text as text whatever it looks like."""
    remaining = iter(lines)
    first = [*islice(remaining, MEASURED)]
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Results")
    sheet.freeze_panes = "A2"
    for place, width in enumerate(_widths(header, first), 1):
        sheet.column_dimensions[get_column_letter(place)].width = width
    sheet.append([_name(sheet, name) for name in header])
    for line in chain(first, remaining):
        sheet.append([_cell(sheet, value) for value in line])
    book.save(stream)


def _widths(header: Sequence[str], first: Sequence[Sequence[Cell]]) -> list[int]:
    columns = zip(*(line[: len(header)] for line in (header, *first)), strict=False)
    return [min(max(NARROWEST, *map(_length, cells)) + 2, WIDEST) for cells in columns]


def _length(value: Cell) -> int:
    return 0 if value is None else len(str(value))


def _name(sheet: Any, name: str) -> Any:
    cell = _text(sheet, name)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: Cell) -> Any:
    match value:
        case None | "":
            return None
        case str():
            return _text(sheet, value)
        case Decimal() if value.as_tuple().exponent == -2:
            return _formatted(sheet, value, "0.00")
        case datetime():
            return _formatted(sheet, value.replace(tzinfo=None), "yyyy-mm-dd hh:mm:ss")
        case date():
            return _formatted(sheet, value, "yyyy-mm-dd")
        case _:
            return value


def _text(sheet: Any, text: str) -> Any:
    return xlsx_cell(sheet, ILLEGAL_CHARACTERS_RE.sub(UNWRITABLE, text)[:LONGEST])


def _formatted(sheet: Any, value: Any, number_format: str) -> Any:
    cell = WriteOnlyCell(sheet, value)
    cell.number_format = number_format
    return cell
