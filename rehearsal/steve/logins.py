"""Who may call the API, and what SteVe says to who may not."""

import base64
import binascii
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rehearsal.stand_in.messages import Reply, Request
from rehearsal.steve import pages
from rehearsal.steve.versions import V3_7, V3_9, Version

KEPT = timedelta(minutes=10)  # what SteVe has read of a user, or that there is none
KEY_HEADER = "STEVE-API-KEY"

NOT_AUTHENTICATED = "Full authentication is required to access this resource"
MISSING = "Required parameters missing"
NO_SUCH_USER = "The user does not exist, exists but is disabled or has API access disabled."
WRONG_PASSWORD = "Invalid password"  # noqa: S105  what SteVe says


@dataclass(frozen=True, slots=True)
class WebUser:
    """A person who may sign in. Without an API password, or disabled, the API is closed to them."""

    api_password: str
    enabled: bool = True


class RefusedLoginError(Exception):
    """A login was sent and is of no use; the text is SteVe's."""


class Logins:
    """The users of one SteVe. Up to 3.7 there is a header with a key instead.

    `exposed` is False where the API is switched off. `refuse` turns every key away.
    """

    def __init__(
        self, version: Version, now: Callable[[], datetime], username: str, key: str, key_header: str
    ) -> None:
        self.exposed = True
        self.refuse = False
        self._version = version
        self._now = now
        self._users = {username: WebUser(key)}
        self._read: dict[str, tuple[datetime, WebUser | None]] = {}
        self._key = key
        self._key_header = key_header.lower()

    def change(self, username: str, user: WebUser) -> None:
        """Change or add a user as an administrator would; SteVe notices when its cache is over."""
        self._users[username] = user

    def turned_away(self, request: Request) -> Reply | None:
        """Return what becomes of a call without a login, None where it may pass; raise RefusedLoginError."""
        if self._version <= V3_7:
            return self._by_header(request)
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return pages.to_sign_in() if self._version >= V3_9 else pages.jetty(request, 403)
        self._by_password(*_decoded(credentials.strip()))
        return None

    def _by_header(self, request: Request) -> Reply | None:
        if not self.exposed:
            return pages.SWITCHED_OFF
        if self.refuse or not _same(request.headers.get(self._key_header, ""), self._key):
            raise RefusedLoginError(NOT_AUTHENTICATED)
        return None

    def _by_password(self, username: str, password: str) -> None:
        if not username or not password:
            raise RefusedLoginError(MISSING)
        user = self._user(username)
        if not self.exposed or user is None or not user.enabled or not user.api_password:
            raise RefusedLoginError(NO_SUCH_USER)
        if self.refuse or not _same(password, user.api_password):
            raise RefusedLoginError(WRONG_PASSWORD)

    def _user(self, username: str) -> WebUser | None:
        """Look a user up as SteVe does: what it found, or that it found none, counts for ten minutes."""
        until, user = self._read.get(username, (self._now(), None))
        if until <= self._now():
            user = self._users.get(username)
            self._read[username] = self._now() + KEPT, user
        return user


def _decoded(credentials: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return username, password


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
