"""The platform's users: found in bulk, made in bulk, and put right where they cannot sign in."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import uuid4

from kernel.chunks import SIZE
from polaris.database import Cursor, PlatformDatabase

CUSTOMER = "customer"
PUBLIC_ID = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # of which the platform takes eight
PUBLIC_ID_LENGTH = 8


class PlatformUser(NamedTuple):
    id: str
    email: str | None
    role: str
    external_id: str | None  # of the customer in Lago

    @property
    def is_customer(self) -> bool:
        return self.role == CUSTOMER

    @property
    def login(self) -> str:
        """Return the address in the one spelling by which the platform looks people up."""
        return (self.email or "").lower()

    @property
    def has_capitals(self) -> bool:
        """Return whether the address keeps them from signing in."""
        return self.email is not None and self.email != self.login


@dataclass(slots=True)
class Users:
    """What was found, by the customer's external_id and by address in lower case."""

    by_external_id: dict[str, PlatformUser] = field(default_factory=dict)
    by_email: dict[str, PlatformUser] = field(default_factory=dict)
    by_id: dict[str, PlatformUser] = field(default_factory=dict)

    def add(self, user: PlatformUser) -> None:
        self.by_id[user.id] = user
        if user.external_id is not None:
            self.by_external_id[user.external_id] = user
        if user.email is not None:
            self.by_email[user.email.lower()] = user


FIND = """
SELECT id, email, role, lago_customer_external_id FROM users WHERE lago_customer_external_id = ANY(%(ids)s)
UNION
SELECT id, email, role, lago_customer_external_id FROM users WHERE lower(email) = ANY(%(emails)s)
UNION
SELECT id, email, role, lago_customer_external_id FROM users WHERE id = ANY(%(keys)s)
"""


def find(
    database: PlatformDatabase,
    external_ids: Iterable[str] = (),
    emails: Iterable[str] = (),
    keys: Iterable[str] = (),
) -> Users:
    """Find users by the customer's external_id, by address in lower case, and by their own id."""
    found = Users()
    wanted = {"ids": sorted(external_ids), "emails": sorted(emails), "keys": sorted(keys)}
    most = max(len(values) for values in wanted.values())
    for start in range(0, most, SIZE):
        some = {name: values[start : start + SIZE] for name, values in wanted.items()}
        for row in database.read(FIND, some):
            found.add(PlatformUser(*row))
    return found


# What the platform takes is made, and nothing is said of the rest: an address, a Lago id or a public id was
# taken meanwhile. Whoever asked looks again.
MAKE = """
INSERT INTO users (id, public_id, name, email, lago_customer_external_id, created_at, updated_at)
SELECT new.id, new.public_id, new.name, new.email, new.external_id, now(), now()
FROM unnest(
  %(ids)s::text[], %(public_ids)s::text[], %(names)s::text[], %(emails)s::text[], %(external_ids)s::text[]
) AS new(id, public_id, name, email, external_id)
ON CONFLICT DO NOTHING
RETURNING id, lago_customer_external_id
"""


@dataclass(frozen=True, slots=True)
class NewUser:
    external_id: str
    name: str
    email: str  # in lower case: the platform looks people up by exactly that


def make(cursor: Cursor, users: Sequence[NewUser]) -> dict[str, str]:
    """Make users; return the ids of those that were made, by external_id."""
    values = {
        "ids": [str(uuid4()) for _ in users],
        "public_ids": [public_id() for _ in users],
        "names": [user.name for user in users],
        "emails": [user.email for user in users],
        "external_ids": [user.external_id for user in users],
    }
    made = cursor.execute(MAKE, values).fetchall()
    return {external_id: key for key, external_id in made}


def public_id() -> str:
    return "".join(secrets.choice(PUBLIC_ID) for _ in range(PUBLIC_ID_LENGTH))


RESPELL = """
UPDATE users SET email = new.after, updated_at = now()
FROM unnest(%(ids)s::text[], %(before)s::text[], %(after)s::text[]) AS new(id, before, after)
WHERE users.id = new.id AND users.email = new.before
RETURNING users.id
"""


def respell(cursor: Cursor, changes: Mapping[str, tuple[str, str]]) -> set[str]:
    """Change addresses, by id from one spelling to another; return the ids where that was so."""
    values = {
        "ids": list(changes),
        "before": [before for before, _ in changes.values()],
        "after": [after for _, after in changes.values()],
    }
    return {key for (key,) in cursor.execute(RESPELL, values).fetchall()}


def clear_cache(cursor: Cursor, table: str, external_ids: Sequence[str]) -> None:
    """Delete what the platform marked as deleted: its keys count all the same, and would hide a new one."""
    cursor.execute(
        f"DELETE FROM {table} WHERE external_id = ANY(%s) AND deleted_at IS NOT NULL",  # noqa: S608 # ours
        [list(external_ids)],
    )


# A card that has billed stays, without its user; what the platform made for the customer goes with the user.
FORGET_METAS = """
DELETE FROM user_mappings AS meta USING users
WHERE users.id = ANY(%(ids)s) AND users.role = 'customer'
  AND meta.user_id = users.id AND meta.tag_type = 'meta'
  AND NOT EXISTS (SELECT 1 FROM synced_transaction_events AS event WHERE event.user_mapping_id = meta.id)
  {more}
"""
NOT_ISSUED = "AND NOT EXISTS (SELECT 1 FROM issued_cards AS card WHERE card.user_mapping_id = meta.id)"
DELETE = "DELETE FROM users WHERE id = ANY(%(ids)s) AND role = 'customer' RETURNING id"


def delete(cursor: Cursor, ids: Sequence[str], *, has_issued_cards: bool) -> set[str]:
    """Delete customers, and what the platform made for them; return the ids of those that went."""
    values: dict[str, Any] = {"ids": list(ids)}
    cursor.execute(FORGET_METAS.format(more=NOT_ISSUED if has_issued_cards else ""), values)
    return {key for (key,) in cursor.execute(DELETE, values).fetchall()}


def there(cursor: Cursor, ids: Iterable[str]) -> set[str]:
    """Return which of these ids there still are."""
    query = "SELECT id FROM users WHERE id = ANY(%s)"
    return {key for (key,) in cursor.execute(query, [sorted(ids)]).fetchall()}
