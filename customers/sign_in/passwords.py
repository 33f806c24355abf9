"""Guessing passwords: how often one may be wrong, and what is written down of it.

django-axes asks before each password is looked at, and tells afterwards how it went. A try takes its place
before the look, or many at once would all find the last place free; a right password gives it back.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from axes.handlers.base import AxesHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from customers.models import ThrottleMark, User
from customers.sign_in import throttle
from customers.sign_in.client import client_address
from customers.sign_in.devices import known_device, remember
from customers.sign_in.noting import ANYBODY, note

PER_CLIENT = 30  # wrong ones in the same time, over all accounts
NOTED_PER_ACCOUNT = 10
NOTED_OF_STRANGERS = 30  # failures with names that nobody has: whoever makes them up shares these
ANYWHERE = "anywhere"
CLIENT = "password-client"


@dataclass(frozen=True, slots=True)
class Try:
    """A password that was typed: for whom, what it counts for, and which of these was full already."""

    account: str  # user:<pk>, or the digest of a name that nobody has
    by_known_device: bool
    limits: Mapping[str, int]
    full: str | None

    @property
    def of_account(self) -> list[str]:
        return [name for name in self.limits if not name.startswith(CLIENT)]

    @property
    def of_client(self) -> list[str]:
        return [name for name in self.limits if name.startswith(CLIENT)]


class Guard(AxesHandler):  # type: ignore[misc]
    """What django-axes calls (AXES_HANDLER)."""

    def is_allowed(self, request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> bool:
        tried = _count(request, str((credentials or {}).get("username") or ""))
        request.password_try = tried  # type: ignore[attr-defined]
        return tried.full is None

    def user_login_failed(
        self, sender: Any, credentials: Mapping[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        tried: Try | None = getattr(request, "password_try", None)
        if tried is None:
            return
        if tried.full is None:
            _note_failure(tried)
        full = throttle.full_one(tried.limits, settings.AXES_COOLOFF_TIME)
        request.axes_locked_out = full is not None
        if full is not None:
            _note_lock_out(tried, full)

    def user_logged_in(self, sender: Any, request: Any, user: User, **kwargs: Any) -> None:
        tried: Try | None = getattr(request, "password_try", None)
        if tried is None:
            return  # by a link
        with transaction.atomic():
            throttle.forget(tried.of_account)
            for name in tried.of_client:
                throttle.give_back(name)
            data = {"known_device": tried.by_known_device}
            note(f"staff:{user.pk}", "sign_in.by_password", f"user:{user.pk}", data)
        remember(request, user)

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """End lock-outs: what `manage.py axes_reset`, `axes_reset_username` and `axes_reset_ip` call."""
        marks = ThrottleMark.objects.filter(bucket__startswith="password")
        if username:
            marks = marks.filter(bucket__startswith=_prefix(_account(username, _named(username))))
        if ip_address:
            client = throttle.bucket(CLIENT, ip_address)
            marks = marks.filter(bucket__in=[client, _locked(client)])
        if not username and not ip_address:
            AccessAttempt.objects.all().delete()  # what 1.0 counted in, with addresses
        return marks.delete()[0]


def _count(request: HttpRequest, username: str) -> Try:
    user = _named(username)
    account = _account(username, user)
    device = known_device(request, user) if user else None
    limits = _limits(request, account, device)
    full = throttle.take(limits, settings.AXES_COOLOFF_TIME)
    return Try(account, device is not None, limits, full)


def _limits(request: HttpRequest, account: str, device: str | None) -> dict[str, int]:
    """Say what a try counts for: its known browser, or else its client, or else the account as a whole."""
    most = settings.AXES_FAILURE_LIMIT
    if device is not None:
        return {_bucket(account, f"device {device}"): most}
    client = client_address(request)
    if client is None:
        return {_bucket(account, ANYWHERE): most}
    return {_bucket(account, f"client {client}"): most, throttle.bucket(CLIENT, client): PER_CLIENT}


def _named(username: str) -> User | None:
    """Find whom the name means just as signing in does, or another spelling would be another count."""
    return User.objects.with_address(username).first()


def _account(username: str, user: User | None) -> str:
    if user is not None:
        return f"user:{user.pk}"
    return throttle.bucket("account", unicodedata.normalize("NFKC", username).casefold())


def _bucket(account: str, origin: str) -> str:
    return f"{_prefix(account)}{throttle.bucket('origin', origin).removeprefix('origin')}"


def _prefix(account: str) -> str:
    return throttle.bucket("password", account)


def _note_lock_out(tried: Try, full: str) -> None:
    """Note once that an account, a known browser or a client is locked out, and again after it was let in."""
    subject, mark = tried.account, _prefix(tried.account)
    if full in tried.of_client:
        subject = mark = full
    elif tried.by_known_device:
        mark = full
    if throttle.take({_locked(mark): 1}, settings.AXES_COOLOFF_TIME) is None:
        note(ANYBODY, "sign_in.locked_out", subject)


def _locked(mark: str) -> str:
    return f"{mark}:locked"


def _note_failure(tried: Try) -> None:
    bounds = {throttle.bucket("noted", tried.account): NOTED_PER_ACCOUNT}
    if not tried.account.startswith("user:"):
        bounds[throttle.bucket("noted", ANYBODY)] = NOTED_OF_STRANGERS
    if throttle.take(bounds, settings.AXES_COOLOFF_TIME) is None:
        note(ANYBODY, "sign_in.failed", tried.account)
