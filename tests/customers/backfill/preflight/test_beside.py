"""Whether the platform's own database, sync and pages are as an import needs them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from django.db import connection
from django.utils import timezone
from psycopg import sql

from charging import SteveClient
from customers.backfill.preflight import Asked, Finding, beside
from polaris.preflight import SYNCS, Syncs
from polaris.rights import Right, grants
from rehearsal.lago import Sandbox
from rehearsal.platform import PlatformSandbox, schema
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.preflight.looking import is_ok, is_stop, is_warning, look, states
from tests.rehearsal.platform.databases import fresh_database
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.test_rights import RIGHTS, SEQUENCES

pytestmark = pytest.mark.django_db


def found() -> dict[str, Finding]:
    return look(beside.part())


def put_id_tag(steve: SteveSandbox, id_tag: str) -> int:
    with closing(SteveClient(steve.url, steve.username, steve.key)) as client:
        return client.create_id_tag(id_tag, max_active_transaction_count=-1).ocpp_tag_pk


def put_card(rows: psycopg.Connection, steve: SteveSandbox, id_tag: str = "CARD0001") -> int:
    number = put_id_tag(steve, id_tag)
    user = add_user(rows, id_tag)
    add_mapping(rows, user, number, steve_ocpp_id_tag=id_tag, lago_customer_external_id=id_tag)
    return number


def put_sync(rows: psycopg.Connection, hours_ago: float, status: str = "completed") -> None:
    rows.execute(
        "insert into sync_runs (started_at, status) values (now() - %s, %s)",
        [timedelta(hours=hours_ago), status],
    )


# --- Not connected -----------------------------------------------------------------------------------------


def test_without_a_platform_that_is_one_line(lago: Sandbox) -> None:
    assert states(found()) == {"database": "ok"}


def test_its_tables_among_ours_stop_the_night_unless_somebody_said_what_is_meant(
    lago: Sandbox, settings: Any
) -> None:
    with connection.cursor() as cursor:
        for table in ("users", "user_mappings", "sessions", "verifications"):
            cursor.execute(f"create table {table} (id text)")
    unasked = found()["database"]
    settings.POLARIS_DATABASE_URL = settings.NO_PLATFORM

    assert is_stop(unasked, "holds the tables of a Polaris Express", "Set POLARIS_DATABASE_URL")
    assert is_warning(found()["database"], "says none", "blocks the cards")


# --- Connected ---------------------------------------------------------------------------------------------


def test_a_platform_in_order_is_well(
    platform: PlatformSandbox, platform_rows: psycopg.Connection, steve: SteveSandbox
) -> None:
    put_card(platform_rows, steve)
    put_sync(platform_rows, 0.5)

    assert states(found()) == dict.fromkeys(
        ("database", "columns", "rights of the role", "same SteVe", "sync", "clock", "customer pages"), "ok"
    )


def test_a_database_that_is_gone_is_one_line(platform_url: str, settings: Any) -> None:
    settings.POLARIS_DATABASE_URL = "postgres://someone:s3cret@127.0.0.1:1/platform"

    gone = found()

    assert list(gone) == ["database"]
    assert is_stop(gone["database"], "does not answer")
    assert "s3cret" not in f"{gone}"


def test_another_database_is_told_by_what_it_lacks(
    platform_url: str, database_address: str, settings: Any
) -> None:
    with fresh_database(database_address) as empty:
        settings.POLARIS_DATABASE_URL = empty

        told = found()

        assert is_stop(told["columns"], "there is no users.id, users.public_id", "Polaris Express")
        assert is_stop(told["sync"])


def test_columns_that_an_upgrade_skipped_are_named_and_those_that_may_be_missing_are_not(
    platform_url: str, database_address: str, settings: Any
) -> None:
    with fresh_database(database_address) as upgraded:
        schema.create(upgraded, holes=["0031"])
        settings.POLARIS_DATABASE_URL = upgraded
        tolerated = found()["columns"]
        with psycopg.connect(upgraded, autocommit=True) as rows:
            rows.execute("alter table users drop column onboarded_at")

        assert is_ok(tolerated)
        assert is_stop(found()["columns"], "there is no users.onboarded_at")
        assert is_ok(found()["rights of the role"])


def test_beside_a_platform_steve_is_needed(platform_url: str, settings: Any) -> None:
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""

    assert is_stop(found()["same SteVe"], "SteVe is not configured", "STEVE_BASE_URL")


def test_half_a_login_of_steve_hides_nothing_else(platform_url: str, settings: Any) -> None:
    settings.STEVE_API_KEY = ""

    told = found()

    assert is_stop(told["same SteVe"], "STEVE_API_KEY is not set")
    assert is_ok(told["clock"])


def test_a_steve_that_does_not_answer_cannot_be_compared(
    platform_url: str, platform_rows: psycopg.Connection, steve: SteveSandbox
) -> None:
    put_card(platform_rows, steve)
    steve.stop()

    told = found()

    assert is_warning(told["same SteVe"], "cannot be compared")
    assert is_ok(told["clock"])


def test_another_steve_than_the_platforms_stops_the_night(
    platform_url: str, platform_rows: psycopg.Connection, settings: Any, steve: SteveSandbox
) -> None:
    put_card(platform_rows, steve)
    with SteveSandbox() as other:
        put_id_tag(other, "SOMEBODY")
        settings.STEVE_BASE_URL = other.url
        settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = other.username, other.key

        told = found()["same SteVe"]

    assert is_stop(told, "0 of its 1 newest cards", "STEVE_BASE_URL")
    assert "CARD0001" not in f"{told}"


def test_some_cards_that_are_gone_are_a_warning_and_none_cannot_tell() -> None:
    cards = [(1, "A"), (2, "B")]

    assert is_warning(beside.same_steve(cards, {1: "A", 2: "C"}), "1 of its 2", "deleted in SteVe")
    assert is_warning(beside.same_steve([], {}), "no card yet", "by hand")


# --- Rights ------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(
    platform_url: str, platform_rows: psycopg.Connection, settings: Any
) -> Iterator[tuple[psycopg.Connection, str]]:
    """A role with the rights that suffice, to which the settings point, and its name."""
    name = f"backfill_{uuid4().hex[:8]}"
    role = sql.Identifier(name)
    platform_rows.execute(sql.SQL("create role {} login password 'pass'").format(role))
    for table, allowed in RIGHTS.items():
        grant = sql.SQL("grant {} on {} to {}")
        platform_rows.execute(grant.format(sql.SQL(allowed), sql.Identifier(table), role))
    for sequence in SEQUENCES:
        platform_rows.execute(
            sql.SQL("grant usage on sequence {} to {}").format(sql.Identifier(sequence), role)
        )
    parts = urlsplit(platform_url)
    settings.POLARIS_DATABASE_URL = parts._replace(
        netloc=f"{name}:pass@{parts.netloc.rpartition('@')[2]}"
    ).geturl()
    yield platform_rows, name
    platform_rows.execute(sql.SQL("drop owned by {}; drop role {}").format(role, role))


def test_the_rights_of_the_handbook_suffice(limited: tuple[psycopg.Connection, str]) -> None:
    assert is_ok(found()["rights of the role"])
    assert is_ok(found()["columns"])


def test_a_missing_right_is_named_with_the_statement_that_gives_it(
    limited: tuple[psycopg.Connection, str],
) -> None:
    rows, role = limited
    rows.execute(f"revoke update (email) on users from {role}")
    rows.execute(f"revoke select on sync_runs from {role}")
    rows.execute(f"revoke usage on sequence user_mappings_id_seq from {role}")

    told = found()["rights of the role"]
    rows.execute(told.remedy.partition("run: ")[2])

    assert is_stop(told, "UPDATE users (email)", "SELECT sync_runs", "USAGE user_mappings_id_seq")
    assert f"GRANT UPDATE (email) ON users TO {role};" in told.remedy
    assert is_ok(found()["rights of the role"])


def test_what_the_role_may_not_see_is_not_called_missing(limited: tuple[psycopg.Connection, str]) -> None:
    rows, role = limited
    rows.execute(f"revoke select on sync_runs from {role}")

    told = found()

    assert is_ok(told["columns"])
    assert is_stop(told["sync"], "lacks a right")
    assert is_ok(told["clock"])


def test_a_right_without_which_something_is_left_out_is_a_warning(
    limited: tuple[psycopg.Connection, str],
) -> None:
    rows, role = limited
    rows.execute(f"revoke delete on lago_customers from {role}")

    told = found()["rights of the role"]

    assert is_warning(told, "cache will be left out", f"GRANT DELETE ON lago_customers TO {role};")


def test_all_rights_on_a_table_are_one_statement() -> None:
    rights = [
        Right("users", "SELECT"),
        Right("users", "UPDATE", ("email", "updated_at")),
        Right("s", "USAGE"),
    ]

    assert grants(rights, '"my role"') == (
        'GRANT SELECT, UPDATE (email, updated_at) ON users TO "my role";'
        ' GRANT USAGE ON SEQUENCE s TO "my role";'
    )


# --- Its sync, its clock, its pages ------------------------------------------------------------------------


def test_a_platform_that_never_synced_stops_the_night(
    platform_url: str, platform_rows: psycopg.Connection
) -> None:
    put_sync(platform_rows, 1, "failed")

    assert is_stop(found()["sync"], "never synced", "sync worker")


def test_syncs_that_failed_are_left_aside(platform_url: str, platform_rows: psycopg.Connection) -> None:
    put_sync(platform_rows, 1)
    for _ in range(SYNCS):
        put_sync(platform_rows, 0.5, "failed")

    told = found()["sync"]

    assert is_ok(told, "synced 60 min ago")
    assert "goes on" not in told.found


def test_how_often_it_syncs_is_told(platform_url: str, platform_rows: psycopg.Connection) -> None:
    for hours_ago in (0.1, 1.1, 2.1):
        put_sync(platform_rows, hours_ago)
    often = found()["sync"]
    put_sync(platform_rows, 0, "running")

    assert is_ok(often, "synced 6 min ago, and about every 60 min")
    assert is_ok(found()["sync"], "one goes on now")


@pytest.mark.parametrize(
    ("syncs", "judged"),
    [
        (Syncs(timedelta(minutes=89), None, False), is_ok),
        (Syncs(timedelta(hours=2), None, False), is_warning),
        (Syncs(timedelta(minutes=5), timedelta(days=7), False), is_warning),
        (Syncs(timedelta(days=9), timedelta(hours=1), False), is_stop),
    ],
)
def test_a_sync_that_comes_seldom_is_a_warning_and_one_that_stopped_a_stop(syncs: Syncs, judged: Any) -> None:
    assert judged(beside.synced(syncs))


def test_another_time_in_its_database_is_a_warning(platform_url: str) -> None:
    asked = Asked(now=lambda: timezone.now() + timedelta(hours=1))

    assert is_warning(look(beside.part(), asked)["clock"], "behind ours")


def test_its_customer_pages_are_looked_at(platform: PlatformSandbox, lago: Sandbox, settings: Any) -> None:
    there = found()["customer pages"]
    settings.POLARIS_CUSTOMER_URL = lago.url
    elsewhere = found()["customer pages"]
    settings.POLARIS_CUSTOMER_URL = "http://127.0.0.1:1"
    gone = found()["customer pages"]
    settings.POLARIS_CUSTOMER_URL = ""

    assert is_ok(there)
    assert is_warning(elsewhere, "has no /auth/verify", "POLARIS_CUSTOMER_URL")
    assert is_warning(gone, "cannot be reached")
    assert is_warning(found()["customer pages"], "is not set")


def test_nothing_is_written_in_the_platforms_database(
    platform: PlatformSandbox, platform_rows: psycopg.Connection, steve: SteveSandbox
) -> None:
    put_card(platform_rows, steve)
    platform_rows.execute(
        sql.SQL("alter database {} set default_transaction_read_only = on").format(
            sql.Identifier(platform_rows.info.dbname)
        )
    )

    told = found()
    platform_rows.execute(
        sql.SQL("alter database {} reset default_transaction_read_only").format(
            sql.Identifier(platform_rows.info.dbname)
        )
    )

    assert is_ok(told["rights of the role"])
    assert is_ok(told["same SteVe"])
