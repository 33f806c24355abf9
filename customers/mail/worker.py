"""The platform's email worker as a Django email backend: one signed JSON document per mail."""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

import requests
from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

from customers.mail.envelope import Category, CustomerMail
from customers.mail.errors import DeliveryError, Kind
from kernel.http import lost

TIMEOUT_S = 10
RATE_WINDOW_S = 600  # per recipient and category, at the worker
REFUSED_BY_CONTRACT = {400, 404, 405, 413, 415, 422}
NOT_ACCEPTED_NOW = {503}


class EmailBackend(BaseEmailBackend):
    """Raises DeliveryError; never tries twice, as only the caller knows whether that is allowed."""

    def __init__(self, fail_silently: bool = False, **kwargs: Any) -> None:
        super().__init__(fail_silently=fail_silently)
        self._session: requests.Session | None = None

    def open(self) -> bool:
        if self._session is not None:
            return False
        self._session = requests.Session()
        return True

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def prove(self) -> None:
        """Find out whether anybody answers; raise DeliveryError. The secret is proven by a mail alone."""
        try:
            requests.get(settings.CF_EMAIL_WORKER_URL, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException:
            raise DeliveryError(Kind.BROKEN, "worker_unreachable") from None

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        if self._session is not None:
            return self._post_all(self._session, email_messages)
        with requests.Session() as session:
            return self._post_all(session, email_messages)

    def _post_all(self, session: requests.Session, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            self._post(session, message)
        return len(messages)

    def _post(self, session: requests.Session, message: EmailMessage) -> None:
        body = json.dumps(_document(message), ensure_ascii=False).encode()
        headers = {"content-type": "application/json", "x-polaris-sig": sign(body)}
        url = f"{settings.CF_EMAIL_WORKER_URL}/send"
        try:
            response = session.post(url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            if lost(error).unsent:
                raise DeliveryError(Kind.BROKEN, "worker_unreachable") from None
            raise DeliveryError(Kind.UNKNOWN, "worker_no_answer", all_alike=True) from None
        _judge(response)


def sign(body: bytes) -> str:
    """Return the signature of exactly these bytes; the secret is used as text, not decoded."""
    return hmac.new(settings.CF_EMAIL_WORKER_SECRET.encode(), body, hashlib.sha256).hexdigest()


def _document(message: EmailMessage) -> dict[str, Any]:
    """Make what is posted, with a time and a nonce that are fresh for every try."""
    nonce = base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()
    document: dict[str, Any] = {
        "ts": int(time.time() * 1000),
        "nonce": nonce,
        "to": message.to[0],
        "subject": message.subject,
        "html": _html(message),
        "text": "\r\n".join(str(message.body).splitlines()),
        "category": _category(message),
        "from": message.from_email,
    }
    if message.reply_to:
        document["replyTo"] = message.reply_to[0]
    return {**document, "headers": dict(message.extra_headers)} if message.extra_headers else document


def _category(message: EmailMessage) -> str:
    if not isinstance(message, CustomerMail):
        raise TypeError("The email worker takes mail to customers only, which says its category.")
    # The platform's worker takes its own eight categories, has none for staff, and limits and counts by them.
    # As `admin-password-reset` five notices would lock somebody out; of `welcome` the platform sends none.
    return Category.WELCOME if message.category is Category.NOTICE else message.category


def _html(message: EmailMessage) -> str:
    if not isinstance(message, EmailMultiAlternatives):
        return ""
    return next((str(content) for content, mimetype in message.alternatives if mimetype == "text/html"), "")


def _judge(response: requests.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 429:
        raise DeliveryError(Kind.DEFERRED, "worker_rate_limited", retry_after_s=_retry_after(response))
    if status in REFUSED_BY_CONTRACT:
        raise DeliveryError(Kind.REFUSED, f"worker_refused_{status}")
    if status in NOT_ACCEPTED_NOW:
        raise DeliveryError(Kind.AWAY, f"worker_refused_{status}")
    if status < 500:
        raise DeliveryError(Kind.BROKEN, f"worker_refused_{status}")
    # It failed while working on it: perhaps after the mail was passed on.
    raise DeliveryError(Kind.UNKNOWN, f"worker_error_{status}", all_alike=True)


def _retry_after(response: requests.Response) -> float:
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else RATE_WINDOW_S
