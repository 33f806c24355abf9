"""Find the table in a file that nobody knows: its sheet or list, encoding, delimiter and header."""

import codecs
import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice

from customers.backfill.mappings.kinds import CARD, DECIMAL, EMAIL, ISO, WHOLE, kinds_of
from customers.backfill.mappings.words import knows
from customers.backfill.source.encoding import MARKING, choose_encoding
from customers.backfill.source.items import LIST_KEY
from customers.backfill.source.layout import TITLE_LINES, is_report
from customers.backfill.source.mapping.model import Form
from customers.backfill.source.model import Kind, SourceError, unreadable
from customers.backfill.source.opening import recognise_format
from customers.backfill.source.text import DELIMITERS, known_delimiter
from customers.backfill.source.workbook import first_rows
from kernel import Problem

_LOOKED_INTO = 1_000_000  # bytes of a text file
_LINES_OF_A_RECORD = 10
_SEP_LINE = re.compile(r'"?sep=.', re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_MORE_DELIMITERS = (*DELIMITERS, "|")
# What the names and places of Europe are written with, and a price.
_USUAL = frozenset("äöüÄÖÜßéèêëàáâçñóòôíìîïúùûåæøœÆØÅÉÈÀÇÑ€–’ãõýžšŠŽ°§«»¿¡ÓÍÁÚ")
_GUESSED_ENCODINGS = ("cp1252", "mac_roman")
_DATA = (EMAIL, ISO, CARD, DECIMAL)

Lines = Sequence[tuple[int, Sequence[str]]]  # the first ones that are not blank, with their numbers


@dataclass(frozen=True, slots=True)
class Found:
    """How to read a file. `form` says only what is not recognised; `guessed` names what in it is not sure."""

    form: Form
    header_line: int | None = None
    sheet: str = ""
    sheets: tuple[str, ...] = ()
    guessed: frozenset[str] = frozenset()


def find_table(name: str, data: bytes, form: Form) -> Found:
    """Find the table, where `form` does not say where it is; raise SourceError."""
    kind = recognise_format(name, data)
    if kind in ("xlsx", "ods"):
        return _in_workbook(name, kind, data, form)
    encoding, is_guess = _encoding(name, data, form.encoding)
    form = replace(form, encoding=encoding if is_guess or form.encoding else None)
    guessed = frozenset(["encoding"] if is_guess else [])
    if kind == "json":
        return replace(_in_json(data, encoding, form), guessed=guessed)
    return replace(_in_text(name, data, encoding, form, kind), guessed=guessed)


# --- Workbooks ---------------------------------------------------------------------------------------


def _in_workbook(name: str, kind: str, data: bytes, form: Form) -> Found:
    """Take the sheet that is named, or the first that people see and that has a table."""
    sheets = first_rows(name, kind, data, TITLE_LINES + 1)
    wanted = form.sheet.strip().casefold() if form.sheet else None
    visible = [one for one in sheets if not one[0].is_hidden]
    named = (
        [one for one in sheets if one[0].name.strip().casefold() == wanted] if wanted else visible or sheets
    )
    names = tuple(sheet.name for sheet, _ in sheets)
    for sheet, records in named:
        lines = [(line, [_as_text(cell.text, cell.kind) for cell in cells]) for line, cells in records]
        line = form.header_line or _header_among(lines)
        if line is not None and any(number > line for number, _ in lines):
            is_first = sheet is (visible or sheets)[0][0]
            sheet_named = form.sheet or (None if is_first else sheet.name)
            below = _unless_first(line, lines)
            return Found(replace(form, sheet=sheet_named, header_line=below), line, sheet.name, names)
    if wanted and not named:
        there = ", ".join(f"“{one}”" for one in names[:8])
        told = f"{name}: there is no sheet “{form.sheet}”."
        raise SourceError(Problem("sheet_missing", None, told, f"The sheets are {there}."))
    raise no_header(name)


def _as_text(text: str, kind: Kind) -> str:
    """Have a number or a date count as data, as which it is not a column's name."""
    return text if kind in (Kind.TEXT, Kind.UNCALCULATED) else "2000-01-01"


def _unless_first(line: int | None, lines: Lines) -> int | None:
    return None if not lines or line == lines[0][0] else line


# --- Text --------------------------------------------------------------------------------------------


def _in_text(name: str, data: bytes, encoding: str, form: Form, kind: str) -> Found:
    text = data[:_LOOKED_INTO].decode(encoding, MARKING).removeprefix("\ufeff")
    if encoding.startswith("utf-8") is False and _CONTROL.search(text[:10_000]):
        raise unreadable(name, "this is not text.", "Export the table again as CSV UTF-8.")
    first = [(n, line) for n, line in enumerate(io.StringIO(text, newline=""), 1) if line.strip()]
    sep = bool(first and _SEP_LINE.fullmatch(first[0][1].strip()))
    lines = list(islice(first, int(sep), TITLE_LINES + 1 + int(sep)))
    stated = known_delimiter(name, form.delimiter) or (first[0][1].strip().strip('"')[-1] if sep else None)
    delimiter = stated or _delimiter([line for _, line in lines], "\t" if kind == "tsv" else ",")
    table = [(number, _cells(line, delimiter)) for number, line in lines]
    line = form.header_line or _header_among(_records(lines, delimiter)) or _header_among(table)
    if line is None:
        raise no_header(name)
    below = _unless_first(line, table)
    told = form.delimiter or (delimiter if (sep and below) or delimiter not in DELIMITERS else None)
    if told is None and _most_columns(next((c for n, c in lines if n == line), ""), kind) != delimiter:
        told = delimiter
    return Found(replace(form, header_line=below, delimiter=told), line)


def _records(lines: Sequence[tuple[int, str]], delimiter: str) -> Lines:
    """Read records, whose cells may have lines of their own; up to where a stray mark swallows many."""
    records: list[tuple[int, list[str]]] = []
    reader, start = csv.reader((line for _, line in lines), delimiter=delimiter), 0
    try:
        for cells in reader:
            if reader.line_num - start > _LINES_OF_A_RECORD:
                break
            records.append((lines[start][0], cells))
            start = reader.line_num
    except csv.Error:
        pass  # of what is below, which reading refuses with its line
    return records


def _delimiter(lines: Sequence[str], usual: str) -> str:
    """Choose the one that makes the most columns on the most lines."""

    def merit(delimiter: str) -> tuple[int, bool]:
        widths = sorted(len(_cells(line, delimiter)) for line in lines)
        return widths[len(widths) // 2] if widths else 0, delimiter == usual

    return max(_MORE_DELIMITERS, key=merit)


def _most_columns(line: str, kind: str) -> str:
    """Say what reading recognises by the header alone."""
    usual = "\t" if kind == "tsv" else ","
    return max(DELIMITERS, key=lambda one: (len(_cells(line, one)), one == usual))


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.split(delimiter)


def _encoding(name: str, data: bytes, stated: str | None) -> tuple[str, bool]:
    """Return the encoding and whether it is a guess; raise SourceError."""
    encoding = choose_encoding(name, data[:4096], stated)
    if stated or encoding != "utf-8" or _is_utf8(data):
        return encoding, False
    letters = bytes(byte for byte in data[: 4 * _LOOKED_INTO] if byte >= 0x80)[:100_000]
    return max(_GUESSED_ENCODINGS, key=lambda one: _usual_letters(letters, one)), True


def _is_utf8(data: bytes) -> bool:
    """Find out block by block, as the text of a large file would take its size again."""
    decoder, view = codecs.getincrementaldecoder("utf-8")(), memoryview(data)
    try:
        for start in range(0, len(data), _LOOKED_INTO):
            decoder.decode(view[start : start + _LOOKED_INTO])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _usual_letters(letters: bytes, encoding: str) -> int:
    return sum(char in _USUAL for char in letters.decode(encoding, "replace"))


# --- JSON --------------------------------------------------------------------------------------------


def _in_json(data: bytes, encoding: str, form: Form) -> Found:
    """Find the list in an object that has one under another name than ours."""
    if form.list is not None:
        return Found(form)
    try:
        document = json.loads(data.decode(encoding, MARKING).removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return Found(form)  # which reading tells better
    if not isinstance(document, dict) or isinstance(document.get(LIST_KEY), list):
        return Found(form)
    lists = {key: len(value) for key, value in document.items() if _is_table(value)}
    return Found(replace(form, list=max(lists, key=lists.__getitem__))) if lists else Found(form)


def _is_table(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


# --- The header --------------------------------------------------------------------------------------


def _header_among(lines: Lines) -> int | None:
    """Return the line that names columns: as wide as the table, all of it text, most of it known."""
    if not lines:
        return None
    if is_report(lines[0][1]):
        return lines[0][0]
    possible = [(line, cells) for line, cells in lines[:TITLE_LINES] if _may_name(cells)]
    known = [(sum(map(knows, cells)), -line) for line, cells in possible]
    if known and max(known)[0] >= 2:
        return -max(known)[1]
    width = max(_filled(cells) for _, cells in lines)
    return next((line for line, cells in possible if _filled(cells) * 5 >= width * 3), None)


def _filled(cells: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _may_name(cells: Sequence[str]) -> bool:
    """Return whether nothing in a line is data; who is in it must never become a column's name."""
    filled = [cell for cell in cells if cell.strip()]
    kinds = [kinds_of(cell) for cell in filled]
    return bool(filled) and not any(
        "@" in cell or _is_data(kind) for cell, kind in zip(filled, kinds, strict=True)
    )


def _is_data(kinds: frozenset[str]) -> bool:
    return any(kind in _DATA or kind.startswith("%") or kind == WHOLE for kind in kinds)


def no_header(name: str) -> SourceError:
    told = f"{name}: none of the first {TITLE_LINES} lines names columns: all hold values, or are titles."
    hint = "Export the table with the names of its columns, or say on which line they are: --header-line."
    return SourceError(Problem("column_missing", None, told, hint))
