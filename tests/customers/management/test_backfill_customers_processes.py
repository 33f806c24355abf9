"""`backfill_customers` as real processes: signals, two at once, a terminal, a wrong environment."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.commands import Answer, command, environment, manage, started
from tests.customers.factories import csv_text, rows
from tests.polaris_backfill.processes import ROOT

PATIENCE_S = 60.0


@pytest.fixture
def variables(lago: Sandbox, database_url: str, tmp_path: Path) -> dict[str, str]:
    return environment(lago, tmp_path / "logs", database_url)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_text(rows(30)).encode())
    return path


def importing(path: Path, *arguments: str) -> list[str]:
    return ["backfill_customers", "--input", str(path), "--batch-size", "4", "--concurrency", "2", *arguments]


def all_there_once(lago: Sandbox) -> None:
    state = lago.state()
    assert len(state["customers"]) == len(state["subscriptions"]) == 30
    assert User.objects.count() == IdTagMapping.objects.filter(is_active=True).count() == 30
    assert lago.journal() == {"invoices": [], "credit_notes": []}


# --- Signals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight_and_the_next_run_the_rest(
    lago: Sandbox, variables: dict[str, str], path: Path, number: signal.Signals
) -> None:
    lago.fault("pause_before,method=POST,path=/subscriptions,nth=5")
    with started(variables, *importing(path)) as running:
        lago.wait_held(PATIENCE_S)
        running.signal(number)
        running.says("Stopping")
        lago.release()
        first = running.answer()

    run = BackfillRun.objects.get()
    done = run.rows.filter(outcome="created").count()
    second = command(path)

    assert first.code == 130
    assert (run.status, run.reason) == ("interrupted", number.name)
    assert "To continue it: python manage.py backfill_customers" in first.err
    assert 0 < done < 30
    assert (second.code, BackfillRun.objects.get().status) == (0, "succeeded")
    all_there_once(lago)


def test_a_second_signal_ends_it_at_once_and_the_next_run_settles_the_doubt(
    lago: Sandbox, variables: dict[str, str], path: Path
) -> None:
    lago.fault("pause_after,method=POST,path=/customers,nth=5")
    with started(variables, *importing(path)) as running:
        lago.wait_held(PATIENCE_S)
        running.signal(signal.SIGINT)
        running.says("Stopping")
        running.signal(signal.SIGINT)
        first = running.answer()
        still_held = lago.wait_held(PATIENCE_S)

    run = BackfillRun.objects.get()
    lago.clear_faults()
    second = command(path)

    assert (first.code, run.status) == (130, "running")
    assert len(still_held) == 1  # Lago had not answered yet
    assert "Stopped at once" in first.err
    assert "Traceback" not in first.err
    assert (second.code, BackfillRun.objects.get().status) == (0, "succeeded")
    all_there_once(lago)


def test_a_dry_run_ends_at_the_first_signal(lago: Sandbox, variables: dict[str, str], path: Path) -> None:
    lago.fault("pause_before,method=GET,path=/subscriptions")
    with started(variables, *importing(path, "--dry-run", "--format", "json")) as running:
        lago.wait_held(PATIENCE_S)
        running.signal(signal.SIGINT)
        answer = running.answer()

    assert (answer.code, answer.json["status"]) == (130, "interrupted")
    assert lago.counts()["GET /subscriptions"] == 1  # it gave the call up; it did not wait for its time-out
    assert "Traceback" not in answer.err


# --- Two at once -------------------------------------------------------------------------------------


def test_a_second_import_is_refused_at_once_and_the_first_goes_on(
    lago: Sandbox, variables: dict[str, str], path: Path
) -> None:
    lago.fault("pause_before,method=POST,nth=3")
    with started(variables, *importing(path)) as running:
        lago.wait_held(PATIENCE_S)
        second = command(path)
        preview = command(path, "--dry-run")
        lago.release()
        first = running.answer()

    assert second.code == 2  # while the first was held
    assert "Another import or revert is running." in second.err
    assert preview.code == 0
    assert first.code == 0
    all_there_once(lago)


# --- A database that goes away -----------------------------------------------------------------------


def test_a_lost_database_ends_the_run_which_can_be_continued(
    lago: Sandbox, variables: dict[str, str], path: Path
) -> None:
    lago.fault("pause_before,method=POST,path=/subscriptions,nth=5")
    with started(variables, *importing(path)) as running:
        lago.wait_held(PATIENCE_S)
        end_other_sessions()
        lago.release()
        first = running.answer()

    second = command(path)

    assert (first.code, first.out) == (1, "")
    assert "PostgreSQL no longer answers." in first.err
    assert "Traceback" not in first.err
    assert second.code == 0
    all_there_once(lago)


def end_other_sessions() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


# --- A terminal --------------------------------------------------------------------------------------


def on_terminal(variables: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run a command with a terminal of its own; give its exit code and all that was drawn."""
    ours, theirs = pty.openpty()
    line = [sys.executable, str(ROOT / "manage.py"), *arguments]
    env = {**variables, "TERM": "xterm-256color", "COLUMNS": "120"}
    with subprocess.Popen(line, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        drawn = bytearray()
        with suppress(OSError):  # this is how a terminal says that nobody is left
            while block := os.read(ours, 65536):
                drawn += block
        os.close(ours)
        return process.wait(PATIENCE_S), drawn.decode()


def test_a_terminal_gets_a_bar_and_colours(lago: Sandbox, variables: dict[str, str], path: Path) -> None:
    code, drawn = on_terminal(variables, *importing(path))

    assert code == 0
    assert "━" in drawn
    assert "30/30" in drawn
    assert "\x1b[" in drawn
    assert "\x1b[?25h" in drawn  # the cursor is back
    assert "Importing: 3 of 30" not in drawn


def test_a_pipe_gets_plain_text(lago: Sandbox, variables: dict[str, str], path: Path) -> None:
    answer = manage(variables, *importing(path))

    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert "30 created" in answer.out
    assert "Importing: 30 of 30 (100 %)" in answer.err


# --- An environment that is wrong --------------------------------------------------------------------


def refused(answer: Answer, words: str) -> None:
    assert answer.code == 2
    assert answer.out == ""
    assert words in answer.err
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://polaris:hunter2@127.0.0.1:1/polaris", "DATABASE_URL"),
        ("mysql://127.0.0.1/polaris", "DATABASE_URL must name a PostgreSQL database"),
    ],
)
def test_a_database_that_cannot_be_used(
    lago: Sandbox, variables: dict[str, str], path: Path, url: str, words: str
) -> None:
    answer = manage(variables | {"DATABASE_URL": url}, *importing(path, "--dry-run"))

    refused(answer, words)
    assert "hunter2" not in answer.err


@pytest.fixture
def empty_database(database_url: str) -> Iterator[str]:
    name = connection.settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}_empty" TEMPLATE template0')
        try:
            yield database_url.replace(f"/{name}", f"/{name}_empty")
        finally:
            cursor.execute(f'DROP DATABASE "{name}_empty" WITH (FORCE)')


def test_a_database_without_tables(variables: dict[str, str], path: Path, empty_database: str) -> None:
    answer = manage(variables | {"DATABASE_URL": empty_database}, *importing(path, "--dry-run"))

    refused(answer, "migrate")


def test_a_key_that_is_not_set(lago: Sandbox, variables: dict[str, str], path: Path) -> None:
    refused(
        manage(variables | {"LAGO_API_KEY": ""}, *importing(path, "--dry-run")), "LAGO_API_KEY is not set"
    )


def test_no_input_is_a_wrong_call(variables: dict[str, str]) -> None:
    answer = manage(variables, "backfill_customers")

    assert answer.code == 2
    assert "--input" in answer.err


# --- Who reads it --------------------------------------------------------------------------------------


def test_a_reader_who_has_heard_enough_is_no_fault(variables: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(csv_text(rows(1000)).encode())  # more than a pipe holds
    line = ["backfill_customers", "--input", str(path), "--dry-run", "--format", "json"]

    with subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), *line],
        env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read().decode()

    assert process.returncode == 1
    assert "Traceback" not in told
    assert "BrokenPipe" not in told


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_terminal_that_cannot_show_a_name_ends_nothing(
    variables: dict[str, str], tmp_path: Path, form: str
) -> None:
    path = tmp_path / "łódź.csv"
    path.write_bytes(csv_text(rows(1)).encode())

    answer = subprocess.run(
        [
            sys.executable, str(ROOT / "manage.py"),
            "backfill_customers", "--input", str(path), "--dry-run", "--format", form,
        ],
        env={**variables, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}, capture_output=True, check=False,
    )  # fmt: skip

    assert answer.returncode == 0
    if form == "json":
        assert json.loads(answer.stdout)["input"]["name"] == "łódź.csv"
    else:
        assert b"\\u0142\\xf3d\\u017a.csv" in answer.stdout
