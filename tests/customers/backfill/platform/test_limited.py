"""A platform's database that lacks something, and a role that may do little there."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from psycopg import sql

from customers.backfill.refused import Refused
from customers.backfill.systems import connect
from polaris import PlatformDatabase
from polaris.caches import NAMED, Hidden
from tests.customers.backfill.platform.there import KEY, TAG, E, card, cards, user, users
from tests.customers.backfill.steve.world import divergences, manage, reverted, run_of
from tests.customers.factories import csv_text, imported, planned, row, rows
from tests.rehearsal.platform.test_rights import RIGHTS, SEQUENCES
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db

# --- Holes ---------------------------------------------------------------------------------------------


@pytest.fixture
def altered(town: Town) -> Iterator[Any]:
    """Alter the platform's tables; afterwards they are as they were."""
    undo: list[str] = []

    def alter(there: str, back: str) -> None:
        town.database.execute(there.encode())
        undo.append(back)

    yield alter
    for statement in reversed(undo):
        town.database.execute(statement.encode())


RENAME = "alter table {} rename column {} to {}"
MIRROR = ("steve_parent_id_tag", "steve_expiry_date")


@pytest.mark.parametrize("holes", [MIRROR, MIRROR[:1], MIRROR[1:]], ids=["both", "parent", "expiry"])
def test_a_database_without_the_mirror_columns_will_do(
    town: Town, altered: Any, holes: tuple[str, ...]
) -> None:
    card(town, user(town), is_active=False)
    for column in holes:
        altered(
            RENAME.format("user_mappings", column, f"{column}_x"),
            RENAME.format("user_mappings", f"{column}_x", column),
        )

    report = imported([row(1), row(2)], skip_existing=True)

    assert report.status == "succeeded"
    assert [one[2:] for one in cards(town)] == [(E, True, KEY), ("C-2", True, "backfill-C-2")]
    assert divergences(run_of(report)) == []
    assert reverted(run_of(report)).status == "reverted"


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("users", "public_id"),
        ("users", "onboarded_at"),
        ("user_mappings", "lago_subscription_external_id"),
        ("user_mappings", "device_id"),
        ("sync_runs", "started_at"),
        ("verifications", "value"),
    ],
)
def test_another_column_that_is_missing_is_named(
    town: Town, altered: Any, tmp_path: Any, table: str, column: str
) -> None:
    altered(RENAME.format(table, column, "x"), RENAME.format(table, "x", column))
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(rows(1)))

    code, _, err = manage("backfill_customers", "--input", str(file))

    assert (code, f"{table}.{column}" in err) == (2, True)
    assert (
        town.rows("select count(*) from users") == town.rows("select count(*) from user_mappings") == [(0,)]
    )
    assert town.limits() == {}


@pytest.mark.parametrize("how", ["revoke select on users", "revoke all on users"])
def test_a_right_that_is_missing_is_no_column_that_is_missing(
    town: Town, settings: Any, tmp_path: Any, how: str
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(rows(1)))
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        town.database.execute(f"{how} from {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        code, _, err = manage("backfill_customers", "--input", str(file))

        assert (code, "lacks" in err) == (2, False)
        assert f"The role {name} may not read users.id" in err
        assert f"GRANT SELECT ON users TO {name}" in err
    assert town.limits() == {}


def test_a_right_on_one_column_is_named_and_its_remedy_helps(town: Town, settings: Any) -> None:
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        allowed = "id, public_id, name, email, role, lago_customer_external_id, onboarded_at, created_at"
        town.database.execute(f"revoke select on users from {name}".encode())
        town.database.execute(f"grant select ({allowed}, updated_at) on users to {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        with pytest.raises(Refused, match=r"may not read users\.email_verified in") as refused, connect():
            pass
        town.database.execute(str(refused.value).partition("run: ")[2].encode())

        assert imported(rows(1)).status == "succeeded"


@pytest.mark.parametrize("table", ["issued_cards", "reservations", "devices", "auth_audit", "lago_customers"])
def test_a_table_that_only_signs_of_life_need_may_be_missing(town: Town, altered: Any, table: str) -> None:
    altered(f"alter table {table} rename to x", f"alter table x rename to {table}")

    report = imported(rows(1))

    assert (report.status, divergences(run_of(report))) == ("succeeded", [])
    assert reverted(run_of(report)).status == "reverted"


# --- Rights --------------------------------------------------------------------------------------------


def role(town: Town, without: tuple[str, ...] = ()) -> Iterator[str]:
    name = sql.Identifier(f"backfill_{uuid4().hex[:8]}")
    town.database.execute(sql.SQL("create role {} login password 'secret'").format(name))
    for table, rights in RIGHTS.items():
        if table not in without:
            grant = sql.SQL("grant {} on {} to {}")
            town.database.execute(grant.format(sql.SQL(rights), sql.Identifier(table), name))
    for sequence in SEQUENCES:
        grant = sql.SQL("grant usage on sequence {} to {}")
        town.database.execute(grant.format(sql.Identifier(sequence), name))
    yield name.as_string(town.database).strip('"')
    town.database.execute(sql.SQL("drop owned by {}; drop role {}").format(name, name))


CACHES = ("lago_customers", "lago_subscriptions")
EXTRAS = ("auth_audit", "devices", "issued_cards", "reservations")


@pytest.fixture(params=[(), CACHES, EXTRAS], ids=["as advised", "without the caches", "without the extras"])
def limited(town: Town, settings: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    """We come as a role with few rights."""
    for name in role(town, request.param):
        settings.POLARIS_DATABASE_URL = as_role(settings.POLARIS_DATABASE_URL, name)
        yield name


def as_role(address: str, name: str) -> str:
    """Log in as whom the tests are, and be another from then on: the server may ask for other passwords."""
    parts = urlsplit(address)
    query = "&".join([part for part in (parts.query, f"options=-crole%3D{name}") if part])
    return parts._replace(query=query).geturl()


def test_the_role_suffices_from_import_to_revert(town: Town, limited: str) -> None:
    card(town, user(town, email="Customer1@Example.com"), is_active=False)
    town.add_tag("FLEET")
    town.add_tag("TAG0002", parentIdTag="FLEET")

    plan = planned(rows(3), skip_existing=True)
    report = imported(rows(3), skip_existing=True)
    run = run_of(report)
    town.platform.sync()

    assert (plan.plan.fails, report.status, divergences(run)) == (False, "succeeded", [])
    assert {town.limits()[name] for name in (TAG, "TAG0002", "TAG0003")} == {-1}
    assert reverted(run).status == "reverted"
    assert [one[0] for one in users(town)] == [E]


def test_caches_that_it_may_clear_and_not_read_are_left_alone(town: Town, settings: Any) -> None:
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        for table in CACHES:
            town.database.execute(f"revoke select on {table} from {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        assert imported(rows(1)).status == "succeeded"


# --- What an earlier revert left in the caches ---------------------------------------------------------


def _reverted_before(town: Town, given: Any) -> None:
    """The platform knew them from a run that was reverted, and marked them as deleted."""
    run = run_of(imported(given))
    town.platform.sync()
    assert reverted(run).status == "reverted"
    town.platform.sync()


def _marked(town: Town) -> list[tuple[str]]:
    return town.rows(
        "select external_id from lago_customers where deleted_at is not null union all"
        " select external_id from lago_subscriptions where deleted_at is not null order by 1"
    )


def _remarks(file: Any, given: Any, *options: str) -> tuple[int, list[dict[str, Any]]]:
    file.write_text(csv_text(given))
    more = ("--skip-existing", "--format", "json", *options)
    code, out, _ = manage("backfill_customers", "--input", str(file), *more)
    return code, json.loads(out)["settling_in"]["remarks"]


def test_hidden_customers_are_named_with_the_statement_that_shows_them_again(
    town: Town, settings: Any, tmp_path: Any
) -> None:
    given = [row(1), row(2, external_id="O'Neill")]
    _reverted_before(town, [*given, row(3)])
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        for table in CACHES:
            town.database.execute(f"revoke delete on {table} from {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        code, remarks = _remarks(tmp_path / "customers.csv", given)
        statements = [one["remedy"].partition("run: ")[2] for one in remarks]
        for statement in statements:
            town.database.execute(statement.encode())
        town.platform.sync()
        after = _remarks(tmp_path / "customers.csv", given)

    assert (code, [(one["code"], one["number"]) for one in remarks]) == (0, [("cache_hides", 2)] * 2)
    assert statements[0] == (
        "DELETE FROM lago_customers WHERE deleted_at IS NOT NULL AND external_id IN ('C-1', 'O''Neill');"
    )
    assert "'backfill-C-1'" in statements[1]
    assert _marked(town) == [("C-3",), ("backfill-C-3",)]
    assert town.rows("select external_id from lago_customers where deleted_at is null order by 1") == [
        ("C-1",),
        ("O'Neill",),
    ]
    assert after == (0, [])


def test_a_role_that_may_not_look_is_told_what_clears_all_that_could_hide(
    town: Town, settings: Any, tmp_path: Any
) -> None:
    _reverted_before(town, rows(2))
    address = settings.POLARIS_DATABASE_URL
    for name in role(town, CACHES):
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        code, remarks = _remarks(tmp_path / "customers.csv", rows(1))
        for one in remarks:
            town.database.execute(one["remedy"].partition("run: ")[2].encode())

    assert (code, [one["code"] for one in remarks]) == (0, ["cache_unseen"] * 2)
    assert _marked(town) == [("C-2",), ("backfill-C-2",)]


def test_who_does_not_wait_is_told_of_hidden_customers_too(town: Town, settings: Any, tmp_path: Any) -> None:
    _reverted_before(town, rows(1))
    town.platform.stop_worker()
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        town.database.execute(f"revoke delete on lago_customers from {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        _, remarks = _remarks(tmp_path / "customers.csv", rows(1), "--no-wait")

    assert [(one["code"], one["examples"]) for one in remarks] == [("cache_hides", ["C-1"])]


def test_of_very_many_the_statement_finds_the_ids_itself() -> None:
    few = Hidden("lago_customers", ["C-1"])
    many = Hidden("lago_customers", [f"C-{number}" for number in range(NAMED + 1)])

    assert "('C-1')" in few.statement
    assert "(SELECT lago_customer_external_id FROM users)" in many.statement


def test_cards_in_order_are_called_so_whatever_the_caches_hide(
    town: Town, settings: Any, tmp_path: Any
) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(csv_text(rows(1)))
    address = settings.POLARIS_DATABASE_URL
    for name in role(town, CACHES):
        settings.POLARIS_DATABASE_URL = as_role(address, name)

        code, out, _ = manage("backfill_customers", "--input", str(file))

    said = " ".join(out.split())
    assert (code, "all cards are as they should be" in said) == (0, True)
    assert "our role may not look whether any do. Have the owner" in said


def test_the_role_suffices_where_a_card_has_billed(town: Town, limited: str) -> None:
    run = run_of(imported(rows(1)))
    town.platform.sync()
    town.charge(TAG)
    town.platform.sync()

    undone = reverted(run, discard_activity=True)

    assert undone.status == "reverted"
    assert [one[2:4] for one in cards(town)] == [(None, False)]


def test_the_role_is_the_one_that_works(town: Town, limited: str, settings: Any) -> None:
    database = PlatformDatabase(settings.POLARIS_DATABASE_URL)

    try:
        assert database.read("select current_user") == [(limited,)]
    finally:
        database.close()


def test_a_right_that_is_needed_and_missing_is_told_and_nothing_is_half_done(
    town: Town, settings: Any
) -> None:
    address = settings.POLARIS_DATABASE_URL
    for name in role(town):
        town.database.execute(f"revoke insert on user_mappings from {name}".encode())
        settings.POLARIS_DATABASE_URL = as_role(address, name)
        failed = imported(rows(1))
        settings.POLARIS_DATABASE_URL = address

    again = imported(rows(1))

    assert (failed.status, again.status) == ("failed", "succeeded")
    assert [one[2:] for one in cards(town)] == [(E, True, KEY)]
