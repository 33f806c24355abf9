"""Signing in by a link: the rows that the platform understands depend on the version of its library."""

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, LiteralString
from uuid import uuid4

from rehearsal.platform.database import Connection, Database, Row, one

SESSION = timedelta(hours=8)


class Library(StrEnum):
    V1_6 = "1.6"
    V1_7 = "1.7"


class Refusal(StrEnum):
    """Why a link signs nobody in, in the words of the address that it leads to."""

    INVALID = "INVALID_TOKEN"
    EXPIRED = "EXPIRED_TOKEN"
    USED = "ATTEMPTS_EXCEEDED"
    NOBODY = "new_user_signup_disabled"


@dataclass(slots=True)
class SignIn:
    database: Database
    library: Library = Library.V1_6

    def use(self, token: str) -> tuple[str, Refusal | None]:
        """Use a link up. Return the new session's token, or "" and why there is none."""
        with self.database.connection() as connection:
            email, refusal = _USES[self.library](connection, _hash(token))
            if refusal:
                return "", refusal
            user = one(connection, "select id from users where email = %s", email)
            if user is None:
                return "", Refusal.NOBODY
            connection.execute("update users set email_verified = true where id = %s", [user["id"]])
            return _session(connection, user["id"]), None

    def visitor(self, session_token: str) -> Row | None:
        """Return whose session it is. One whose time is over is deleted by this very visit."""
        with self.database.connection() as connection:
            connection.execute(
                "delete from sessions where token = %s and expires_at <= now()", [session_token]
            )
            return one(
                connection,
                "select users.* from users join sessions on sessions.user_id = users.id where token = %s",
                session_token,
            )

    def sign_out(self, session_token: str) -> None:
        with self.database.connection() as connection:
            connection.execute("delete from sessions where token = %s", [session_token])


def _hash(token: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


def _session(connection: Connection, user_id: str) -> str:
    token = secrets.token_urlsafe(24)
    connection.execute(
        "insert into sessions (id, user_id, token, expires_at) values (%s, %s, %s, now() + %s)",
        [str(uuid4()), user_id, token, SESSION],
    )
    return token


FIND: LiteralString = (
    "select id, value, expires_at <= now() as is_over from verifications where identifier = %s"
    " order by created_at desc limit 1"
)


def _use_1_6(connection: Connection, hashed: str) -> tuple[str, Refusal | None]:
    """The row stays until it expires, and remembers that it was used."""
    found = one(connection, FIND, hashed)
    value = _value(found)
    if found is None or not isinstance(value.get("email"), str):
        return "", Refusal.INVALID
    if found["is_over"]:
        return "", Refusal.EXPIRED
    if value.get("attempt", 0) > 0:
        return "", Refusal.USED
    used = json.dumps({**value, "attempt": 1}, separators=(",", ":"))
    connection.execute("update verifications set value = %s where id = %s", [used, found["id"]])
    return value["email"], None


def _use_1_7(connection: Connection, hashed: str) -> tuple[str, Refusal | None]:
    """The row goes with its first use."""
    found = one(connection, FIND, f"magic-link:{hashed}")
    value = _value(found)
    if found is None or value.get("type") != "magic-link" or not isinstance(value.get("email"), str):
        return "", Refusal.INVALID
    if found["is_over"]:
        return "", Refusal.EXPIRED
    gone = connection.execute("delete from verifications where id = %s", [found["id"]]).rowcount
    return (value["email"], None) if gone else ("", Refusal.INVALID)


def _value(found: Row | None) -> dict[str, Any]:
    try:
        value = json.loads(found["value"]) if found else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


_USES = {Library.V1_6: _use_1_6, Library.V1_7: _use_1_7}
