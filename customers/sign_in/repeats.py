"""The second click on the same button: told from a second use of the link by the browser that it comes from.

A browser is known by its CSRF secret, which it has before it can send the form, and which changes when it is
signed in. So a repeat is what was sent before the first answer arrived, and nothing that comes later.
"""

import hashlib
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

from customers.sign_in import throttle

WITHIN = timedelta(minutes=1)
MOST = 5  # each is a session and an audit entry


def expect(request: HttpRequest, token: str) -> None:
    """Remember, with the use itself, which browser used this token."""
    if _browser(request):
        throttle.take({_bucket("used-link", request, token): 1})


def is_expected(request: HttpRequest, token: str) -> bool:
    """Return whether this browser used this very token a moment ago, and count the repeat."""
    if not _browser(request) or not throttle.was_marked(_bucket("used-link", request, token), WITHIN):
        return False
    return throttle.take({_bucket("repeated-link", request, token): MOST}) is None


def _browser(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.CSRF_COOKIE_NAME, "")


def _bucket(kind: str, request: HttpRequest, token: str) -> str:
    """Name the pair exactly: a bucket ignores case, and in another case a token names somebody else."""
    return throttle.bucket(kind, hashlib.sha256(f"{token} {_browser(request)}".encode()).hexdigest())
