"""Read workbooks: the first sheet that people see, as they see it; text as text, dates as dates."""

import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from xml.etree.ElementTree import ParseError

from customers.backfill.source.grid import MAX_COLUMNS, TooWideError, read_grid
from customers.backfill.source.layout import TITLE_LINES, Layout
from customers.backfill.source.lines import lines_named
from customers.backfill.source.model import (
    MAX_BYTES,
    Source,
    SourceError,
    SourceInfo,
    SourceRow,
    unreadable,
)
from customers.backfill.source.ods import read_ods
from customers.backfill.source.sheets import Book, Seen, Sheet, as_seen
from customers.backfill.source.xlsx import read_xlsx
from kernel import Problem

HIDDEN_ROWS = (INCLUDE, LEAVE_OUT) = ("include", "leave-out")

# What comes of a damaged workbook: a broken archive, a missing part, XML that is not well formed or
# declares entities (a ValueError of defusedxml), an index that points nowhere.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    ParseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError,
)  # fmt: skip


def workbook_source(name: str, kind: str, data: bytes, sha256: str, hidden_rows: str | None = None) -> Source:
    """Read the first visible sheet; raise SourceError. A row's `line` is its number in the sheet.

    `hidden_rows`: what is to be done with rows that nobody sees; without it a file that has some is refused.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bomb(name, archive)
            book = read_ods(archive) if kind == "ods" else read_xlsx(archive)
            sheet = book.first()
            seen = as_seen(sheet)
            named = f"{name}, sheet “{sheet.name}”"
            try:
                layout, rows = read_grid(named, seen.rows)
            except SourceError as error:
                raise _with_the_sheet(error, book) from None
    except TooWideError:
        told = f"there is a cell to the right of column {MAX_COLUMNS}."
        raise unreadable(name, told, "Delete the columns that are not needed.") from None
    except _DAMAGED as error:
        raise unreadable(name, "the workbook is damaged.", "Open it and save it again.") from error
    _refuse_merged(named, layout, rows, seen, _lines_across(sheet))
    hidden = tuple(row.line for row in rows if row.line in sheet.hidden)
    info = SourceInfo(
        name=name,
        sha256=sha256,
        format=kind,
        header=layout.header,
        places=layout.places,
        unknown_columns=layout.unknown,
        sheet=sheet.name,
        ignored_sheets=tuple(other.name for other in book.sheets if other is not sheet),
        hidden_sheets=frozenset(other.name for other in book.sheets if other.is_hidden),
        hidden_lines=hidden,
        hidden_rows=hidden_rows if hidden else None,
        hidden_columns=tuple(
            column for column, place in layout.places.items() if layout.at(place) in sheet.hidden_columns
        ),
        unseen_lines=tuple(seen.unseen),
    )
    return Source(info, partial(iter, _without_hidden(named, rows, hidden, hidden_rows)))


def _refuse_bomb(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse by the sizes that the archive declares; unpacking stops at those, so they cannot lie."""
    if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
        told = f"the workbook unpacks to more than {MAX_BYTES // 1_000_000} MB."
        raise unreadable(name, told, "Save it as CSV, or split it into several files.")


def _with_the_sheet(error: SourceError, book: Book) -> SourceError:
    """Say which other sheet has the columns that the first one lacks."""
    if any(problem.code not in ("column_missing", "file_empty") for problem in error.problems):
        return error
    first = book.first()
    other = next((sheet for sheet in book.sheets if sheet is not first and sheet.has_header()), None)
    if other is None:
        return _with_the_merge(error, first)
    todo = "show it, move it to the first place" if other.is_hidden else "move it to the first place"
    hint = f"The sheet “{other.name}” has it: {todo} and save."
    (problem, *_) = error.problems
    told = problem.message if len(error.problems) == 1 else f"{problem.message} Others are missing too."
    code = problem.code
    return SourceError(Problem(code, problem.field, told, hint))


def _with_the_merge(error: SourceError, sheet: Sheet) -> SourceError:
    """Say so where a column is missing because its name lies under a merged cell."""
    across = any(merge.left < merge.right and merge.top <= TITLE_LINES for merge in sheet.merges)
    if not across or not all(problem.field for problem in error.problems):
        return error
    hint = "Cells above the customers are merged: unmerge them, and give every column its name."
    return SourceError(*(replace(one, hint=hint) for one in error.problems))


def _lines_across(sheet: Sheet) -> set[int]:
    """Tell the rows that are one merged cell, as a note below the table is."""
    return {merge.top for merge in sheet.merges if merge.top == merge.bottom}


def _refuse_merged(
    named: str, layout: Layout, rows: Sequence[SourceRow], seen: Seen, across: set[int]
) -> None:
    """Refuse rows of which our columns lie under merged cells: what they mean is in another row."""
    ours = set(layout.places.values())
    lines = [
        row.line
        for row in rows
        if ours & seen.covered.get(row.line, set())
        and (row.line not in across or len([cell for cell in row.values if cell.strip()]) > 1)
    ]
    if lines:
        told = f"{named}: cells are merged, so that {lines_named(lines)} have no values of their own."
        hint = (
            "Unmerge the cells and fill in every row: rows of one customer with several cards repeat all but "
            "the idTag."
        )
        raise SourceError(Problem("cells_merged", None, told, hint))


def _without_hidden(
    named: str, rows: list[SourceRow], hidden: Sequence[int], choice: str | None
) -> list[SourceRow]:
    if not hidden or choice == INCLUDE:
        return rows
    if choice != LEAVE_OUT:
        told = f"{named}: {len(hidden):,} of {len(rows):,} rows are hidden, by a filter or by hand: "
        hint = (
            "Say what is meant: --hidden-rows include or --hidden-rows leave-out; or show all rows in the "
            "sheet and delete those that are not meant."
        )
        raise SourceError(Problem("rows_hidden", None, f"{told}{lines_named(hidden)}.", hint))
    left = set(hidden)
    shown = [row for row in rows if row.line not in left]
    if not shown:
        raise unreadable(named, "all rows below the header are hidden.", code="file_empty")
    return shown
