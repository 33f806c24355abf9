"""The tables: what they take, and by which SQLSTATE and constraint they say no."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from rehearsal.platform import schema
from tests.rehearsal.platform.databases import fresh_database
from tests.rehearsal.platform.rows import add_mapping, add_user, insert, refusal

Connection = psycopg.Connection
Write = Callable[[Connection], Any]

EVENT = {
    "steve_transaction_id": 1,
    "lago_event_transaction_id": "steve_tx_1_final",
    "kwh_delta": 1,
    "meter_value_from": 0,
    "meter_value_to": 1000,
}

# --- What is refused ----------------------------------------------------------------------------------


@pytest.fixture
def alice(connection: Connection) -> str:
    """A customer with a mapping of number 1, the address taken and the Lago id taken."""
    user = add_user(connection, public_id="22222222", email="alice@example.com")
    add_mapping(connection, user)
    return user


def _user(**values: Any) -> Write:
    return lambda connection: add_user(connection, **{"external_id": "LEGACY-002", **values})


def _mapping(**values: Any) -> Write:
    fields = {"user_id": None, "pk": 2, "lago_customer_external_id": "LEGACY-002", **values}
    return lambda connection: add_mapping(connection, **fields)


REFUSED = {
    "public_id missing": (_user(public_id=None), "23502", None),
    "public_id too short": (_user(public_id="2222222"), "23514", "users_public_id_format_check"),
    "public_id with a letter left out": (
        _user(public_id="2222222I"),
        "23514",
        "users_public_id_format_check",
    ),
    "public_id taken": (_user(public_id="22222222"), "23505", "users_public_id_key"),
    "address taken in capitals": (_user(email="Alice@Example.COM"), "23505", "users_email_lower_unique"),
    "Lago id taken": (_user(external_id="LEGACY-001", email=None), "23505", "users_lago_external_id_unique"),
    "address and Lago id taken": (
        _user(external_id="LEGACY-001", email="alice@example.com"),
        "23505",
        "users_email_lower_unique",
    ),
    "another role": (_user(role="superadmin"), "23514", "users_role_check"),
    "no number": (_mapping(steve_ocpp_tag_pk=None), "23502", None),
    "number taken": (_mapping(pk=1), "23505", "user_mappings_steve_ocpp_tag_pk_unique"),
    "another tag_type": (_mapping(tag_type="other"), "23514", "user_mappings_tag_type_check"),
    "another billing_tier": (_mapping(billing_tier="free"), "23514", "user_mappings_billing_tier_check"),
    "mapping of nobody": (_mapping(user_id="nobody"), "23514", None),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_breaks_a_rule_is_refused_by_its_name(connection: Connection, alice: str, what: str) -> None:
    write, sqlstate, constraint = REFUSED[what]

    with pytest.raises(psycopg.Error) as caught:
        write(connection)

    assert refusal(caught.value) == (sqlstate, constraint)


def test_a_mapping_of_staff_is_refused_without_a_constraint(connection: Connection) -> None:
    admin = add_user(connection, role="admin")

    with pytest.raises(psycopg.Error) as caught:
        add_mapping(connection, admin)

    assert refusal(caught.value) == ("23514", None)
    assert "must reference a customer (got role=admin)" in str(caught.value)


def test_a_second_user_of_one_lago_customer_is_refused(connection: Connection, alice: str) -> None:
    bob = add_user(connection, "LEGACY-002")

    with pytest.raises(psycopg.Error) as caught:
        add_mapping(connection, bob, 2)

    assert refusal(caught.value) == ("23514", None)
    assert f"already linked to user_id={alice}" in str(caught.value)


def test_a_mapping_cannot_be_moved_to_another_user_of_the_lago_customer(
    connection: Connection, alice: str
) -> None:
    bob = add_user(connection, "LEGACY-002")
    add_mapping(connection, alice, 2)

    with pytest.raises(psycopg.Error) as caught:
        connection.execute("update user_mappings set user_id = %s where steve_ocpp_tag_pk = 2", [bob])

    assert refusal(caught.value) == ("23514", None)


def test_a_billed_mapping_cannot_be_deleted(connection: Connection) -> None:
    mapping = add_mapping(connection, add_user(connection))
    insert(connection, "synced_transaction_events", user_mapping_id=mapping, **EVENT)

    with pytest.raises(psycopg.Error) as caught:
        connection.execute("delete from user_mappings")

    assert refusal(caught.value) == (
        "23503",
        "synced_transaction_events_user_mapping_id_user_mappings_id_fk",
    )


def test_who_issued_cards_cannot_be_deleted(connection: Connection) -> None:
    mapping = add_mapping(connection, add_user(connection))
    admin = add_user(connection, "ADMIN", role="admin")
    insert(connection, "issued_cards", user_mapping_id=mapping, billing_mode="charged", issued_by=admin)

    with pytest.raises(psycopg.Error) as caught:
        connection.execute("delete from users where role = 'admin'")

    assert refusal(caught.value) == ("23503", "issued_cards_issued_by_fkey")


def test_an_external_id_is_taken_by_a_deleted_row_of_a_cache(connection: Connection) -> None:
    query = (
        "insert into lago_customers (lago_id, external_id, payload, deleted_at) values (%s, 'E', '{}', %s)"
    )
    connection.execute(query, ["one", "2026-01-01"])

    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(query, ["two", None])


# --- What is taken ------------------------------------------------------------------------------------


def test_several_users_have_no_address_and_no_lago_customer(connection: Connection) -> None:
    for _ in range(2):
        add_user(connection, None)

    assert connection.execute("select role, email_verified from users").fetchall() == [
        ("customer", False),
        ("customer", False),
    ]


def test_an_id_tag_may_stand_twice_and_rows_without_user_are_nobodys(
    connection: Connection, alice: str
) -> None:
    add_mapping(connection, None, 2, steve_ocpp_id_tag="CARD0001")

    found = connection.execute("select count(*) from user_mappings where steve_ocpp_id_tag = 'CARD0001'")

    assert found.fetchone() == (2,)


def test_one_user_may_have_cards_of_two_lago_customers(connection: Connection, alice: str) -> None:
    add_mapping(connection, alice, 2, lago_customer_external_id="LEGACY-002")

    assert connection.execute("select count(*) from user_mappings").fetchone() == (2,)


def test_who_owns_a_mapping_can_be_made_staff_later(connection: Connection, alice: str) -> None:
    connection.execute("update users set role = 'admin'")

    connection.execute("update user_mappings set is_active = true")

    assert connection.execute("select is_active from user_mappings").fetchall() == [(True,)]


def test_two_transactions_can_pass_the_trigger_at_once(platform_url: str, connection: Connection) -> None:
    users = [add_user(connection, f"LEGACY-{number}") for number in (1, 2)]
    with psycopg.connect(platform_url) as one, psycopg.connect(platform_url) as other:
        add_mapping(one, users[0], 1)
        add_mapping(other, users[1], 2)

    found = connection.execute(
        "select count(distinct user_id) from user_mappings where lago_customer_external_id = 'LEGACY-001'"
    )

    assert found.fetchone() == (2,)


def test_a_deleted_user_leaves_mappings_and_takes_sessions(connection: Connection, alice: str) -> None:
    insert(connection, "sessions", id="s", user_id=alice, token="t", expires_at="2099-01-01")
    insert(connection, "auth_audit", event="device.registered", user_id=alice)

    connection.execute("delete from users where id = %s", [alice])

    assert connection.execute("select user_id, is_active from user_mappings").fetchall() == [(None, False)]
    assert connection.execute("select user_id from auth_audit").fetchall() == [(None,)]
    assert connection.execute("select count(*) from sessions").fetchone() == (0,)


def test_a_device_and_its_mapping_go_with_their_owner(connection: Connection, alice: str) -> None:
    device = insert(connection, "devices", owner_user_id=alice)
    add_mapping(connection, alice, 2, device_id=device)

    connection.execute("delete from users where id = %s", [alice])

    assert connection.execute("select steve_ocpp_tag_pk from user_mappings").fetchall() == [(1,)]


# --- Whole databases, and others ----------------------------------------------------------------------


def _mirrors(connection: Connection) -> set[str]:
    found = connection.execute(
        "select column_name from information_schema.columns"
        " where table_name = 'user_mappings' and column_name in ('steve_parent_id_tag', 'steve_expiry_date')"
    )
    return {name for (name,) in found}


def _migrations(connection: Connection) -> tuple[Any, ...] | None:
    return connection.execute("select count(*), max(created_at) from drizzle.__drizzle_migrations").fetchone()


def test_a_whole_database_has_every_migration(connection: Connection) -> None:
    assert _migrations(connection) == (55, 1778683320000)
    assert _mirrors(connection) == {"steve_parent_id_tag", "steve_expiry_date"}


def test_an_upgraded_database_has_holes(database_address: str) -> None:
    with fresh_database(database_address) as address:
        schema.create(address, holes=["0031", "0052", "0053"])

        with psycopg.connect(address) as connection:
            assert _mirrors(connection) == set()
            assert _migrations(connection) == (52, 1778683320000)


def test_a_hole_that_there_is_not_is_refused(platform_url: str) -> None:
    with pytest.raises(ValueError, match="0001"):
        schema.create(platform_url, holes=["0001"])


def test_the_tables_can_stand_in_a_schema_beside_others(platform_url: str, connection: Connection) -> None:
    schema.create(platform_url, schema="express")

    connection.execute("set search_path = express")
    add_mapping(connection, add_user(connection))

    assert schema.exists(platform_url, schema="express")
    assert connection.execute("select count(*) from public.users").fetchone() == (0,)
    connection.execute("drop schema express cascade")
