"""What passes between the wire and the rules of a stand-in: a request, a reply, how it is delivered."""

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
class Delivery:
    """How to answer: a whole reply, one that stops after `cut` bytes of its body, or none (RST)."""

    reply: Reply | None
    cut: int | None = None


RESET = Delivery(None)
HTML_502 = Reply(502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html")
