"""Read CSV and TSV: streamed, in constant memory, with the physical line on which every record starts."""

import csv
import io
import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice

from customers.backfill.source.encoding import MARKING, checked_lines
from customers.backfill.source.formulas import unescape
from customers.backfill.source.layout import (
    TITLE_LINES,
    Layout,
    header_below,
    is_report,
    names_all,
    no_header_on,
    read_header,
    unmapped,
)
from customers.backfill.source.lines import lines_named
from customers.backfill.source.mapping.applying import names_needed
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import Source, SourceError, SourceInfo, SourceRow, unreadable
from customers.backfill.source.raw import HashedReader, Opener

DELIMITERS = (",", ";", "\t")
_NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t"}
_END_OF_FILE = "\x1a"
_LINE_END = re.compile("\r\n?|\n")
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*\Z', re.IGNORECASE)  # how Excel names the delimiter, in a first line


@dataclass(frozen=True, slots=True)
class TextFile:
    """A CSV or TSV file before it is read. `delimiter` is None where the header is to tell."""

    name: str
    format: str
    opener: Opener
    sha256: str
    encoding: str
    delimiter: str | None
    mapping: FileMapping | None = None


@dataclass(frozen=True, slots=True)
class _Table:
    delimiter: str
    layout: Layout
    records: Iterator[tuple[int, list[str]]]


def text_source(file: TextFile) -> Source:
    """Check that the file has a usable header and at least one row; raise SourceError."""
    info = _info(file)
    rows = partial(_rows, file)
    with closing(rows()) as peek:
        if next(peek, None) is None:
            raise unreadable(file.name, "there is no row below the header.", code="file_empty")
    return Source(info, rows)


def known_delimiter(name: str, delimiter: str | None) -> str | None:
    """Understand the delimiter that an operator named; raise SourceError."""
    if delimiter is None:
        return None
    meant = _NAMED_DELIMITERS.get(delimiter.casefold(), delimiter)
    if len(meant) != 1 or not (meant == "\t" or meant.isprintable()) or meant in '" ':
        raise unreadable(name, "the delimiter has to be one character.", "For example ; or , or tab.")
    return meant


def _info(file: TextFile) -> SourceInfo:
    with closing(_stream(file, HashedReader(file.opener()))) as stream:
        table = _read_table(file, stream)
    return SourceInfo(
        name=file.name,
        sha256=file.sha256,
        format=file.format,
        header=table.layout.header,
        header_line=table.layout.line,
        unknown_columns=table.layout.unknown,
        encoding=file.encoding,
        delimiter=table.delimiter,
        **unmapped(table.layout),
    )


def _rows(file: TextFile) -> Generator[SourceRow, None, None]:
    hashed = HashedReader(file.opener())
    with closing(_stream(file, hashed)) as stream:
        table = _read_table(file, stream)
        for line, cells in table.records:
            row = table.layout.row(line, cells)
            if row is not None:
                whole = "".join(row.cells)
                if "\n" in whole or "\r" in whole:
                    _refuse_swallowed(file.name, row, table)
                yield row
        if hashed.sha256() != file.sha256:
            raise unreadable(file.name, "the file was changed while it was being read.", "Start again.")


def _stream(file: TextFile, hashed: HashedReader) -> io.TextIOWrapper:
    """Decode without translating line ends: inside quotes they belong to the cell."""
    buffered = io.BufferedReader(hashed, 1 << 16)
    return io.TextIOWrapper(buffered, encoding=file.encoding, errors=MARKING, newline="")


def _read_table(file: TextFile, stream: io.TextIOWrapper) -> _Table:
    lines = checked_lines(file.name, stream, file.encoding)
    usual = "\t" if file.format == "tsv" else ","
    before, first = _header_line(file, lines, usual)
    delimiter = file.delimiter or _recognise(first, usual, file.mapping)
    if (sep := _SEP_LINE.match(first)) is not None:
        delimiter = file.delimiter or sep[1]
        before += 1
    else:
        lines = chain([first], lines)
    records = _records(file.name, lines, delimiter, before)
    line, header = next(records, (0, []))
    if not header:
        raise unreadable(file.name, "the file is empty.", code="file_empty")
    try:
        layout = read_header(file.name, line, header, file.mapping)
    except SourceError as error:
        raise _with_the_header(file, error, line, islice(lines, TITLE_LINES)) from None
    return _Table(delimiter, layout, records)


def _with_the_header(file: TextFile, error: SourceError, line: int, below: Iterator[str]) -> SourceError:
    """Say on which line below the header is, where titles stand above it."""
    try:
        for number, text in enumerate(below, start=line + 1):
            if names_all(_cells(text, file.delimiter or _recognise(text, ",", file.mapping)), file.mapping):
                return header_below(file.name, number, file.mapping)
    except (SourceError, csv.Error):
        return error  # what is below is no better
    return error


def _refuse_swallowed(name: str, row: SourceRow, table: _Table) -> None:
    """Refuse a record that holds others: a quotation mark that was not meant as one took them in."""
    emails = table.layout.sources["email"]
    for position, cell in enumerate(row.cells) if emails else ():
        lines = _LINE_END.split(cell)
        places = [n for n, text in enumerate(lines) if n and _is_a_row(text, table, emails[0])]
        if not places and len(lines) > 1 and _are_halves(lines[0], lines[-1], position, table, emails[0]):
            places = [len(lines) - 1]
        if places:
            before = sum(len(_LINE_END.findall(other)) for other in row.cells[:position])
            lost = lines_named([row.line + before + n for n in places])
            told = f"{lost} would be lost: a quotation mark on line {row.line} takes in what is below it."
            hint = 'A cell that begins with " has to end with one, and a " inside it has to be doubled.'
            raise unreadable(name, told, hint, code="rows_swallowed")


def _is_a_row(text: str, table: _Table, email: int) -> bool:
    cells = _cells(text, table.delimiter)
    return len(cells) >= len(table.layout.header) and "@" in cells[email]


def _are_halves(first: str, last: str, position: int, table: _Table, email: int) -> bool:
    """Return whether a cell begins with the rest of a row, and ends with the beginning of another one."""
    rest, beginning = _cells(first, table.delimiter), _cells(last, table.delimiter)
    if len(rest) < len(table.layout.header) - position or len(beginning) <= position:
        return False
    return "@" in (rest[email - position] if email >= position else beginning[email])


def _first_line(name: str, lines: Iterator[str]) -> tuple[int, str]:
    """Return the first line that is not blank, and how many are before it."""
    for before, line in enumerate(lines):
        if line.strip():
            return before, line
    raise unreadable(name, "the file is empty.", code="file_empty")


def _header_line(file: TextFile, lines: Iterator[str], usual: str) -> tuple[int, str]:
    """Return the first line, or the one that a mapping names; of an error file of ours always the first."""
    before, first = _first_line(file.name, lines)
    wanted = file.mapping.form.header_line if file.mapping else None
    if (
        wanted is None
        or wanted <= before + 1
        or is_report(_cells(first, file.delimiter or _recognise(first, usual)))
    ):
        return before, first
    found = next(islice(lines, wanted - before - 2, None), "")
    if not found.strip():
        raise no_header_on(file.name, wanted)
    return wanted - 1, found


def _recognise(line: str, default: str, mapping: FileMapping | None = None) -> str:
    """Choose the delimiter under which the header names most of what is needed, then most columns."""
    needed = names_needed(mapping)

    def merit(delimiter: str) -> tuple[int, int, bool]:
        cells = _cells(line, delimiter)
        known = {cell.strip().casefold() for cell in cells} & needed
        return len(known), len(cells), delimiter == default

    return max(DELIMITERS, key=merit)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _records(name: str, lines: Iterator[str], delimiter: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Return each record with the line on which it starts; `before` counts the lines already taken."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = before + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _not_a_record(name, line, str(error)) from None
        if cells == [_END_OF_FILE]:
            continue  # of old DOS programs; nothing is lost with it
        if any(cells):
            yield line, [unescape(cell) if cell.startswith("'") else cell for cell in cells]


def _not_a_record(name: str, line: int, reason: str) -> SourceError:
    if "field limit" in reason:
        told = f"line {line} starts a cell of more than {csv.field_size_limit():,} characters."
    elif "unexpected end" in reason:
        told = f"line {line} starts a cell whose quotation mark is never closed."
    else:
        told = f"line {line} has a quotation mark in the wrong place."
    hint = 'A cell that begins with " has to end with one, and a " inside it has to be doubled.'
    return unreadable(name, told, hint)
