"""A worker whose Redis goes away and comes back, as processes: it lives on, and nothing is lost."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from customers.jobs import ask
from customers.models import BackfillRun, RunJob, WorkerBeat
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, client_of, customers_csv, member_of_staff, queued
from tests.support.processes import MANAGE, environment, kill_group, wait_for
from tests.support.redis_server import PASSWORD, RedisServer

AWAY, BACK = "does not answer", "The queue (Q_BROKER_URL) answers again."


@pytest.fixture
def client(database_url: str, lago: Sandbox) -> Client:
    return client_of(member_of_staff(*EVERYTHING))


class Worker:
    """A worker that was started, and what it says."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self._log = folder / "worker.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(MANAGE), "qcluster"],
                env=env, stdout=log, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8")


@pytest.fixture
def away(queue: RedisServer) -> RedisServer:
    queue.kill()
    return queue


@pytest.fixture
def worker(
    away: RedisServer, client: Client, database_url: str, lago: Sandbox, settings: Any, tmp_path: Path
) -> Iterator[Worker]:
    """A worker that was started while its Redis was away."""
    env = environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR), Q_BROKER_URL=away.url,
    )  # fmt: skip
    worker = Worker(env, tmp_path)
    try:
        yield worker
    finally:
        kill_group(worker.process)


def is_done(run: BackfillRun) -> bool:
    run.refresh_from_db()
    return run.status == "succeeded"


def test_a_worker_outlives_its_queue_and_goes_on_with_what_was_asked_for_meanwhile(
    worker: Worker, client: Client, away: RedisServer
) -> None:
    wait_for(WorkerBeat.is_fresh)
    wait_for(lambda: AWAY in worker.said)
    run = queued(client, customers_csv(3))

    away.start()
    wait_for(lambda: is_done(run))
    away.kill()
    wait_for(lambda: worker.said.count(AWAY) > worker.said.count(BACK))
    job = ask(run, RunJob.Kind.RECONCILE, "staff:1")
    away.start()
    wait_for(lambda: RunJob.objects.get(pk=job.pk).status == "done")

    assert worker.process.poll() is None
    assert worker.said.count(BACK) == 2
    assert "Traceback" not in worker.said
    assert PASSWORD not in worker.said
