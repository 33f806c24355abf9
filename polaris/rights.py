"""Which rights in the platform's database suffice, and which of them the role lacks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from polaris.database import PlatformDatabase
from polaris.schema import MIRROR, TIER

SEQUENCE = "USAGE"
USER_INSERT = ("id", "public_id", "name", "email", "lago_customer_external_id", "created_at", "updated_at")
MAPPING_UPDATE = (
    "is_active", "lago_customer_external_id", "lago_subscription_external_id", "user_id",
    "steve_ocpp_tag_pk", "steve_ocpp_id_tag", *MIRROR, "updated_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Right:
    """A right on a table, some of its columns or a sequence. `only_for`: what is left out without it."""

    table: str
    privilege: str
    columns: tuple[str, ...] = ()
    only_for: str = ""


# None on `role`: so nobody with these rights can make or promote staff.
RIGHTS = (
    Right("users", "SELECT"),
    Right("users", "INSERT", USER_INSERT),
    Right("users", "UPDATE", ("email", "lago_customer_external_id", "updated_at")),
    Right("users", "DELETE"),
    Right("user_mappings", "SELECT"),
    Right("user_mappings", "INSERT"),
    Right("user_mappings", "UPDATE", MAPPING_UPDATE),
    Right("user_mappings", "DELETE"),
    *(Right(table, "SELECT") for table in ("sessions", "devices", "issued_cards", "reservations")),
    *(Right(table, "SELECT") for table in ("synced_transaction_events", "sync_runs")),
    *(Right("verifications", privilege) for privilege in ("SELECT", "INSERT", "DELETE")),
    Right("auth_audit", "INSERT"),
    Right("user_mappings_id_seq", SEQUENCE),
    Right("auth_audit_id_seq", SEQUENCE),
    Right("user_mappings", "UPDATE", (TIER,), only_for="charging for free by a coupon"),
    Right("auth_audit", "SELECT", only_for="signs of life that only the platform's audit tells of"),
    *(
        Right(cache, privilege, only_for="what an earlier revert left in the platform's cache")
        for cache in ("lago_customers", "lago_subscriptions")
        for privilege in ("SELECT", "DELETE")
    ),
)
# What is not there is no matter of rights: of it the answer is NULL.
LACKING = """
    SELECT asked.place, asked.name
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS asked(place, relation, name, privilege)
    LEFT JOIN pg_attribute ON attrelid = to_regclass(relation) AND attname = name AND NOT attisdropped
    WHERE NOT CASE
        WHEN privilege = 'USAGE' THEN has_sequence_privilege(to_regclass(relation), privilege)
        WHEN name = '' THEN has_table_privilege(to_regclass(relation), privilege)
        ELSE has_column_privilege(attrelid, attnum, privilege)
    END
"""


def lacking(platform: PlatformDatabase) -> list[Right]:
    """Return the rights that the role lacks, with the columns that it lacks them on; raise PolarisError."""
    asked = [(place, name) for place, right in enumerate(RIGHTS) for name in right.columns or ("",)]
    values = [
        [place for place, _ in asked],
        [RIGHTS[place].table for place, _ in asked],
        [name for _, name in asked],
        [RIGHTS[place].privilege for place, _ in asked],
    ]
    found = sorted(platform.read(LACKING, values))
    return [
        Right(
            RIGHTS[place].table,
            RIGHTS[place].privilege,
            tuple(name for _, name in group if name),
            RIGHTS[place].only_for,
        )
        for place, group in groupby(found, key=lambda one: one[0])
    ]


def grants(rights: Iterable[Right], role: str) -> str:
    """Return what somebody with more rights has to run; `role` as SQL writes it."""
    return " ".join(_grants(list(rights), role))


def _grants(rights: Sequence[Right], role: str) -> Iterator[str]:
    for table in dict.fromkeys(right.table for right in rights):
        of_table = [right for right in rights if right.table == table]
        kind = "SEQUENCE " if of_table[0].privilege == SEQUENCE else ""
        said = ", ".join(
            right.privilege + (f" ({', '.join(right.columns)})" if right.columns else "")
            for right in of_table
        )
        yield f"GRANT {said} ON {kind}{table} TO {role};"
