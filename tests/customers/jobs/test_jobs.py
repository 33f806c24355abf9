"""What the worker does for the admin: slices, dead workers, the sweep."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from customers import jobs, tasks
from customers.backfill import uploads as staging
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import life
from customers.jobs.on_runs import ask
from customers.jobs.slices import Slice
from customers.models import BackfillRun, BackfillUpload, RunJob, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import (
    audited,
    client_of,
    customers_csv,
    member_of_staff,
    other_session_works,
    queued,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(lago: Sandbox) -> Client:
    return client_of(member_of_staff("run_backfill"))


@pytest.fixture
def run(client: Client) -> BackfillRun:
    """A run of 60 rows in the queue, in batches of 5."""
    run = queued(client, customers_csv(60))
    BackfillUpload.objects.update(options={**run.upload.options, "batch_size": 5, "concurrency": 2})
    return run


class SliceOfRows(Slice):
    """Is over after some rows, and not after some seconds."""

    _rows = 10

    def start(self, what: str, total: int) -> None: ...

    def advance(self, number: int) -> None:
        self._rows -= number
        if self._rows <= 0:
            self._over()


def outcomes(run: BackfillRun) -> set[str]:
    return set(run.rows.values_list("outcome", flat=True))


# --- slices ------------------------------------------------------------------------------------------


def test_a_long_run_goes_on_in_the_next_task(
    run: BackfillRun, lago: Sandbox, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert jobs.import_run(run.pk, slice_of=SliceOfRows) == "more"
    run.refresh_from_db()

    assert (run.status, run.finished_at) == ("queued", None)
    assert OrmQ.objects.count() == 1
    assert "" in outcomes(run)


def test_slices_together_make_one_run(run: BackfillRun, lago: Sandbox) -> None:
    slices_needed = 1
    while jobs.import_run(run.pk, slice_of=SliceOfRows) == "more":
        slices_needed += 1

    run.refresh_from_db()
    assert slices_needed > 1
    assert run.status == "succeeded"
    assert lago.counts()["POST /customers"] == lago.counts()["POST /subscriptions"] == 60
    assert len(audited("user.created")) == 60
    assert [len(audited(f"run.{event}")) for event in ("queued", "started", "continued", "succeeded")] == [
        1, 1, 0, 1,
    ]  # fmt: skip


def test_a_stop_between_two_slices_is_heard(run: BackfillRun) -> None:
    jobs.import_run(run.pk, slice_of=SliceOfRows)

    life.ask_to_stop(BackfillRun.objects.get(), actor="staff:1")

    assert jobs.import_run(run.pk) == "nothing"
    run.refresh_from_db()
    assert run.status == "interrupted"


def test_a_stop_that_comes_with_the_end_of_a_slice_is_heard(
    run: BackfillRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody asks after the last look at it, and before the slice is closed."""

    def at_the_last_moment(closed: BackfillRun, *args: Any, **kwargs: Any) -> None:
        BackfillRun.objects.filter(pk=closed.pk).update(stop_requested=True, asked_by="cli:root")
        hand_on(closed, *args, **kwargs)

    hand_on = life.hand_on
    monkeypatch.setattr(life, "hand_on", at_the_last_moment)

    assert jobs.import_run(run.pk, slice_of=SliceOfRows) == "done"

    run.refresh_from_db()
    assert (run.status, run.reason) == ("interrupted", "stopped by cli:root")


def test_a_long_revert_goes_on_in_the_next_task(lago: Sandbox) -> None:
    report = factories.imported(factories.rows(60))
    assert report.run is not None
    job = ask(report.run, RunJob.Kind.REVERT, "staff:1")

    turns = [jobs.run_job(job.pk, slice_of=SliceOfRows)]
    while turns[-1] == "queued":
        turns.append(jobs.run_job(job.pk, slice_of=SliceOfRows))

    assert turns[-1] == "done"
    assert len(turns) > 1
    assert not User.objects.filter(role="customer").exists()
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def test_a_slice_is_ended_by_its_clock() -> None:
    stop = Stop()

    with Slice(stop, least_s=0.05) as progress:
        progress.start("Importing", 10)
        stop.sleep(60)

    assert stop.requested
    assert stop.to_be_continued


def test_a_slice_that_is_done_early_leaves_no_clock_behind() -> None:
    stop, threads = Stop(), set(threading.enumerate())

    with Slice(stop, least_s=60) as progress:
        progress.start("Importing", 10)

    assert set(threading.enumerate()) == threads
    assert not stop.requested  # as it would be if the clock had been waited for
    assert isinstance(progress, Progress)


# --- dead workers ------------------------------------------------------------------------------------


def test_a_run_whose_worker_died_is_taken_up(run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    assert jobs.import_run(run.pk) == "done"

    run.refresh_from_db()
    assert run.status == "succeeded"


def test_a_file_that_kills_its_worker_again_and_again_is_given_up(run: BackfillRun) -> None:
    BackfillUpload.objects.update(attempts=3)

    assert jobs.import_run(run.pk) == "nothing"

    run.refresh_from_db()
    assert run.status == "interrupted"
    assert "the worker died 3 times" in run.reason


def test_a_run_waits_while_another_process_works(run: BackfillRun) -> None:
    with other_session_works():
        assert jobs.import_run(run.pk) == "busy"

    run.refresh_from_db()
    assert (run.status, BackfillUpload.objects.get().attempts) == ("queued", 0)


def test_a_lago_that_is_away_interrupts_the_run_and_is_told(run: BackfillRun, lago: Sandbox) -> None:
    lago.stop()

    assert jobs.import_run(run.pk) == "refused"

    run.refresh_from_db()
    assert run.status == "interrupted"
    assert "Lago" in run.reason
    assert BackfillUpload.objects.exists()


def test_a_run_that_has_ended_is_left_alone(run: BackfillRun) -> None:
    BackfillRun.objects.update(status="succeeded")

    assert jobs.import_run(run.pk) == "nothing"
    assert not User.objects.filter(role="customer").exists()


# --- the sweep ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["queued", "running"])
def test_the_sweep_wakes_the_worker_for_runs_that_wait_or_were_left(
    run: BackfillRun, status: str, django_capture_on_commit_callbacks: Any
) -> None:
    BackfillRun.objects.update(status=status)

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()

    assert [task.task["func"] for task in OrmQ.objects.all()] == ["customers.tasks.import_run"]


def test_the_sweep_leaves_a_run_alone_that_is_being_worked_on(
    run: BackfillRun, django_capture_on_commit_callbacks: Any
) -> None:
    BackfillRun.objects.update(status="running")

    with other_session_works(), django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()

    assert not OrmQ.objects.exists()


def test_the_sweep_leaves_a_run_of_the_command_to_the_command(
    lago: Sandbox, django_capture_on_commit_callbacks: Any
) -> None:
    factories.imported(factories.rows(1))
    BackfillRun.objects.update(status="running")

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()

    assert not OrmQ.objects.exists()


def test_the_sweep_wakes_the_worker_for_jobs(lago: Sandbox, django_capture_on_commit_callbacks: Any) -> None:
    report = factories.imported(factories.rows(1))
    assert report.run is not None
    job = ask(report.run, RunJob.Kind.RECONCILE, "staff:1")

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep()

    assert [task.task["args"] for task in OrmQ.objects.all()] == [(job.pk,)]


def test_a_job_that_kills_its_worker_again_and_again_is_given_up(lago: Sandbox) -> None:
    report = factories.imported(factories.rows(1))
    assert report.run is not None
    job = ask(report.run, RunJob.Kind.RECONCILE, "staff:1")
    RunJob.objects.update(attempts=3)

    assert jobs.run_job(job.pk) == "refused"
    assert jobs.run_job(job.pk) == "nothing"


def test_files_are_forgotten_when_they_are_not_needed_any_more(client: Client) -> None:
    now = timezone.now()
    kinds = {
        "waits": ("queued", None), "works": ("running", None),
        "just stopped": ("interrupted", now), "stopped long ago": ("interrupted", now - timedelta(hours=25)),
        "has ended": ("succeeded", now), "was taken back": ("reverted", now),
    }  # fmt: skip
    for number, (name, (status, finished_at)) in enumerate(kinds.items()):
        made = BackfillRun.objects.create(
            run_id=f"20261122-17050{number}-aaaa", status=status, input_sha256=str(number), input_name=name,
            actor="staff:1", finished_at=finished_at,
        )  # fmt: skip
        a_file(name, run=made)
    a_file("previewed just now")
    a_file("previewed long ago", created_at=now - timedelta(minutes=61))

    staging.forget_old()

    assert set(BackfillUpload.objects.values_list("name", flat=True)) == {
        "waits", "works", "just stopped", "previewed just now",
    }  # fmt: skip


def a_file(name: str, **fields: Any) -> BackfillUpload:
    user = User.objects.get(role="staff")
    return BackfillUpload.objects.create(name=name, sha256="0", data=b"x", uploaded_by=user, **fields)
