"""The file of rows that need attention: the operator's own cells, with what is wrong with them.

It has the operator's columns, order, format, encoding and delimiter, and some more. The operator corrects it
and imports it as it is: reading leaves those out. What was a number stays one, because a damaged idTag must
not become a sound one on the way.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from customers.backfill.source import REPORT_COLUMNS, SourceInfo, SourceRow
from customers.backfill.source.error_cells import CellValue, date_of, number_of, write_ods, write_xlsx
from customers.backfill.source.formulas import escape
from customers.backfill.source.text import DELIMITERS
from kernel import Problem
from kernel.whole_file import whole_file

Flawed = tuple[SourceRow, Sequence[Problem]]

_TEXT_FORMATS = ("csv", "tsv")


class ErrorFileError(Exception):
    """An error file that cannot be written; `str(error)` says why and what to do."""


def check_error_file(path: Path, source_path: Path, info: SourceInfo) -> None:
    """Find out before a run whether the file can be written after it; raise ErrorFileError."""
    kind = path.suffix.removeprefix(".").casefold()
    if kind != info.format and not {kind, info.format} <= set(_TEXT_FORMATS):
        raise ErrorFileError(f"{path.name}: the error file has the format of the input: .{info.format}.")
    if path.resolve() == source_path.resolve():
        raise ErrorFileError(f"{path.name}: this is the input file; choose another name.")
    if path.is_dir():
        raise ErrorFileError(f"{path.name}: this is a folder, not a file.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ErrorFileError(f"{path.name}: nothing can be written in this folder.")


def write_error_file(path: Path, info: SourceInfo, rows: Iterable[Flawed]) -> int:
    """Write the file whole or not at all, readable by its owner only; give the number of rows in it."""
    try:
        with whole_file(path) as stream:
            count = write_errors(stream, info, rows)
    except OSError as error:
        raise ErrorFileError(f"{path.name}: the error file cannot be written ({error.strerror}).") from error
    return count


def write_errors(stream: BinaryIO, info: SourceInfo, rows: Iterable[Flawed]) -> int:
    """Write the content of the file, for example to a download; give the number of rows in it."""
    records = [_record(info, row, problems) for row, problems in rows]
    header: list[CellValue] = [*info.header, *REPORT_COLUMNS]
    if info.format == "json":
        _write_json(stream, info, header, records)
        return len(records)
    table = [[safe(value) for value in record] for record in chain([header], records)]
    if info.format == "xlsx":
        write_xlsx(stream, table, info.sheet)
    elif info.format == "ods":
        write_ods(stream, table, info.sheet)
    else:
        _write_text(stream, info, table)
    return len(records)


def _record(info: SourceInfo, row: SourceRow, problems: Sequence[Problem]) -> list[CellValue]:
    """Return the row's own cells and ours, and last the cells for which the header has no column."""
    return [*own_cells(info, row), *_report(row.line, problems), *row.cells[len(info.header) :]]


def own_cells(info: SourceInfo, row: SourceRow) -> list[CellValue]:
    """Return the cells below the header; what was a number or a date is one again."""
    width = len(info.header)
    own: list[CellValue] = [*row.cells[:width]]
    for place in row.numbers:
        if place < width:
            own[place] = number_of(row.cells[place])
    for place in row.dates:
        if place < width:
            own[place] = date_of(row.cells[place])
    return own


def _report(line: int, problems: Sequence[Problem]) -> list[str]:
    return [
        str(line),
        "; ".join(problem.code for problem in problems),
        "; ".join(problem.field or "" for problem in problems),
        " ".join(problem.message for problem in problems),
        " ".join(dict.fromkeys(problem.hint for problem in problems)),
    ]


def safe(value: CellValue) -> CellValue:
    """Make a cell safe to open in a spreadsheet."""
    return escape(value) if isinstance(value, str) else value


def _write_text(stream: BinaryIO, info: SourceInfo, table: Iterable[Sequence[CellValue]]) -> None:
    # What cannot be written in the operator's encoding can only be in our own words.
    text = io.TextIOWrapper(stream, info.encoding, errors="replace", newline="")
    delimiter = info.delimiter or ","
    if delimiter not in DELIMITERS:
        text.write(f"sep={delimiter}\r\n")  # it would not be recognised without this line
    csv.writer(text, delimiter=delimiter).writerows(table)
    text.detach()


def _write_json(
    stream: BinaryIO, info: SourceInfo, header: Sequence[CellValue], records: Sequence[Sequence[CellValue]]
) -> None:
    encoding = info.encoding or "utf-8"
    text = io.TextIOWrapper(stream, encoding, newline="")
    for number, record in enumerate(records):
        item = dict(zip(header, record, strict=True))
        text.write(",\n" if number else "[\n")
        text.write(json.dumps(item, ensure_ascii=not encoding.startswith("utf"), indent=1))
    text.write("\n]\n" if records else "[]\n")
    text.detach()
