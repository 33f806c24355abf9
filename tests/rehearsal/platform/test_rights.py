"""A role that may do what an import does, and no more: enough for it, and not enough to make staff."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.rehearsal.platform.rows import add_mapping, add_user, insert

RIGHTS = {
    "users": "select, delete,"
    " insert (id, public_id, name, email, lago_customer_external_id, created_at, updated_at),"
    " update (email, lago_customer_external_id, updated_at)",
    "user_mappings": "select, insert, delete,"
    " update (is_active, lago_customer_external_id, lago_subscription_external_id, user_id,"
    " steve_ocpp_tag_pk, steve_ocpp_id_tag, steve_parent_id_tag, steve_expiry_date, billing_tier,"
    " updated_at)",
    "sessions": "select",
    "devices": "select",
    "issued_cards": "select",
    "reservations": "select",
    "synced_transaction_events": "select",
    "sync_runs": "select",
    "lago_customers": "select, delete",
    "lago_subscriptions": "select, delete",
    "verifications": "select, insert, delete",
    "auth_audit": "select, insert",
}
SEQUENCES = ("user_mappings_id_seq", "auth_audit_id_seq")


@pytest.fixture
def limited(connection: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The platform's database as that role has it."""
    role = sql.Identifier(f"backfill_{uuid4().hex[:8]}")
    connection.execute(sql.SQL("create role {}").format(role))
    for table, rights in RIGHTS.items():
        grant = sql.SQL("grant {} on {} to {}")
        connection.execute(grant.format(sql.SQL(rights), sql.Identifier(table), role))
    for sequence in SEQUENCES:
        connection.execute(sql.SQL("grant usage on sequence {} to {}").format(sql.Identifier(sequence), role))
    connection.execute(sql.SQL("set role {}").format(role))
    yield connection
    connection.execute("reset role")
    connection.execute(sql.SQL("drop owned by {}; drop role {}").format(role, role))


def test_the_role_writes_and_takes_back_what_an_import_writes(limited: psycopg.Connection) -> None:
    user = add_user(limited)
    add_mapping(limited, user)
    insert(limited, "auth_audit", event="backfill.user.created", user_id=user)
    insert(limited, "verifications", id="v", identifier="i", value="{}", expires_at="2099-01-01")

    limited.execute("update user_mappings set is_active = true, updated_at = now()")
    limited.execute("select pg_notify('sync_trigger', '{}')")
    limited.execute("delete from verifications")
    limited.execute("delete from lago_customers where deleted_at is not null")
    limited.execute("delete from user_mappings")
    limited.execute("delete from users where role = 'customer'")

    assert limited.execute("select count(*) from users").fetchone() == (0,)
    assert limited.execute("select event, user_id from auth_audit").fetchall() == [
        ("backfill.user.created", None)
    ]


def test_the_role_meets_the_triggers(limited: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        add_mapping(limited, "nobody")


@pytest.mark.parametrize(
    "statement",
    [
        "update users set role = 'admin'",
        "insert into users (id, public_id, role) values ('u', '22222222', 'admin')",
        "insert into sessions (id, user_id, token, expires_at) values ('s', 'u', 't', now())",
        "select * from drizzle.__drizzle_migrations",
    ],
)
def test_the_role_can_neither_make_staff_nor_sign_in(limited: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        limited.execute(statement.encode())


def test_the_role_knows_which_database_it_is_in(limited: psycopg.Connection) -> None:
    found = limited.execute(
        "select (select system_identifier from pg_control_system()) > 0, current_database() <> ''"
    )

    assert found.fetchone() == (True, True)
