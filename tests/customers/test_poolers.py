"""A real PgBouncer between us and PostgreSQL: by session all is well, by transaction nobody works."""

import io
import threading
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from psycopg import conninfo

from customers import locks, poolers
from customers.backfill.engine.apply import Importer
from customers.backfill.ledger import at_work
from customers.backfill.ledger.at_work import only_one
from customers.backfill.notices import delivering
from customers.backfill.preflight import Asked
from customers.backfill.preflight.finding import State
from customers.backfill.preflight.ours import database
from customers.backfill.revert.reverter import Reverter
from customers.backfill.welcome import start_campaign
from customers.backfill.welcome.sending import Ended, send_campaign
from customers.jobs import ask, import_run, run_job
from customers.models import BackfillRun, RunJob, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    confirm,
    customers_csv,
    member_of_staff,
    preview_of,
)
from tests.customers.commands import Answer, command, environment, manage, started
from tests.customers.factories import csv_text, rows
from tests.customers.imported_runs import make_run
from tests.support.database import reached
from tests.support.pgbouncer import pgbouncer
from tests.support.processes import wait_for

WHY = "leads through a pooler that gives each transaction another session"
HOW = "pool_mode = session"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_text(rows(30)).encode())
    return path


def behind(url: str) -> dict[str, Any]:
    way = conninfo.conninfo_to_dict(url)
    return {"HOST": way["host"], "PORT": way["port"], "OPTIONS": {}}


def locks_left(database_url: str) -> int:
    """Count the locks in this database; beside it on the server are those of other tests."""
    with psycopg.connect(database_url) as direct:
        here = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        advisory = f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {here}"
        left = direct.execute(advisory).fetchone()
        return int(left[0]) if left else -1


# --- commands ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_an_import_over_a_pooler_by_less_than_sessions_is_refused_and_nothing_is_written(
    lago: Sandbox, database_url: str, tmp_path: Path, path: Path, mode: str
) -> None:
    with pgbouncer(database_url, mode) as url:
        answer = manage(environment(lago, tmp_path / "logs", url), "backfill_customers", "--input", str(path))

        assert answer.code == 2
        assert WHY in answer.err
        assert HOW in answer.err
        assert "Traceback" not in answer.err
        assert locks_left(database_url) == 0
    assert not BackfillRun.objects.exists()
    assert not User.objects.exists()
    assert not lago.state()["customers"]


@pytest.mark.parametrize("of", [Importer, Reverter], ids=["import", "revert"])
def test_it_is_also_refused_where_sessions_are_given_in_turn(
    lago: Sandbox, database_url: str, path: Path, of: type[Any]
) -> None:
    if of is Reverter:
        assert command(path).code == 0
    with pgbouncer(database_url, "transaction", round_robin=True) as url, reached(**behind(url)):
        answer = work(of, path)

        assert answer.code == 2
        assert WHY in answer.out + answer.err
        assert locks_left(database_url) == 0
    assert len(lago.state(live=True)["subscriptions"]) == (30 if of is Reverter else 0)


def test_over_a_pooler_by_session_all_is_as_usual(lago: Sandbox, database_url: str, path: Path) -> None:
    with pgbouncer(database_url, "session") as url, reached(**behind(url)):
        codes = [work(of, path).code for of in (Importer, Reverter)]

        assert locks_left(database_url) == 0
    assert codes == [0, 0]


@pytest.mark.matrix
def test_over_a_pooler_by_session_a_second_import_waits_its_turn(
    lago: Sandbox, database_url: str, tmp_path: Path, path: Path
) -> None:
    lago.fault("pause_before,method=POST,path=/customers,nth=3")
    with pgbouncer(database_url, "session") as url:
        variables = environment(lago, tmp_path / "logs", url)
        with started(variables, "backfill_customers", "--input", str(path)) as first:
            lago.wait_held(60)
            second = manage(variables, "backfill_customers", "--input", str(path))
            lago.release()
            answer = first.answer()

    assert second.code == 2
    assert "Another import or revert is running" in second.err
    assert (answer.code, BackfillRun.objects.get().status) == (0, "succeeded")


# --- in the middle of it -----------------------------------------------------------------------------


def before_the_second_batch(monkeypatch: pytest.MonkeyPatch, of: type[Any], do: Callable[[], object]) -> None:
    opened, calls = of._open, count(1)

    def once_more(self: Any, rows: Any) -> Any:
        if next(calls) == 2:
            do()
        return opened(self, rows)

    monkeypatch.setattr(of, "_open", once_more)


def take_the_session(other: "psycopg.Connection[Any]") -> None:
    """Begin a transaction in it, and end that a moment later: a session that is idle can be ended."""
    other.execute("SELECT 1")
    threading.Timer(0.5, other.rollback).start()


@pytest.mark.parametrize(
    ("of", "halfway", "whole"),
    [(Importer, "failed", "succeeded"), (Reverter, "reverting", "reverted")],
    ids=["import", "revert"],
)
def test_a_session_that_is_lost_on_the_way_ends_the_work_cleanly(
    lago: Sandbox,
    database_url: str,
    path: Path,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    of: type[Any],
    halfway: str,
    whole: str,
) -> None:
    """At the start each transaction comes to the same session; then somebody else is given it."""
    settings.BACKFILL_BATCH_SIZE = 5
    if of is Reverter:
        assert command(path).code == 0
    with pgbouncer(database_url, "transaction") as url, reached(**behind(url)), psycopg.connect(url) as other:
        with monkeypatch.context() as patched:
            patched.setattr(locks, "is_handed_around", lambda: False)
            before_the_second_batch(patched, of, partial(take_the_session, other))
            first = work(of, path)

        assert first.code == 1
        assert "lets only one import or revert run is not ours any more" in first.out + first.err
        wait_for(lambda: locks_left(database_url) == 0)  # PostgreSQL takes a moment to end a session
    assert BackfillRun.objects.get().status == halfway

    again = work(of, path)

    assert (again.code, BackfillRun.objects.get().status) == (0, whole)
    assert len(lago.state(live=True)["subscriptions"]) == (30 if of is Importer else 0)


def work(of: type[Any], path: Path) -> Answer:
    if of is Importer:
        return command(path)
    out, code = io.StringIO(), 0
    try:
        run_id = BackfillRun.objects.get().run_id
        call_command("backfill_revert", "--run-id", run_id, "--noinput", stdout=out, stderr=out)
    except SystemExit as end:
        code = int(str(end.code))
    return Answer(code, out.getvalue(), "")


# --- the worker --------------------------------------------------------------------------------------


def test_a_worker_refuses_what_it_could_not_be_the_only_one_at(lago: Sandbox, database_url: str) -> None:
    client = client_of(member_of_staff(*EVERYTHING))
    confirm(client, preview_of(client, customers_csv(3)))
    queued = BackfillRun.objects.get()
    run = make_run(customers=2)
    job = ask(run, RunJob.Kind.REVERT, "console:anna")
    started = start_campaign(run, "console:anna")
    assert started.campaign is not None
    with pgbouncer(database_url, "transaction") as url, reached(**behind(url)):
        import_run(queued.pk)
        run_job(job.pk)
        ended = send_campaign(started.campaign.pk)
        told = delivering.deliver_due()

        assert locks_left(database_url) == 0
    for one in (queued, job, started.campaign):
        one.refresh_from_db()
    assert (queued.status, job.status, started.campaign.status) == ("interrupted", "refused", "paused")
    for reason in (queued.reason, job.reason, started.campaign.reason):
        assert WHY in reason
        assert HOW in reason
    assert (ended, told) == (Ended.PAUSED, False)


# --- others ------------------------------------------------------------------------------------------


def test_the_preflight_tells_one_pooler_from_the_other(database_url: str) -> None:
    answers = [database(Asked())]
    for mode in ("session", "transaction", "statement"):
        with pgbouncer(database_url, mode) as url, reached(**behind(url)):
            answers.append(database(Asked()))

    assert [answer.state for answer in answers] == [State.OK, State.OK, State.STOP, State.STOP]


def test_the_preflight_stops_at_a_database_that_takes_no_writes(database_url: str) -> None:
    with reached(OPTIONS={"options": "-c default_transaction_read_only=on"}):
        told = database(Asked())

    assert (told.state, "takes no writes" in told.found) == (State.STOP, True)


def test_a_pooler_without_a_session_to_spare_is_given_the_benefit_of_the_doubt(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poolers, "PATIENCE_S", 0.2)
    with pgbouncer(database_url, "session", sessions=1) as url, reached(**behind(url)), only_one():
        assert at_work.is_busy()

    assert locks_left(database_url) == 0
