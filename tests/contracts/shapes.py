"""Compare a reply with the shape that the official description gives it.

A table (`lago.json`, `steve.json`) names replies and shapes. A shape is its fields, and each field has the
kinds of value it may hold, apart by blanks: `null`, one of `SCALARS`, `=word` for that very word, `[kind]`
for a list, or the name of another shape. `name?` may be left out; `*` is any field that is not named.
`derive.py` makes the tables.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

HERE: Final = Path(__file__).parent
MISSING: Final = object()
DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)

Where = tuple[str | int, ...]
Shape = str | dict[str, str]


@dataclass(frozen=True, slots=True)
class Departure:
    path: Where
    expected: str
    found: Any


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_date_time(value: Any) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and bool(DATE_TIME.fullmatch(value) and datetime.fromisoformat(value))
    return False


def _is_date(value: Any) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    return False


def _is_uuid(value: Any) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    return False


SCALARS: Final[dict[str, Callable[[Any], bool]]] = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_integer,
    "number": lambda value: _is_integer(value) or isinstance(value, float),
    "fraction": lambda value: isinstance(value, float) and not value.is_integer(),
    "object": lambda value: isinstance(value, dict),
    "date-time": _is_date_time,
    "date": _is_date,
    "uuid": _is_uuid,
    "email": lambda value: isinstance(value, str) and "@" in value,
    "decimal": lambda value: isinstance(value, str) and bool(re.fullmatch(r"[0-9]+(\.[0-9]*)?", value)),
}


class Contract:
    """The shapes of one system's replies; `closed` where a field that no shape names is a departure too."""

    def __init__(self, table: dict[str, Any], *, closed: bool = False) -> None:
        self._replies: dict[str, str] = table["replies"]
        self._shapes: dict[str, Shape] = table["shapes"]
        self._closed = closed

    def departures(self, reply: str, body: Any) -> Iterator[Departure]:
        """Name what is not as described; `reply` is for example `GET /customers 200`."""
        return self._departures(self._replies[reply], body, ())

    def _departures(self, kinds: str, value: Any, path: Where) -> Iterator[Departure]:
        found = [list(self._against(kind, value, path)) for kind in kinds.split()]
        if not all(found):
            return
        inside = max(found, key=lambda departures: max(len(one.path) for one in departures))
        at_fault_itself = all(one.path == path for one in inside)
        yield from [Departure(path, kinds, value)] if at_fault_itself else inside

    def _against(self, kind: str, value: Any, path: Where) -> Iterator[Departure]:
        if kind.startswith("["):
            yield from self._list(kind, value, path)
        elif kind.startswith("=") or kind in SCALARS:
            if not (value == kind[1:] if kind.startswith("=") else SCALARS[kind](value)):
                yield Departure(path, kind, value)
        elif isinstance(shape := self._shapes[kind], str):
            yield from self._departures(shape, value, path)
        else:
            yield from self._fields(kind, shape, value, path)

    def _list(self, kind: str, value: Any, path: Where) -> Iterator[Departure]:
        if not isinstance(value, list):
            yield Departure(path, kind, value)
            return
        for number, item in enumerate(value):
            yield from self._departures(kind[1:-1], item, (*path, number))

    def _fields(self, kind: str, shape: dict[str, str], value: Any, path: Where) -> Iterator[Departure]:
        if not isinstance(value, dict):
            yield Departure(path, kind, value)
            return
        for name, kinds in shape.items():
            if name not in value and not name.endswith("?") and name != "*":
                yield Departure((*path, name), kinds, MISSING)
        for name, item in value.items():
            if kinds := shape.get(name) or shape.get(f"{name}?") or shape.get("*"):
                yield from self._departures(kinds, item, (*path, name))
            elif self._closed:
                yield Departure((*path, name), "nothing", item)


def lago() -> Contract:
    return Contract(json.loads((HERE / "lago.json").read_text()))


def steve() -> Contract:
    return Contract(json.loads((HERE / "steve.json").read_text()), closed=True)
