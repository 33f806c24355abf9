"""The values that pass between the wire and the endpoints: a request, a reply, a refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TYPE_JSON = "application/json; charset=utf-8"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is raw (still percent-encoded); header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = TYPE_JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, payload: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> "Reply":
        body = json.dumps(payload, separators=(",", ":")).encode()
        return cls(status, body, headers=headers or {})


@dataclass(frozen=True, slots=True)
class Call:
    """A routed request: the decoded id of its path ("" in a collection) and query and body in one."""

    id: str
    params: Json
