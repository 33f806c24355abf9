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
from kernel.exchange import Answer

MAX_BODY = 64 * 2**20  # 500 plans with many charges are a few MB; more than this is not Lago
MAX_RETRY_AFTER_S = 60.0  # quotas are per second; who asks for more than a minute is asked again after one


@dataclass(frozen=True, slots=True)
class Reply:
    """A 2xx answer with what was asked for under its key."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def served_at(self) -> datetime | None:
        """Give the server's own `Date`. Lago's server does not send one; a proxy before it does."""
        return http.http_date(self.headers.get("date", ""))

    @property
    def rate_per_s(self) -> int | None:
        """Say how many calls a second are allowed, if it is said: Lago Cloud does."""
        value = self.headers.get("x-ratelimit-limit", "")
        return int(value) if value.isascii() and value.isdigit() and int(value) else None


def judge(what: str, answer: Answer, key: str, *, write: bool) -> Reply:
    """Return the reply if it holds `key`, else raise LagoError."""
    status = answer.status
    if status == 429 or status >= 500:
        raise errors.unavailable(what, status, write=write, retry_after_s=retry_after(answer))
    if 300 <= status < 400:
        raise errors.redirected(what, status)
    body = _parsed(answer.content)
    if body is None and (status >= 400 or _is_html(answer)):
        raise errors.not_lago(what, status, write=write)
    if status >= 400:
        raise errors.refused(what, status, body or {})
    if body is None or key not in body:
        raise errors.not_asked_for(what, status, write=write)
    return Reply(status, body, answer.headers)


def lost(what: str, url: str, failure: requests.RequestException, *, write: bool) -> LagoError:
    """Return the error for a call without an answer."""
    call = http.lost(failure)
    return errors.unreachable(
        f"{what}: Lago at {url} cannot be reached ({call.why}): check LAGO_API_URL",
        repeatable=not call.untrusted,
        sent=write and not call.unsent,
    )


def retry_after(answer: Answer) -> float:
    """Return the seconds that Lago, its gateway or a proxy asks us to wait; 0 if none says so."""
    for header in ("retry-after", "x-ratelimit-reset"):
        if value := answer.headers.get(header):
            return min(max(_seconds(value), 0.0), MAX_RETRY_AFTER_S)
    return 0.0


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


def _is_html(answer: Answer) -> bool:
    return "html" in answer.headers.get("content-type", "") or (answer.content or b"").lstrip()[:1] == b"<"
