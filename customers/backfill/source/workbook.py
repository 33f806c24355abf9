"""Read workbooks: the first sheet that people see, as they see it; text as text, dates as dates."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from xml.etree.ElementTree import ParseError

from customers.backfill.source.grid import MAX_COLUMNS, Record, TooWideError, read_grid
from customers.backfill.source.layout import TITLE_LINES, Layout, unmapped
from customers.backfill.source.lines import lines_named
from customers.backfill.source.mapping.model import FileMapping
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
from kernel import Problem

SHEETS_NAMED = 8
HIDDEN_ROWS = (INCLUDE, LEAVE_OUT) = ("include", "leave-out")

# What comes of a damaged workbook: a broken archive, a missing part, XML that is not well formed or
# declares entities (a ValueError of defusedxml), an index that points nowhere.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    ParseError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, OSError,
)  # fmt: skip


def workbook_source(
    name: str,
    kind: str,
    data: bytes,
    sha256: str,
    hidden_rows: str | None = None,
    mapping: FileMapping | None = None,
) -> Source:
    """Read the first visible sheet, or the mapping's; raise SourceError. A row's `line` is its number there.

    `hidden_rows`: what is to be done with rows that nobody sees; without it a file that has some is refused.
    """
    with _opened(name, kind, data) as book:
        sheet = _chosen(name, book, mapping)
        seen = as_seen(sheet)
        named = f"{name}, sheet “{sheet.name}”"
        try:
            layout, rows = read_grid(named, seen.rows, mapping)
        except SourceError as error:
            raise _with_the_sheet(error, book, sheet, mapping) from None
    _refuse_merged(named, layout, rows, seen, _lines_across(sheet))
    hidden = tuple(row.line for row in rows if row.line in sheet.hidden)
    info = SourceInfo(
        name=name,
        sha256=sha256,
        format=kind,
        header=layout.header,
        header_line=layout.line,
        unknown_columns=layout.unknown,
        report=layout.report,
        sheet=sheet.name,
        ignored_sheets=tuple(other.name for other in book.sheets if other is not sheet),
        hidden_sheets=frozenset(other.name for other in book.sheets if other.is_hidden),
        hidden_lines=hidden,
        hidden_rows=hidden_rows if hidden else None,
        hidden_columns=tuple(
            name
            for name, places in layout.sources.items()
            if any(layout.at(place) in sheet.hidden_columns for place in places)
        ),
        unseen_lines=tuple(seen.unseen),
        **unmapped(layout),
    )
    return Source(info, partial(iter, _without_hidden(named, rows, hidden, hidden_rows)))


def first_rows(name: str, kind: str, data: bytes, most: int) -> list[tuple[Sheet, list[Record]]]:
    """Return the sheets with their first rows that are not blank; raise SourceError."""
    with _opened(name, kind, data) as book:
        return [(sheet, list(islice(sheet.read(), most))) for sheet in book.sheets]


def _read_xlsx(archive: zipfile.ZipFile) -> Book:
    from customers.backfill.source.xlsx import read_xlsx  # openpyxl takes long to load: csv does without

    return read_xlsx(archive)


@contextmanager
def _opened(name: str, kind: str, data: bytes) -> Iterator[Book]:
    """Open a workbook; raise SourceError, also for what is found while its sheets are read."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _refuse_bomb(name, archive)
            yield read_ods(archive) if kind == "ods" else _read_xlsx(archive)
    except TooWideError:
        told = f"there is a cell to the right of column {MAX_COLUMNS}."
        raise unreadable(name, told, "Delete the columns that are not needed.") from None
    except _DAMAGED as error:
        raise unreadable(name, "the workbook is damaged.", "Open it and save it again.") from error


def _refuse_bomb(name: str, archive: zipfile.ZipFile) -> None:
    """Refuse by the sizes that the archive declares; unpacking stops at those, so they cannot lie."""
    if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
        told = f"the workbook unpacks to more than {MAX_BYTES // 1_000_000} MB."
        raise unreadable(name, told, "Save it as CSV, or split it into several files.")


def _chosen(name: str, book: Book, mapping: FileMapping | None) -> Sheet:
    """Return the sheet that is read."""
    wanted = mapping.form.sheet if mapping else None
    if mapping is None or wanted is None:
        return book.first()
    sheet = book.named(wanted)
    if sheet is None:
        there = ", ".join(f"“{other.name}”" for other in book.sheets[:SHEETS_NAMED])
        told = f"{name}: there is no sheet “{wanted}”, which {mapping.name} names."
        raise SourceError(Problem("sheet_missing", None, told, f"The sheets are {there}. Correct [file]."))
    return sheet


def _with_the_sheet(error: SourceError, book: Book, read: Sheet, mapping: FileMapping | None) -> SourceError:
    """Say which other sheet has the columns that the one lacks that is read."""
    if any(problem.code not in ("column_missing", "file_empty") for problem in error.problems):
        return error
    others = [sheet for sheet in book.sheets if sheet is not read]
    other = next((sheet for sheet in others if sheet.has_header(mapping)), None)
    if other is None:
        return _with_the_merge(error, read)
    todo = (
        "show it, move it to the first place and save"
        if other.is_hidden
        else "move it to the first place and save"
    )
    todo = f'say sheet = "{other.name}" in [file] of {mapping.name}' if mapping else todo
    hint = f"The sheet “{other.name}” has it: {todo}."
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
    ours = layout.read
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
