"""Browsers in which somebody signed in with a password before.

Whoever guesses at an account locks it for strangers, but not for these: each has a count of its own. A stolen
cookie is therefore worth as many guesses as anybody has, and nothing else.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from customers.models import User

REMEMBERED = timedelta(days=180)  # since the last sign-in
SALT = "customers.sign_in.devices"
GetResponse = Callable[[HttpRequest], HttpResponse]


def known_device(request: HttpRequest, user: User) -> str | None:
    """Return what the browser is called, if this user signed in with it before."""
    device: str | None = request.get_signed_cookie(_cookie(user), default=None, salt=SALT, max_age=REMEMBERED)
    return device


def remember(request: HttpRequest, user: User) -> None:
    """Have the answer to this request carry the cookie; one that is known keeps its name, and its count."""
    request.device_of = (user, known_device(request, user) or secrets.token_urlsafe(16))  # type: ignore[attr-defined]


def remembering(get_response: GetResponse) -> GetResponse:
    """Set the cookie where somebody signed in (middleware)."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        user, device = getattr(request, "device_of", (None, ""))
        if user is not None:
            response.set_signed_cookie(
                _cookie(user), device, salt=SALT, max_age=REMEMBERED, path=reverse("admin:login"),
                secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Strict",
            )  # fmt: skip
        return response

    return middleware


def _cookie(user: User) -> str:
    """Name the cookie; the signature covers the name, so it is good for one account."""
    return f"known-device-{user.pk}"
