"""A real worker hears of a pause and of another pace while it imports, and of a stop while it repairs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customers import jobs
from customers.models import BackfillRun, RunJob, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.admin.world import client_of, customers_csv, member_of_staff, queued, run_url
from tests.customers.backfill.steve.world import run_of
from tests.customers.factories import imported, rows
from tests.support.processes import environment, wait_for, worker

ROWS = 60
HEARD_S = 5.0  # it is about one second; a machine that is busy needs more


@pytest.fixture
def lago(settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(latency_ms=20, on_a_quiet_day=True) as sandbox:
        settings.LAGO_API_URL, settings.LAGO_API_KEY = sandbox.url, sandbox.key
        settings.BACKFILL_BATCH_SIZE, settings.BACKFILL_LAGO_RATE = 5, 0
        settings.BACKFILL_LOG_DIR = tmp_path
        settings.STEVE_BASE_URL = settings.BACKFILL_TIMEZONE = ""
        yield sandbox


@pytest.fixture
def env(database_url: str, lago: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key,
        BACKFILL_LAGO_RATE="8", BACKFILL_BATCH_SIZE="5", BACKFILL_LOG_DIR=str(tmp_path),
    )  # fmt: skip


def status(run: BackfillRun) -> str:
    run.refresh_from_db()
    return run.status


def writes(lago: Sandbox) -> int:
    return sum(number for call, number in lago.counts().items() if call.startswith("POST"))


@pytest.mark.matrix
def test_the_worker_pauses_goes_on_and_keeps_another_pace(env: dict[str, str], lago: Sandbox) -> None:
    client = client_of(member_of_staff("control_backfill", "run_backfill"))
    run = queued(client, customers_csv(ROWS))

    with worker(env):
        wait_for(lambda: run.rows.filter(outcome="created").exists(), within_s=120)
        asked = time.monotonic()
        client.post(run_url(run, "pause"))
        wait_for(lambda: status(run) == "paused")
        paused_s, before = time.monotonic() - asked, writes(lago)
        time.sleep(1)  # nothing moves
        quiet = writes(lago) == before
        client.post(run_url(run, "resume"))
        wait_for(lambda: writes(lago) > before)
        asked, before = time.monotonic(), writes(lago)
        client.post(run_url(run, "pace"), {"rate": "0", "concurrency": "4"})
        wait_for(lambda: writes(lago) > before + 30, within_s=60)
        paced_s = time.monotonic() - asked
        wait_for(lambda: status(run) == "succeeded", within_s=60)

    print(f"paused after {paused_s:.2f} s, paced after {paced_s:.2f} s")
    assert quiet
    assert max(paused_s, paced_s) < HEARD_S
    assert User.objects.filter(role="customer").count() == ROWS
    assert lago.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.matrix
def test_the_worker_stops_a_repair_and_the_next_one_does_the_rest(
    env: dict[str, str], steve: SteveSandbox
) -> None:
    client = client_of(member_of_staff("run_backfill"))
    run = run_of(imported(rows(ROWS)))
    for pk in list(steve.world.tags):
        steve.world.delete_tag(pk)
    steve.steer("POST", "latency", seconds=0.3)
    confirm(client, run)
    known = {
        "STEVE_BASE_URL": steve.url, "STEVE_API_USERNAME": steve.username, "STEVE_API_KEY": steve.key,
        "BACKFILL_CONCURRENCY": "1",
    }  # fmt: skip

    with worker(env | known):
        wait_for(lambda: steve.state()["id_tags"], within_s=120)
        asked = time.monotonic()
        client.post(run_url(run, "stop"))
        wait_for(lambda: run.jobs.filter(kind="repair", status="stopped").exists())
        stopped_s, made = time.monotonic() - asked, len(steve.state()["id_tags"])
        steve.steer("POST", "latency", seconds=0)
        confirm(client, run)
        wait_for(lambda: run.jobs.filter(kind="repair", status="done").exists(), within_s=60)

    print(f"repair stopped after {stopped_s:.2f} s, {made} of {ROWS} idTags made")
    assert stopped_s < HEARD_S
    assert made < ROWS
    assert len(steve.state()["id_tags"]) == ROWS


def confirm(client: Any, run: BackfillRun) -> None:
    """Have the run looked at, and confirm what can be repaired."""
    client.post(run_url(run, "repair_look"))
    look = run.jobs.filter(kind=RunJob.Kind.REPAIR_PREVIEW).latest("pk")
    jobs.run_job(look.pk)
    wait_for(lambda: run.jobs.filter(pk=look.pk, status="done").exists())
    look.refresh_from_db()
    client.post(run_url(run, "repair"), {"look": look.pk, "digest": look.result["digest"]})
