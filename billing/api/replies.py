"""What came back: a usable reply, or the LagoError that says what it was instead."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests

from billing import errors
from billing.errors import LagoError
from kernel import http

MAX_BODY = 64 * 2**20  # 500 plans with many charges are a few MB; more than this is not Lago
MAX_RETRY_AFTER_S = 60.0  # quotas are per second; who asks for more than a minute is asked again after one


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer with what was asked for under its key.

    `served_at` is the server's own `Date`. Lago's server does not send one; a proxy before it does.
    `rate_per_s` is how many calls a second are allowed, which Lago Cloud says.
    """

    status: int
    body: Mapping[str, Any]
    served_at: datetime | None
    rate_per_s: int | None = None


def judge(what: str, response: requests.Response, content: bytes | None, key: str, *, write: bool) -> Reply:
    """Return the reply if it holds `key`, else raise LagoError; `content` is None if it was too large."""
    status = response.status_code
    if status == 429 or status >= 500:
        raise errors.unavailable(what, status, write=write, retry_after_s=retry_after(response))
    if 300 <= status < 400:
        raise errors.redirected(what, status)
    body = _parsed(content)
    if body is None and (status >= 400 or _is_html(response, content)):
        raise errors.not_lago(what, status, write=write)
    if status >= 400:
        raise errors.refused(what, status, body or {})
    if body is None or key not in body:
        raise errors.not_asked_for(what, status, write=write)
    return Reply(status, body, http.http_date(response.headers.get("Date", "")), _rate(response))


def lost(what: str, url: str, failure: requests.RequestException, *, write: bool) -> LagoError:
    """Return the error for a call without an answer."""
    call = http.lost(failure)
    return errors.unreachable(
        f"{what}: Lago at {url} cannot be reached ({call.why}): check LAGO_API_URL",
        repeatable=not call.untrusted,
        sent=write and not call.unsent,
    )


def read(response: requests.Response) -> bytes | None:
    """Read the body, or None if it is larger than anything Lago sends."""
    content = bytearray()
    for chunk in response.iter_content(2**16):
        content += chunk
        if len(content) > MAX_BODY:
            return None
    return bytes(content)


def retry_after(response: requests.Response) -> float:
    """Return the seconds that Lago, its gateway or a proxy asks us to wait; 0 if none says so."""
    for header in ("Retry-After", "X-RateLimit-Reset"):
        if value := response.headers.get(header):
            return min(max(_seconds(value), 0.0), MAX_RETRY_AFTER_S)
    return 0.0


def _rate(response: requests.Response) -> int | None:
    value = response.headers.get("X-RateLimit-Limit", "")
    return int(value) if value.isascii() and value.isdigit() and int(value) else None


def _seconds(value: str) -> float:
    if moment := http.http_date(value):
        return (moment - datetime.now(UTC)).total_seconds()
    if not value.isdigit():
        return 0.0
    seconds = float(value)
    # Lago Cloud counts seconds from now; other gateways send the instant in Unix time.
    return seconds - time.time() if seconds > 1e9 else seconds


def _parsed(content: bytes | None) -> Mapping[str, Any] | None:
    try:
        body = json.loads(content or b"")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _is_html(response: requests.Response, content: bytes | None) -> bool:
    return "html" in response.headers.get("Content-Type", "") or (content or b"").lstrip()[:1] == b"<"
