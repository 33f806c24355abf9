"""Which tables and columns of the platform there are. Upgraded databases have holes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

# By these the platform's database is recognised.
TABLES = ("users", "user_mappings", "sessions", "verifications")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "users": (
        "id", "public_id", "name", "email", "email_verified", "role", "lago_customer_external_id",
        "onboarded_at", "created_at", "updated_at",
    ),
    "user_mappings": (
        "id", "steve_ocpp_tag_pk", "steve_ocpp_id_tag", "user_id", "lago_customer_external_id",
        "lago_subscription_external_id", "is_active", "tag_type", "device_id", "created_at", "updated_at",
    ),
    "sessions": ("user_id",),
    "verifications": ("id", "identifier", "value", "expires_at", "created_at", "updated_at"),
    "sync_runs": ("id", "started_at", "status"),
    "synced_transaction_events": ("user_mapping_id", "steve_transaction_id"),
}  # fmt: skip
TIER = "billing_tier"  # of user_mappings; an upgraded database may lack it, too
MIRROR = ("steve_parent_id_tag", "steve_expiry_date")  # of user_mappings; an upgraded database may lack them


CACHES = ("lago_customers", "lago_subscriptions")  # of Lago


@dataclass(frozen=True, slots=True)
class Columns:
    """What there is, and what of it the role may read, as `table.column`.

    `may_clear` are the caches from which the role may delete; `may_mark`: it may change a mapping's tier.
    """

    there: frozenset[str]
    readable: frozenset[str]
    may_clear: frozenset[str] = frozenset()
    may_mark: bool = False

    @property
    def missing(self) -> list[str]:
        """Name what is needed and not there."""
        return [name for name in _needed() if name not in self.there]

    @property
    def unreadable(self) -> list[str]:
        """Name what is needed and there, and not for the role to read."""
        return [name for name in _needed() if name in self.there and name not in self.readable]

    @property
    def has_mirror(self) -> bool:
        """Return whether a mapping remembers parent and expiry of its idTag."""
        return all(f"user_mappings.{column}" in self.there for column in MIRROR)

    @property
    def has_tier(self) -> bool:
        """Return whether a mapping says that its customer charges for free."""
        return f"user_mappings.{TIER}" in self.there

    def has(self, table: str) -> bool:
        """Return whether a table is there, readable or not."""
        return any(name.startswith(f"{table}.") for name in self.there)

    def may_read(self, table: str) -> bool:
        """Return whether a table is there and the role may read of it."""
        return any(name.startswith(f"{table}.") for name in self.readable)


def _needed() -> Iterator[str]:
    return (f"{table}.{column}" for table, columns in NEEDED.items() for column in columns)


# Not information_schema: that hides what the role has no right on, and a missing right is no missing column.
COLUMNS = """
SELECT relname, attname, has_column_privilege(pg_class.oid, attnum, 'SELECT')
FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
WHERE relnamespace = ANY(current_schemas(false)::regnamespace[]) AND relkind IN ('r', 'p', 'v')
  AND attnum > 0 AND NOT attisdropped
"""


def columns(cursor: psycopg.Cursor[tuple[Any, ...]]) -> Columns:
    """Read the columns of the schemas that the connection works in."""
    found = cursor.execute(COLUMNS).fetchall()
    may = cursor.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
        " AND has_table_privilege(to_regclass(name), 'DELETE')"
        " AND has_table_privilege(to_regclass(name), 'SELECT')"
        " UNION SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('user_mappings')"
        " AND attname = %s AND NOT attisdropped AND has_column_privilege(attrelid, attnum, 'UPDATE')",
        [list(CACHES), TIER],
    ).fetchall()
    allowed = frozenset(name for (name,) in may)
    return Columns(
        frozenset(f"{table}.{column}" for table, column, _ in found),
        frozenset(f"{table}.{column}" for table, column, may_read in found if may_read),
        allowed - {TIER},
        may_mark=TIER in allowed,
    )


def holds_platform(cursor: Any) -> bool:
    """Return whether the tables by which the platform is recognised are in this database."""
    cursor.execute(
        "SELECT count(*) = %s FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
        [len(TABLES), list(TABLES)],
    )
    return bool(cursor.fetchone()[0])
