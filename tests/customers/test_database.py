"""What keeps PostgreSQL from doing its work is one line with what to do: in commands, web and worker."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import load_command_class
from django.db import OperationalError, ProgrammingError, connection
from django.test import Client

from customers import tasks
from customers.database import TROUBLES, trouble_of
from customers.models import BackfillRun
from customers.terminal.base import BackfillCommand
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff
from tests.customers.commands import as_json, command
from tests.customers.factories import csv_text, rows
from tests.support.database import reached

pytestmark = pytest.mark.django_db(transaction=True)

READ_ONLY = {"OPTIONS": {"options": "-c default_transaction_read_only=on"}}
GO_ON = "Nothing is lost: run the same command again to continue."


@pytest.fixture
def path(lago: Sandbox, tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_text(rows(12)).encode())
    return path


@contextmanager
def failing(state: str, table: str, *, after: int = 0, on: str = "UPDATE") -> Iterator[None]:
    """Have PostgreSQL fail at a table, as with a full disk, after some statements."""
    run(
        "CREATE SEQUENCE tried; CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF nextval('tried') > {after} THEN RAISE EXCEPTION 'erika@example.com' USING ERRCODE = '{state}';"
        " END IF; RETURN NULL; END $$;"
        f"CREATE TRIGGER fails BEFORE {on} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fails()"
    )
    try:
        yield
    finally:
        run("DROP FUNCTION fails CASCADE; DROP SEQUENCE tried")


@contextmanager
def role(rights: str) -> Iterator[str]:
    run(f"DROP ROLE IF EXISTS polaris_weak; CREATE ROLE polaris_weak LOGIN {rights}")
    try:
        yield "polaris_weak"
    finally:
        run("DROP ROLE polaris_weak")


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


# --- commands ----------------------------------------------------------------------------------------


def test_a_database_that_takes_no_writes_is_told_so(path: Path) -> None:
    with reached(**READ_ONLY):
        answer = command(path)

    assert answer.code == 2
    assert answer.err.splitlines()[-1].startswith("The database takes no writes: it is a standby")
    assert not BackfillRun.objects.exists()
    assert "Traceback" not in answer.err


def test_what_breaks_off_before_a_run_begins_could_not_start(lago: Sandbox, path: Path) -> None:
    """The rows are staged in the transaction that begins the run: with it, it goes."""
    with failing("53100", "customers_backfillstep", on="INSERT"):
        answer = as_json(path)

    assert (answer.code, answer.json["status"]) == (2, "could_not_start")
    assert "The disk of PostgreSQL is full." in answer.err
    assert not BackfillRun.objects.exists()


def test_a_role_without_rights_and_too_many_connections_are_refused_at_the_start(path: Path) -> None:
    with role("") as name, reached(USER=name):
        without = command(path)
    with role("CONNECTION LIMIT 0") as name, reached(USER=name):
        too_many = command(path)

    assert without.code == too_many.code == 2
    assert without.err.startswith("The role of DATABASE_URL lacks a right in the database. Make it the owner")
    assert "it takes no more connections. Raise max_connections there" in too_many.err


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("53100", "The disk of PostgreSQL is full. Make room there."),
        ("57014", "PostgreSQL ended a statement that took too long."),
        ("55P03", "PostgreSQL gave up over what somebody else holds"),
        ("57P01", "PostgreSQL no longer answers. It was stopped"),
    ],
)
def test_what_breaks_off_on_the_way_is_named_in_text_and_in_json(
    lago: Sandbox, path: Path, state: str, words: str
) -> None:
    with failing(state, "customers_backfillstep", after=2):
        stopped = as_json(path, "--batch-size", "4", "--concurrency", "1")
    again = as_json(path)

    run_id = BackfillRun.objects.get().run_id
    assert stopped.code == 1
    assert (stopped.json["status"], stopped.json["run_id"]) == ("stopped_on_the_way", run_id)
    (problem,) = stopped.json["problems"]
    assert problem["code"] == "stopped_on_the_way"
    assert words in f"{problem['message']} {problem['hint']}"
    assert words in stopped.err
    assert stopped.err.rstrip().endswith(GO_ON)
    assert "erika" not in stopped.err + stopped.out
    assert (again.code, again.json["status"]) == (0, "succeeded")
    assert len(lago.state()["subscriptions"]) == 12


@pytest.mark.parametrize("name", [
    "backfill_cards", "backfill_control", "backfill_customers", "backfill_preflight", "backfill_reconcile",
    "backfill_repair", "backfill_revert", "backfill_runs", "backfill_verify", "backfill_welcome",
])  # fmt: skip
@pytest.mark.parametrize("end", ["database", "ctrl_c"])
def test_each_command_writes_its_document_however_it_ends(
    name: str, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = OperationalError("erika@example.com")
    lost.__cause__ = psycopg.errors.AdminShutdown("erika@example.com")
    error = lost if end == "database" else KeyboardInterrupt()

    def breaks_off(self: BackfillCommand, **options: Any) -> int:
        raise error

    ours = load_command_class("customers", name)
    monkeypatch.setattr(type(ours), "work", breaks_off)
    out, err = io.StringIO(), io.StringIO()
    ours.stdout._out, ours.stderr._out = out, err
    with pytest.raises(SystemExit) as code:
        ours.handle(format="json", run_id="20261122-170501-7f3a")

    document = json.loads(out.getvalue())
    expected = {"database": (1, "stopped_on_the_way"), "ctrl_c": (130, "interrupted")}
    assert (code.value.code, document["status"]) == expected[end]
    assert document["run_id"] == "20261122-170501-7f3a"
    assert document["problems"][0]["hint"]


# --- web and worker ----------------------------------------------------------------------------------


def test_a_page_says_it_in_a_line() -> None:
    client = client_of(member_of_staff(*EVERYTHING))
    client.raise_request_exception = False
    run("ALTER TABLE customers_backfillrun RENAME TO elsewhere")
    try:
        answer = client.get("/admin/customers/backfillrun/")
    finally:
        run("ALTER TABLE elsewhere RENAME TO customers_backfillrun")

    assert answer.status_code == 503
    assert "The database has no such table yet: run `manage.py migrate` first." in answer.content.decode()


def test_a_stranger_is_told_nothing_of_the_database(client: Client) -> None:
    client.raise_request_exception = False
    client.cookies["sessionid"] = "a" * 32
    with reached(NAME="not_there"):
        answer = client.get("/admin/")

    assert answer.status_code == 503
    assert "not_there" not in answer.content.decode()
    assert "The database cannot be used" in answer.content.decode()


def test_the_worker_logs_a_line_and_lets_the_sweep_come_back(
    lago: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with reached(**READ_ONLY), caplog.at_level(logging.ERROR, "customers.tasks"):
        answers = [tasks.tell(), tasks.sweep()]

    assert "database" in answers
    (line,) = [record.getMessage() for record in caplog.records if record.name == "customers.tasks"]
    assert line.startswith("sweep was not done: The database takes no writes")


# --- the table ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [state for state in TROUBLES if len(state) == 5])
def test_each_code_is_found_and_says_what_to_do(state: str) -> None:
    error = OperationalError("erika@example.com")
    error.__cause__ = psycopg.errors.lookup(state)()

    trouble = trouble_of(error)

    assert trouble is not None
    assert TROUBLES[state] == (trouble.what, trouble.remedy)
    assert trouble.remedy


def test_a_fault_of_ours_is_no_trouble_of_the_database() -> None:
    for ours in (psycopg.errors.UniqueViolation(), psycopg.errors.SyntaxError()):
        error = ProgrammingError("ours")
        error.__cause__ = ours

        assert trouble_of(error) is None
