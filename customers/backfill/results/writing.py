"""Write the lines of a result file, one after the other: csv, xlsx or json, by the name's ending."""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from customers.backfill.results.lines import Cell, Line, Lines, ResultsError
from customers.backfill.source.error_file import safe
from kernel.whole_file import whole_file

XLSX_ROWS = 1_048_575  # of a sheet, below the header


def kind_of(path: Path) -> str:
    """Return the format that the name's ending asks for; raise ResultsError."""
    kind = path.suffix.removeprefix(".").casefold()
    if kind not in FORMATS:
        known = ", ".join(f".{known}" for known in FORMATS)
        raise ResultsError(f"{path.name}: the name has to end in one of {known}.")
    return kind


def check_results_file(path: Path) -> None:
    """Find out before anything is read whether the file can be written; raise ResultsError."""
    kind_of(path)
    if path.is_dir():
        raise ResultsError(f"{path.name}: this is a folder, not a file.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise ResultsError(f"{path.name}: nothing can be written in this folder.")


def write_results_file(path: Path, lines: Lines) -> int:
    """Write the file whole or not at all, for its owner only; give the number of lines below the header."""
    try:
        with whole_file(path) as stream:
            return write_results(stream, kind_of(path), lines)
    except OSError as error:
        raise ResultsError(f"{path.name}: the file cannot be written ({error.strerror}).") from error


def write_results(stream: BinaryIO, kind: str, lines: Lines) -> int:
    """Write the content of the file, for example to a download; give the number of lines below the header."""
    counted = _Counted(lines)
    FORMATS[kind](stream, lines.header, counted)
    return counted.number


class _Counted:
    def __init__(self, lines: Lines) -> None:
        self._lines, self.number = lines, 0

    def __iter__(self) -> Iterator[Line]:
        for line in self._lines:
            self.number += 1
            yield line


def _write_csv(stream: BinaryIO, header: list[str], lines: _Counted) -> None:
    text = io.TextIOWrapper(stream, "utf-8-sig", newline="")  # with the mark by which Excel knows UTF-8
    writer = csv.writer(text)
    writer.writerow([safe(name) for name in header])
    writer.writerows([_plain(value) for value in line] for line in lines)
    text.detach()


def _write_xlsx(stream: BinaryIO, header: list[str], lines: _Counted) -> None:
    from customers.backfill.results.sheet import write_sheet  # openpyxl takes long to load

    def table() -> Iterator[list[Cell]]:
        for line in lines:
            if lines.number > XLSX_ROWS:
                raise ResultsError(f"A workbook has no more than {XLSX_ROWS:,} rows; write a .csv.")
            yield [safe(value) if isinstance(value, str) else value for value in line]

    write_sheet(stream, [str(safe(name)) for name in header], table())


def _write_json(stream: BinaryIO, header: list[str], lines: _Counted) -> None:
    text = io.TextIOWrapper(stream, "utf-8", newline="")
    for number, line in enumerate(lines):
        item = dict(zip(header, map(_told, line), strict=True))
        text.write(f"{',' if number else '['}\n{json.dumps(item, ensure_ascii=False)}")
    text.write("\n]\n" if lines.number else "[]\n")
    text.detach()


def _plain(value: Any) -> str:
    """Write a cell as text that is safe to open in a spreadsheet; what was a number stays what it was."""
    if isinstance(value, str):
        return str(safe(value))
    return "" if value is None else value.isoformat() if isinstance(value, date) else str(value)


def _told(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


FORMATS: Mapping[str, Callable[[BinaryIO, list[str], _Counted], None]] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "json": _write_json,
}
