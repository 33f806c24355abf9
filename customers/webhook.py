"""Post one signed document to the operator's webhook, once. Who calls decides whether to try again.

The address may be a secret, so neither it nor what a library says of it is shown; only its host is.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from queue import Empty, Queue
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests import PreparedRequest, Response
from requests.auth import AuthBase

from kernel.http import http_date, lost, session

SIGNATURE = "X-Polaris-Signature"
CONNECT_S, READ_S = 5.0, 10.0
WHOLE_S = 20.0  # with the look-up of the name and an answer that comes drop by drop, which no time-out ends
GONE = 410
LATER = (429, 503)  # which may say when


class WebhookError(Exception):
    """It did not take what it was told. `code` is safe to show; `gone`: it will not take anything again.

    `retry_after_s`: it asked to be left alone for so long, which may be any number.
    """

    def __init__(self, code: str, *, gone: bool = False, retry_after_s: float = 0.0) -> None:
        super().__init__(code)
        self.code = code
        self.gone = gone
        self.retry_after_s = retry_after_s


def is_set() -> bool:
    return bool(settings.NOTIFY_WEBHOOK_URL and settings.NOTIFY_WEBHOOK_SECRET)


def host() -> str:
    return urlsplit(settings.NOTIFY_WEBHOOK_URL).hostname or ""


def signature_of(body: bytes, secret: str) -> str:
    """Sign exactly these bytes; the secret is used as text."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def post(document: Mapping[str, Any], *, within_s: float = WHOLE_S) -> None:
    """Have the receiver take the document, and say 2xx; raise WebhookError. Returns in time whatever it does.

    A receiver that was heard too late may have taken it, so whoever is told twice goes by the document's id.
    """
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    answers: Queue[WebhookError | None] = Queue()
    # A thread that nobody waits for: a look-up of a name cannot be ended, nor can an answer that never ends.
    Thread(target=_try, args=(body, within_s, answers), name="webhook", daemon=True).start()
    try:
        failure = answers.get(timeout=within_s)
    except Empty:
        raise WebhookError("no_answer") from None
    if failure is not None:
        raise failure


def _try(body: bytes, within_s: float, answers: "Queue[WebhookError | None]") -> None:
    answers.put(_failure(body, within_s))


def _failure(body: bytes, within_s: float) -> WebhookError | None:
    patience = (min(CONNECT_S, within_s), min(READ_S, within_s))
    headers = {"Content-Type": "application/json"}
    url, signed = settings.NOTIFY_WEBHOOK_URL, _Signed(settings.NOTIFY_WEBHOOK_SECRET)
    try:
        with session(signed, 1, url) as made:
            answer = made.post(
                url, data=body, headers=headers, timeout=patience, allow_redirects=False, stream=True
            )
            answer.close()  # what it says beyond the status is nobody's concern, and is not read
    except requests.RequestException as error:
        return WebhookError(_code(error))
    except ValueError:  # the authorities to trust cannot be read
        return WebhookError("authorities_unreadable")
    return _judged(answer)


def _code(error: requests.RequestException) -> str:
    what = lost(error)
    if what.untrusted:
        return "certificate"
    return "no_answer" if what.late and not what.unsent else "unreachable" if what.unsent else "connection"


def _judged(answer: Response) -> WebhookError | None:
    status = answer.status_code
    if 200 <= status < 300:
        return None
    asked_s = _retry_after_s(answer) if status in LATER else 0.0
    return WebhookError(f"http_{status}", gone=status == GONE, retry_after_s=asked_s)


def _retry_after_s(answer: Response) -> float:
    """Read how long it wants to be left alone; 0 where it says nothing that makes sense.

    A date is meant by the receiver's clock, which the answer tells.
    """
    asked = answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return float(asked)
    if (until := http_date(asked)) is None:
        return 0.0
    its_now = http_date(answer.headers.get("Date", "")) or datetime.now(UTC)
    return max((until - its_now).total_seconds(), 0.0)


class _Signed(AuthBase):
    """Signs the bytes that go out, whichever they are."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        body = request.body if isinstance(request.body, bytes) else b""
        request.headers[SIGNATURE] = signature_of(body, self._secret)
        return request
