"""A database that cannot be used is one line, a bug is not."""

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, ProgrammingError, connection

from polaris_backfill import startup
from tests.polaris_backfill.processes import PRODUCTION, manage


def wrapped(kind: type[DatabaseError], cause: psycopg.Error) -> DatabaseError:
    error = kind("as Django wraps it")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgres://polaris:hunter2@nowhere.invalid/polaris", "there is no such host"),
        ("postgres:///polaris?host=/nowhere", "nothing answers there"),
    ],
)
def test_where_there_is_no_database_the_line_says_why(url, why):
    outcome = manage("migrate", **{**PRODUCTION, "DATABASE_URL": url})

    assert outcome.returncode == 2
    assert outcome.stderr.startswith("DATABASE_URL: no connection to database 'polaris' at ")
    assert outcome.stderr.endswith(f": {why}.\n")
    assert outcome.stderr.count("\n") == 1


def test_an_unknown_database_is_one_line(database_url):
    elsewhere = database_url.replace(connection.settings_dict["NAME"], "not_there")

    outcome = manage("migrate", **{**PRODUCTION, "DATABASE_URL": elsewhere})

    assert outcome.returncode == 2
    assert outcome.stderr.endswith(": it knows no such database.\n")
    assert outcome.stderr.count("\n") == 1


def test_a_database_without_tables_asks_for_migrate(capsys):
    missing = wrapped(ProgrammingError, psycopg.errors.UndefinedTable("relation does not exist"))

    with pytest.raises(SystemExit) as end, startup.refusals_in_one_line():
        raise missing

    assert end.value.code == 2
    assert capsys.readouterr().err.count("migrate") == 1


def test_a_connection_lost_later_is_one_line_too_and_no_refusal(capsys):
    lost = wrapped(OperationalError, psycopg.OperationalError("the connection is lost"))

    with pytest.raises(SystemExit) as end, startup.refusals_in_one_line():
        raise lost

    assert (end.value.code, capsys.readouterr().err) == (1, "PostgreSQL no longer answers.\n")


def test_a_bug_is_no_fault_of_the_database():
    with pytest.raises(DatabaseError), startup.refusals_in_one_line():
        raise wrapped(DatabaseError, psycopg.errors.SyntaxError("ours"))


def test_ctrl_c_before_a_command_listens_for_it_is_one_line():
    outcome = manage("shell", "--no-imports", "--command", "raise KeyboardInterrupt", **PRODUCTION)

    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (130, "", "Stopped.\n")
