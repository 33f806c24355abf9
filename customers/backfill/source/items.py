"""Read JSON: a list of objects, or an object with such a list under `customers`."""

import json
import re
from collections.abc import Container, Iterator, Sequence
from functools import partial
from typing import Any

from customers.backfill.source.grid import BLANK, Cell, typed_row
from customers.backfill.source.layout import read_header, unmapped
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import (
    MAX_ROWS,
    Kind,
    Source,
    SourceError,
    SourceInfo,
    SourceRow,
    unreadable,
)

LIST_KEY = "customers"

_BLANKS = re.compile(r"[ \t\r\n]*")
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")  # which JSON can name, and no encoding can write

Item = dict[str, Any]


class _Number(str):
    """A number with the digits of the file: 007 and 1E5 must not be tidied up."""

    __slots__ = ()


def json_source(
    name: str, text: str, encoding: str, sha256: str, mapping: FileMapping | None = None
) -> Source:
    """Read the whole list; raise SourceError.

    A row's `line` is the physical line on which its object starts if no two objects share a line, otherwise
    its place in the list, the first being 1.
    """
    key = (mapping.form.list if mapping else None) or LIST_KEY
    items = _items(name, text, key)
    lines = _lines(text, len(items), key)
    header = list(dict.fromkeys(key for item in items for key in item))
    layout = read_header(name, lines[0], header, mapping)
    ours = {layout.header[place] for place in layout.read}
    rows: list[SourceRow] = []
    for place, (line, item) in enumerate(zip(lines, items, strict=True), start=1):
        row = typed_row(layout, line, [_cell(name, place, key, item.get(key), ours) for key in header])
        if row is not None:
            rows.append(row)
    info = SourceInfo(
        name=name,
        sha256=sha256,
        format="json",
        header=layout.header,
        unknown_columns=layout.unknown,
        encoding=encoding,
        **unmapped(layout),
    )
    return Source(info, partial(iter, rows))


def _items(name: str, text: str, key: str) -> Sequence[Item]:
    document = _document(name, text)
    items = document.get(key) if isinstance(document, dict) else document
    if not isinstance(items, list):
        told = f"this is neither a list nor an object with a list under “{key}”."
        raise unreadable(name, told, _to_make_a_list(document))
    if not items:
        raise unreadable(name, "the list has no items.", code="file_empty")
    if len(items) > MAX_ROWS:
        raise unreadable(name, f"there are more than {MAX_ROWS:,} items.", "Save it as CSV, or split it.")
    for place, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            hint = "Write each customer as an object: the name of a column, a colon, its value."
            raise unreadable(name, f"item {place} is not an object.", hint)
    return items


def _document(name: str, text: str) -> Any:
    if not text.strip():
        raise unreadable(name, "the file is empty.", code="file_empty")
    try:
        return json.loads(text, **_HOOKS)
    except json.JSONDecodeError as error:
        raise _no_json(name, text, error) from None
    except RecursionError:
        raise unreadable(name, "the JSON is nested too deeply.") from None
    except _DoubleKeyError as error:
        raise unreadable(name, f"one object has the name “{error}” twice.", "Remove one of them.") from None


def _no_json(name: str, text: str, error: json.JSONDecodeError) -> SourceError:
    if error.msg == "Extra data" and text.lstrip().startswith("{"):
        hint = "Make a list of it: [ before the first object, a comma between two, ] after the last."
        told = f"line {error.lineno}: this is one object a line (NDJSON), and not a list."
        return unreadable(name, told, hint)
    hint = "Join the lists into one." if error.msg == "Extra data" else "Export it again, or correct it."
    return unreadable(name, f"line {error.lineno}: this is not valid JSON ({error.msg}).", hint)


def _to_make_a_list(document: object) -> str:
    """Say where the list is that another system names otherwise, or that one object is none."""
    if not isinstance(document, dict):
        return "Put [ before the first object and ] after the last."
    lists = [key for key, value in document.items() if isinstance(value, list) and value]
    if lists:
        return f"If it is the list under “{lists[0]}”, name that {LIST_KEY}, or say so in a mapping (list)."
    return "If it is one customer, put [ before it and ] after it."


def _lines(text: str, count: int, key: str) -> Sequence[int]:
    """Tell the line of each item of a document that is known to be valid."""
    starts = list(_starts(text, key))
    lines, line, last = [], 1, 0
    for start in starts:
        line += text.count("\n", last, start)
        lines.append(line)
        last = start
    return lines if len(set(lines)) == count else range(1, count + 1)


def _starts(text: str, key: str) -> Iterator[int]:
    """Find where the items start."""
    decoder = json.JSONDecoder(**_HOOKS)
    position = _list_position(text, decoder, key)
    while text[position] != "]":
        position = _skip_blanks(text, position + 1)  # past the bracket or the comma
        if text[position] == "]":
            return
        yield position
        position = _skip_blanks(text, decoder.raw_decode(text, position)[1])


def _list_position(text: str, decoder: json.JSONDecoder, wanted: str) -> int:
    """Find the bracket that opens the list."""
    position = _skip_blanks(text, 0)
    while text[position] != "[":
        key, after = decoder.raw_decode(text, _skip_blanks(text, position + 1))
        position = _skip_blanks(text, _skip_blanks(text, after) + 1)
        if key == wanted:
            return position
        position = _skip_blanks(text, decoder.raw_decode(text, position)[1])
    return position


def _skip_blanks(text: str, position: int) -> int:
    return _BLANKS.match(text, position).end()  # type: ignore[union-attr]  # it matches everywhere


def _cell(name: str, place: int, key: str, value: object, ours: Container[str]) -> Cell:
    if value is None:
        return BLANK
    if isinstance(value, bool):
        return Cell(str(value).lower(), Kind.NUMBER)
    if isinstance(value, str):
        if not value.isascii() and _HALF_CHARACTER.search(value):
            raise unreadable(name, f"item {place}: “{key}” contains half of a character (a surrogate).")
        return Cell(value, Kind.NUMBER if isinstance(value, _Number) else Kind.TEXT)
    if key.strip() not in ours:
        return Cell(json.dumps(value, ensure_ascii=True), Kind.NUMBER)  # it is left out with a warning
    hint = "Write one text; a customer with several cards is several items, alike in all but the idTag."
    raise unreadable(name, f"item {place}: “{key}” is a list or an object; it has to be a text.", hint)


class _DoubleKeyError(Exception):
    """An object with the same name twice; `str(error)` is the name."""


def _without_double_keys(pairs: list[tuple[str, Any]]) -> Item:
    item = dict(pairs)
    if len(item) < len(pairs):
        names = [key for key, _ in pairs]
        raise _DoubleKeyError(next(key for key in names if names.count(key) > 1))
    return item


_HOOKS: dict[str, Any] = {
    "object_pairs_hook": _without_double_keys,
    "parse_int": _Number,
    "parse_float": _Number,
    "parse_constant": _Number,
}
