"""A text file with some of its records changed, and every other byte as it was.

So all other rows are read as they were, and need not be read again. Where that is not plain to see, nothing
is done here, and the file is written anew as a whole.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from customers.backfill.source.error_cells import CellValue
from customers.backfill.source.error_file import safe
from customers.backfill.source.layout import is_report
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import Source, SourceError, SourceInfo, SourceRow
from customers.backfill.source.opening import read_bytes

# In which a byte below 128 is that character and nothing else, so that lines can be told apart as bytes.
_PLAIN = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "cp1252": "cp1252", "iso8859-1": "iso8859-1"}
_END_OF_FILE = b"\x1a"


@dataclass(frozen=True, slots=True)
class Spliced:
    """The new content, and its rows in the place of those that were changed, by line."""

    data: bytes
    rows: Mapping[int, SourceRow]


def spliced(
    data: bytes,
    source: Source,
    mapping: FileMapping | None,
    cells: Mapping[int, Sequence[CellValue]],
    without: Iterable[int],
) -> Spliced | None:
    """Put these cells on their lines, and nothing on the lines of rows that are left out; None if unsure."""
    info = source.info
    if info.encoding not in _PLAIN or _END_OF_FILE in data:
        return None
    lines = data.splitlines(keepends=True)
    records = {line: _record(info, some) for line, some in cells.items()}
    if is_report(_cells(info, lines, info.header_line)):
        return None
    for line, record in (*records.items(), *((line, b"") for line in without)):
        if record is None or not _replace(info, lines, line, record):
            return None
    rows = _read_alone(info, lines, mapping, sorted(records))
    return None if rows is None else Spliced(b"".join(lines), rows)


def _record(info: SourceInfo, cells: Sequence[CellValue]) -> bytes | None:
    """Write one; None if the encoding lacks a character of it."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=info.delimiter or ",").writerow([safe(cell) for cell in cells])
    try:
        return text.getvalue().encode(_PLAIN[info.encoding or "utf-8"])
    except UnicodeEncodeError:
        return None


def _replace(info: SourceInfo, lines: list[bytes], line: int, record: bytes) -> bool:
    """Put a record on the lines of another one; it has to fit there, and the rest becomes blank lines."""
    number, needed = _height(info, lines, line), record.splitlines(keepends=True)
    if not needed:
        needed = [b"\r\n"] * number
    if len(needed) > number:
        return False
    blank = [b"\r\n"] * (number - len(needed))
    lines[line - 1 : line - 1 + number] = [*needed, *blank]
    return True


def _height(info: SourceInfo, lines: Sequence[bytes], line: int) -> int:
    """Return how many lines a record takes, with those inside its cells."""
    taken = 0

    def texts() -> Iterator[str]:
        nonlocal taken
        for text in _texts(info, lines, line):
            taken += 1
            yield text

    next(csv.reader(texts(), delimiter=info.delimiter or ",", strict=True))
    return taken


def _cells(info: SourceInfo, lines: Sequence[bytes], line: int) -> list[str]:
    return next(csv.reader(_texts(info, lines, line), delimiter=info.delimiter or ",", strict=True), [])


def _texts(info: SourceInfo, lines: Sequence[bytes], line: int) -> Iterator[str]:
    encoding = _PLAIN[info.encoding or "utf-8"]
    return (lines[place].decode(encoding) for place in range(line - 1, len(lines)))


def _read_alone(
    info: SourceInfo, lines: Sequence[bytes], mapping: FileMapping | None, records: Sequence[int]
) -> dict[int, SourceRow] | None:
    """Read the new records below the header alone; None if they come out as other rows than these."""
    if not records:
        return {}
    parts = [lines[line - 1 : line - 1 + _height(info, lines, line)] for line in records]
    alone = b"".join([*lines[: info.header_line], *(text for part in parts for text in part)])
    try:
        small = read_bytes(
            info.name, alone, encoding=info.encoding, delimiter=info.delimiter, mapping=mapping
        )
        rows = [*small]
    except SourceError:
        return None
    if small.info.header != info.header or len(rows) != len(records):
        return None
    return {line: replace(row, line=line) for line, row in zip(records, rows, strict=True)}
