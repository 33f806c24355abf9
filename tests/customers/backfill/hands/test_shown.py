"""A run in shares as people meet it: at the terminal, on its page, in the console; and what is forgotten."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from customers import jobs, queueing
from customers.backfill import control
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.following import Follower, follow
from customers.backfill.ledger import life, shares
from customers.jobs import hands
from customers.models import BackfillRun, BackfillUpload, RunLogPart, RunShare, SharedRun, WorkerSeen
from customers.terminal import handing
from customers.terminal.output import TerminalProgress
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import (
    EVERYTHING,
    client_of,
    customers_csv,
    member_of_staff,
    queued,
    run_url,
    text_of,
)  # fmt: skip
from tests.customers.backfill.hands.working import run_of, shared_out
from tests.customers.commands import Answer, as_json

pytestmark = pytest.mark.django_db


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers, who come as soon as they are called: here and now."""
    WorkerSeen.objects.bulk_create([WorkerSeen(name=f"machine:{number}") for number in range(2)])

    def wake(task: str, *args: Any) -> bool:
        if task == hands.TASK:
            jobs.lend_a_hand(*args)
        return True

    monkeypatch.setattr(queueing, "wake", wake)


def file_of(folder: Path, number: int) -> Path:
    path = folder / "customers.csv"
    path.write_text(factories.csv_text(factories.rows(number)))
    return path


# --- at the terminal ---------------------------------------------------------------------------------


def test_an_import_by_workers_says_what_one_here_says(workers: None, lago: Sandbox, tmp_path: Path) -> None:
    path = file_of(tmp_path, 3)
    planned = as_json(path, "--dry-run").json

    answer = as_json(path, "--workers")

    assert (answer.code, _of_both(answer)["status"]) == (0, "succeeded")
    assert [row["steps"] for row in answer.json["rows"]] == [dict.fromkeys(factories.ALL, "created")] * 3
    assert [row["first_invoice"] for row in answer.json["rows"]] == [
        row["first_invoice"] for row in planned["rows"]
    ]
    assert Path(answer.json["log"]).read_text().count(" line=") == 3
    assert "Importing: 3 of 3 (100 %)" in answer.err


def _of_both(answer: Answer) -> dict[str, Any]:
    return {"status": answer.json["status"], "counts": answer.json["counts"]}


def test_nothing_is_written_where_no_worker_is(lago: Sandbox, tmp_path: Path) -> None:
    path = file_of(tmp_path, 3)

    alone, looking = as_json(path, "--workers"), as_json(path, "--workers", "--dry-run")

    assert (alone.code, looking.code) == (2, 2)
    assert "No worker is there to do the run." in alone.err
    assert not BackfillRun.objects.exists()


class Typed(io.StringIO):
    """A terminal at which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "leaves"), [("l\n", True), ("what?\ns\n", False), ("", True)])
def test_whoever_interrupts_is_asked_what_is_to_become_of_the_run(
    typed: str, leaves: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed))

    assert handing._leaves(TerminalProgress(io.StringIO())) is leaves


@pytest.mark.parametrize(("leaves", "status"), [(True, "running"), (False, "interrupted")])
def test_a_run_is_left_to_the_workers_or_stopped(lago: Sandbox, leaves: bool, status: str) -> None:
    report, stop = shared_out(factories.rows(5)), Stop()
    stop.request("SIGINT", interrupted=True)
    who = Follower(
        actor="cli:tester", log_dir=settings.BACKFILL_LOG_DIR, stop=stop, progress=Progress(),
        look_after=jobs.look_after, leaves=lambda: leaves,
    )  # fmt: skip

    followed = follow(report, who)

    assert (followed.status, followed.interrupted) == (status, True)
    assert SharedRun.objects.exists() is leaves


def test_who_is_at_what_is_shown(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    shares.claim(run.pk, uuid4(), "machine:7")
    client = client_of(member_of_staff(*EVERYTHING))

    told = io.StringIO()
    call_command("backfill_runs", run.run_id, stdout=told)
    page = text_of(client.get(run_url(run)))

    assert "machine:7: lines 2 to 6, 0 of 5 rows" in told.getvalue()
    assert "machine:7: lines 2 to 6, 0 of 5 rows" in page


def test_its_log_can_be_downloaded_before_it_is_a_file(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    url = reverse("admin:customers_backfillrun_file", args=[run.pk, "log"])

    answer = client_of(member_of_staff(*EVERYTHING)).get(url)

    assert b"".join(answer.streaming_content).count(b"file=customers.csv sha256=") == 1  # type: ignore[attr-defined]


# --- from the console --------------------------------------------------------------------------------


def test_an_import_of_the_console_is_shared_out_among_workers(workers: None, lago: Sandbox) -> None:
    run = queued(client_of(member_of_staff(*EVERYTHING)), customers_csv(3))

    ended = jobs.import_run(run.pk)

    run.refresh_from_db()
    assert (ended, run.status) == ("done", "succeeded")
    assert RunLogPart.objects.filter(run=run).exists()
    assert not BackfillUpload.objects.exists()


# --- stopped where nobody is, and forgotten ----------------------------------------------------------


def test_a_run_at_which_nobody_is_can_be_stopped(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))

    told = control.stop(run, actor="cli:boss")

    run.refresh_from_db()
    assert told == f"The run {run.run_id} is stopped. The same file continues it."
    assert run.status == "interrupted"
    assert not RunShare.objects.exists()


def test_what_the_file_said_is_forgotten_of_a_run_that_was_paused_for_long(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    control.pause(run, actor="cli:boss")
    hands.sweep()
    kept = SharedRun.objects.exists()

    BackfillRun.objects.update(paused_at=timezone.now() - timedelta(hours=25))
    hands.sweep()

    assert kept
    assert not SharedRun.objects.exists()
    assert not RunShare.objects.exists()


def test_what_the_file_said_is_forgotten_of_a_run_that_was_ended_while_it_was_paused(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5)))
    control.pause(run, actor="cli:boss")
    run.refresh_from_db()
    life.ask_to_stop(run, actor="cli:boss")

    hands.sweep()

    assert not RunShare.objects.exists()
