"""Read workbooks: the first sheet, text as text, dates as dates, and numbers marked as what they are."""

import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from functools import partial
from xml.etree.ElementTree import ParseError

import openpyxl

from customers.backfill.source.formulas import unescape
from customers.backfill.source.grid import BLANK, MAX_COLUMNS, Cell, Grid, Kind, TooWideError, read_grid
from customers.backfill.source.model import MAX_BYTES, Source, SourceInfo, unreadable
from customers.backfill.source.ods import read_ods

_LAST_ROW = 1_048_576  # of a sheet; a damaged file can claim any number

# What the libraries raise on a damaged workbook: a broken archive, a missing part, XML that is not well
# formed or declares entities (a ValueError of defusedxml), an index that points nowhere.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    ParseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError,
)  # fmt: skip


def workbook_source(name: str, kind: str, data: bytes, sha256: str) -> Source:
    """Read the first sheet; raise SourceError. A row's `line` is its number in the sheet."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bomb(name, archive)
            sheets, grid = read_ods(archive) if kind == "ods" else _read_xlsx(data)
        first, *ignored = sheets
    except TooWideError:
        told = f"there is a cell to the right of column {MAX_COLUMNS}."
        raise unreadable(name, told, "Delete the columns that are not needed.") from None
    except _DAMAGED as error:
        raise unreadable(name, "the workbook is damaged.", "Open it and save it again.") from error
    layout, rows = read_grid(f"{name}, sheet “{first}”", grid)
    info = SourceInfo(
        name=name,
        sha256=sha256,
        format=kind,
        header=layout.header,
        places=layout.places,
        unknown_columns=layout.unknown,
        ignored_sheets=tuple(ignored),
    )
    return Source(info, partial(iter, rows))


def _refuse_bomb(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse by the sizes that the archive declares; unpacking stops at those, so they cannot lie."""
    if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
        told = f"the workbook unpacks to more than {MAX_BYTES // 1_000_000} MB."
        raise unreadable(name, told, "Save it as CSV, or split it into several files.")


def _read_xlsx(data: bytes) -> tuple[list[str], Grid]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles and extensions, which do not matter here
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        try:
            sheets = book.worksheets
            sheets[0].reset_dimensions()  # some programs write wrong ones, and rows would be lost
            return [sheet.title for sheet in sheets], list(_xlsx_rows(sheets[0].iter_rows(values_only=True)))
        finally:
            book.close()


def _xlsx_rows(rows: Iterator[tuple[object, ...]]) -> Iterator[tuple[int, list[Cell]]]:
    for number, values in enumerate(rows, start=1):
        if number > _LAST_ROW:
            raise ValueError("a row number beyond the last possible one")
        if len(values) > MAX_COLUMNS:
            raise TooWideError
        if any(value is not None for value in values):
            yield number, [_xlsx_cell(value) for value in values]


def _xlsx_cell(value: object) -> Cell:
    if isinstance(value, str):
        return Cell(unescape(value))
    if value is None:
        return BLANK
    if isinstance(value, datetime):
        day = value.date() if value.time() == time.min else value
        return Cell(day.isoformat(), Kind.DATE)
    if isinstance(value, date):
        return Cell(value.isoformat(), Kind.DATE)
    return Cell(str(value).upper() if isinstance(value, bool) else str(value), Kind.NUMBER)
