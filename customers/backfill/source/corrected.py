"""A file with some of its cells corrected: a new file, in which every other row stands on the line it had.

It has the format, encoding and delimiter of the first one and what stands above its header, and is read in
the same way. In a workbook the cells are changed where they stand, and all else stays: other sheets, formats,
what is hidden. Only where a cell cannot be changed by itself, as one of a formula that others share, is the
sheet written anew, alone.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import BinaryIO

from customers.backfill.source.error_cells import CellValue, Table, write_ods, write_xlsx
from customers.backfill.source.error_file import own_cells, safe
from customers.backfill.source.layout import beside
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import Source, SourceError, SourceInfo, SourceRow
from customers.backfill.source.ods_spliced import spliced_ods
from customers.backfill.source.splicing import CannotSpliceError
from customers.backfill.source.text_spliced import spliced as spliced_text
from kernel import Problem

Cells = Mapping[int, CellValue]  # by the place of their column in the header


@dataclass(frozen=True, slots=True)
class Corrections:
    """Cells that become others, by line, and the lines of rows that are not to be there."""

    cells: Mapping[int, Cells] = field(default_factory=dict)
    without: frozenset[int] = frozenset()

    @property
    def lines(self) -> list[int]:
        return sorted({*self.cells, *self.without})


@dataclass(frozen=True, slots=True)
class Corrected:
    """The content of a corrected file, and its rows; None where they have to be read to be known."""

    data: bytes
    rows: Sequence[SourceRow] | None


def corrected(
    data: bytes, source: Source, corrections: Corrections, mapping: FileMapping | None = None
) -> Corrected:
    """Make the new file; raise SourceError if a correction cannot be written in its encoding.

    `data` is what `source` reads, through `mapping`.
    """
    held = source.held()
    if source.info.format in ("csv", "tsv"):
        changed = {row.line: row for row in held if row.line in corrections.cells}
        cells = {line: _cells(row, corrections, source.info) for line, row in changed.items()}
        kept = {line: some for line, some in cells.items() if line not in corrections.without}
        if found := spliced_text(data, source, mapping, kept, corrections.without):
            rows = [found.rows.get(row.line, row) for row in held if row.line not in corrections.without]
            return Corrected(found.data, rows)
    if source.info.format in ("xlsx", "ods"):
        with suppress(CannotSpliceError):
            return Corrected(_spliced(held, corrections, data), None)
    return Corrected(written(data, held, corrections), None)


def written(data: bytes, source: Source, corrections: Corrections) -> bytes:
    """Write all of the new file; raise SourceError if a correction cannot be written in its encoding."""
    rows = ((row.line, _cells(row, corrections, source.info)) for row in source)
    kept = ((line, cells) for line, cells in rows if line not in corrections.without)
    stream = io.BytesIO()
    if source.info.format == "json":
        _write_json(stream, source.info, kept)
    elif source.info.format in ("csv", "tsv"):
        _write_text(stream, source.info, kept, _titles(source.info, data))
    else:
        write = write_xlsx if source.info.format == "xlsx" else write_ods
        write(stream, _on_their_lines(source.info, kept), source.info.sheet)
    return stream.getvalue()


def _spliced(source: Source, corrections: Corrections, data: bytes) -> bytes:
    """Change the cells where they stand in a workbook; raise CannotSpliceError."""
    info, changes, unstyled = source.info, dict[int, dict[int, CellValue]](), set[tuple[int, int]]()
    for row in source:
        for place, value in corrections.cells.get(row.line, {}).items():
            column = beside(info.report, place)
            changes.setdefault(row.line, {})[column] = safe(value)
            if isinstance(value, int | float) and place not in row.numbers:
                unstyled.add((row.line, column))
    if info.format == "ods":
        return spliced_ods(data, info.sheet, changes, corrections.without)
    from customers.backfill.source.xlsx import part_of  # openpyxl takes long to load
    from customers.backfill.source.xlsx_spliced import spliced_xlsx

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        part = part_of(archive, info.sheet)
    return spliced_xlsx(data, part or "", changes, corrections.without, unstyled)


Lines = Iterator[tuple[int, list[CellValue]]]


def _cells(row: SourceRow, corrections: Corrections, info: SourceInfo) -> list[CellValue]:
    cells = [*own_cells(info, row), *row.cells[len(info.header) :]]
    for place, text in corrections.cells.get(row.line, {}).items():
        cells[place] = text
    return cells


def _on_their_lines(info: SourceInfo, rows: Lines) -> Table:
    """Give the records of a sheet, blank ones where there was none."""
    yield from ([] for _ in range(info.header_line - 1))
    yield [safe(name) for name in info.header]
    last = info.header_line
    for line, cells in rows:
        yield from ([] for _ in range(line - last - 1))
        yield [safe(cell) for cell in cells]
        last = line


class _Counting(io.TextIOWrapper):
    """Text that knows on which line the next record begins."""

    def __init__(self, stream: BinaryIO, encoding: str | None) -> None:
        super().__init__(stream, encoding, newline="", write_through=True)
        self.line = 1

    def write(self, text: str) -> int:
        self.line += text.count("\n") + text.count("\r") - text.count("\r\n")
        return super().write(text)

    def go_to(self, line: int) -> None:
        if line > self.line:
            self.write("\r\n" * (line - self.line))


def _titles(info: SourceInfo, data: bytes) -> str:
    """Return what stands above the header, which may say what the delimiter is."""
    text = io.TextIOWrapper(io.BytesIO(data), info.encoding, newline="")
    return "".join(text.readline() for _ in range(info.header_line - 1))


def _write_text(stream: BinaryIO, info: SourceInfo, rows: Lines, titles: str) -> None:
    text, delimiter = _Counting(stream, info.encoding), info.delimiter or ","
    writer = csv.writer(text, delimiter=delimiter)
    text.write(titles)
    text.go_to(info.header_line)
    writer.writerow([safe(name) for name in info.header])
    for line, cells in rows:
        text.go_to(line)
        try:
            writer.writerow([safe(cell) for cell in cells])
        except UnicodeEncodeError:
            raise _not_in_the_encoding(info, line) from None
    text.detach()


def _write_json(stream: BinaryIO, info: SourceInfo, rows: Lines) -> None:
    encoding = info.encoding or "utf-8"
    text, ascii_only = _Counting(stream, encoding), not encoding.startswith("utf")
    text.write("[")
    for number, (line, cells) in enumerate(rows):
        text.write("," if number else "")
        text.go_to(line)
        item = dict(zip(info.header, cells, strict=False))
        text.write(json.dumps(item, ensure_ascii=ascii_only))
    text.write("]\n")
    text.detach()


def _not_in_the_encoding(info: SourceInfo, line: int) -> SourceError:
    told = f"{info.name}: line {line}: the file is {info.encoding}, which lacks a character of this row."
    return SourceError(Problem("file_encoding", None, told, "Write it without that character."))
