"""Links that sign a customer in at the platform: rows in its database that only it and the mail know.

Whoever can insert such rows can sign in as anybody there. So a link is written for a customer only, together
with the look at who it is; the token is in the mail and nowhere else, and rows and ledger have its hash.
Two versions of the platform's sign-in library read two forms of a row. Both are written: each reads its own.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from polaris.database import Cursor, PlatformDatabase

TOKEN_BYTES = 32
PREFIX = "magic-link:"  # of the identifiers that 1.7 looks for
PAGE = "/auth/verify"  # has a button, so that what only looks at links uses none up

# A row is found by its identifier; the one who signs in, by exactly the address in its value.
_INSERT = """
INSERT INTO verifications (id, identifier, value, expires_at, created_at, updated_at)
SELECT gen_random_uuid()::text, form.identifier, form.value, wish.expires_at, now(), now()
"""
_FORMS = """
CROSS JOIN LATERAL (VALUES (wish.hash, wish.value_1_6), (%(prefix)s || wish.hash, wish.value_1_7))
    AS form (identifier, value)
"""
MINT = f"""{_INSERT}
FROM unnest(%(external_ids)s::text[], %(emails)s::text[], %(hashes)s::text[], %(values_1_6)s::text[],
    %(values_1_7)s::text[], %(expiries)s::timestamptz[])
    AS wish (external_id, email, hash, value_1_6, value_1_7, expires_at)
JOIN users ON users.lago_customer_external_id = wish.external_id
    AND users.email = wish.email AND users.role = 'customer'
{_FORMS}
RETURNING identifier
"""
MINT_FOR_NOBODY = f"""{_INSERT}
FROM (VALUES (%(hash)s, %(value_1_6)s, %(value_1_7)s, now() + interval '2 minutes'))
    AS wish (hash, value_1_6, value_1_7, expires_at)
{_FORMS}
"""
REVOKE = "DELETE FROM verifications WHERE identifier = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Wish:
    """A link for the customer with this external_id, if that is still their address, in whatever capitals."""

    external_id: str
    email: str
    hash: str
    expires_at: datetime


def new_token() -> str:
    """Make up what a link is known by. To be put into a mail, and never to be stored, logged or shown."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def hashed(token: str) -> str:
    """Return what the platform, and our ledger, know a token by; it leads back to no token."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")


def address(customer_url: str, token: str) -> str:
    """Return the link itself."""
    return f"{customer_url}{PAGE}?{query(token)}"


def query(token: str) -> str:
    return urlencode({"token": token, "callbackURL": "/"})


def mint(database: PlatformDatabase, wishes: Sequence[Wish], revoking: Collection[str] = ()) -> set[str]:
    """Write these links and delete those of the hashes in `revoking`, all or none; raise PolarisError.

    Return the hashes that stand. The others are of nobody: no customer has that external_id and address.
    """
    lower = [wish.email.lower() for wish in wishes]  # a row with capitals could never sign in
    forms = [_values(email) for email in lower]
    given = {
        "external_ids": [wish.external_id for wish in wishes],
        "emails": lower,
        "hashes": [wish.hash for wish in wishes],
        "values_1_6": [form[0] for form in forms],
        "values_1_7": [form[1] for form in forms],
        "expiries": [wish.expires_at for wish in wishes],
        "prefix": PREFIX,
    }

    def work(cursor: Cursor) -> set[str]:
        _revoke(cursor, revoking)
        made = cursor.execute(MINT, given).fetchall()
        return {identifier for (identifier,) in made if not identifier.startswith(PREFIX)}

    return database.write(work)


def mint_for_nobody(database: PlatformDatabase, token: str, email: str) -> None:
    """Write a link for an address that nobody has; raise PolarisError."""
    value_1_6, value_1_7 = _values(email)
    given = {"hash": hashed(token), "value_1_6": value_1_6, "value_1_7": value_1_7, "prefix": PREFIX}
    database.write(lambda cursor: cursor.execute(MINT_FOR_NOBODY, given))


def revoke(database: PlatformDatabase, hashes: Collection[str]) -> None:
    """Delete the links of these hashes, where they are still there; raise PolarisError. Safe to repeat."""
    database.write(lambda cursor: _revoke(cursor, hashes))


def _revoke(cursor: Cursor, hashes: Collection[str]) -> None:
    if hashes:
        cursor.execute(REVOKE, [[form for one in hashes for form in (one, f"{PREFIX}{one}")]])


def _values(email: str) -> tuple[str, str]:
    """Return what the two versions want to read of a link."""
    forms = {"email": email, "attempt": 0}, {"type": "magic-link", "email": email}
    value_1_6, value_1_7 = (json.dumps(form, ensure_ascii=False, separators=(",", ":")) for form in forms)
    return value_1_6, value_1_7
