"""The parameters of a call, with query strings as Rails reads them.

`name[]=a` is a list, `name[key]=a` an object, the rest strings.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from rehearsal.stand_in.messages import Json

BRACKETS = re.compile(r"(?P<name>[^\[]+)\[(?P<key>[^\]]*)\]$")


@dataclass(frozen=True, slots=True)
class Call:
    """A routed request: the decoded id of its path ("" in a collection) and query and body in one."""

    id: str
    params: Json


def parse_query(query: str) -> Json:
    params: Json = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        match = BRACKETS.match(name)
        if match is None:
            params[name] = value
        elif match["key"] == "":
            _append(params, match["name"], value)
        else:
            _put(params, match["name"], match["key"], value)
    return params


def _append(params: Json, name: str, value: str) -> None:
    if not isinstance(params.get(name), list):
        params[name] = []
    params[name].append(value)


def _put(params: Json, name: str, key: str, value: str) -> None:
    if not isinstance(params.get(name), dict):
        params[name] = {}
    params[name][key] = value


def scalar(params: Json, name: str) -> str | None:
    """Return the value as the string that a string column would hold; other shapes are dropped."""
    return as_string(params.get(name))


def as_string(value: Any) -> str | None:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, str | int | float):
        return str(value)
    return None


def listed(params: Json, name: str) -> list[str]:
    """Return an array parameter; a scalar in its place is dropped silently."""
    value = params.get(name)
    if not isinstance(value, list):
        return []
    return [text for item in value if (text := as_string(item)) is not None]


def root(params: Json, name: str) -> Json | None:
    """Return the object under the root key, or None where Lago calls it missing."""
    value = params.get(name)
    return value if isinstance(value, dict) and value else None
