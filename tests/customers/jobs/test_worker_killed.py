"""A worker is killed in the middle of an import from the admin: another one finishes it, nothing twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customers.backfill.approvals import approve, ask
from customers.models import BackfillRun, BackfillUpload, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    CONFIRM,
    audited,
    client_of,
    confirm,
    confirmation,
    customers_csv,
    member_of_staff,
    preview_of,
    preview_page,
    queued,
    run_url,
)
from tests.support.processes import environment, kill_group, started, wait_for, worker

ROWS = 120


@pytest.fixture
def slow_lago(settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(latency_ms=40, on_a_quiet_day=True) as sandbox:
        settings.LAGO_API_URL, settings.LAGO_API_KEY = sandbox.url, sandbox.key
        settings.BACKFILL_LAGO_RATE, settings.BACKFILL_BATCH_SIZE, settings.BACKFILL_CONCURRENCY = 0, 10, 4
        settings.BACKFILL_LOG_DIR = tmp_path
        settings.STEVE_BASE_URL = settings.BACKFILL_TIMEZONE = ""
        yield sandbox


@pytest.fixture
def env(database_url: str, slow_lago: Sandbox, tmp_path: Path) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url, LAGO_API_URL=slow_lago.url, LAGO_API_KEY=slow_lago.key,
        BACKFILL_LAGO_RATE="0", BACKFILL_LOG_DIR=str(tmp_path),
    )  # fmt: skip


def settled(run: BackfillRun) -> int:
    return run.rows.exclude(outcome="").count()


def has_succeeded(run: BackfillRun) -> bool:
    return has_become(run, "succeeded")


def has_become(run: BackfillRun, status: str) -> bool:
    run.refresh_from_db()
    return run.status == status


@pytest.mark.matrix
def test_an_import_outlives_its_worker(env: dict[str, str], slow_lago: Sandbox) -> None:
    run = queued(client_of(member_of_staff("run_backfill")), customers_csv(ROWS))

    with started("qcluster", env=env) as first:
        wait_for(lambda: settled(run) >= 20, within_s=180)
        kill_group(first)
    left = settled(run)
    with worker(env):
        wait_for(lambda: has_succeeded(run), within_s=180)
        wait_for(lambda: not BackfillUpload.objects.exists())

    state = slow_lago.state(live=True)
    assert left < ROWS
    assert run.rows.filter(outcome__in=("created", "completed")).count() == ROWS
    assert User.objects.filter(role="customer").count() == ROWS
    assert IdTagMapping.objects.filter(is_active=True).count() == ROWS
    assert len(state["customers"]) == len(state["subscriptions"]) == ROWS
    assert len(audited("user.created")) == ROWS
    assert len(audited("run.succeeded")) == 1
    assert slow_lago.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.matrix
def test_the_first_customers_outlive_their_worker_and_the_others_wait(
    env: dict[str, str], slow_lago: Sandbox
) -> None:
    client = client_of(member_of_staff("run_backfill"))
    page = preview_page(client, preview_of(client, customers_csv(ROWS)))
    client.post(CONFIRM, confirmation(page) | {"first": "60"})
    run = BackfillRun.objects.get()

    with started("qcluster", env=env) as first:
        wait_for(lambda: settled(run) >= 20, within_s=180)
        kill_group(first)
    left = settled(run)
    with worker(env):
        wait_for(lambda: has_become(run, "canary"), within_s=180)
        waiting = run.rows.count()
        client.post(run_url(run, "continue"), {"rest": "1"})
        wait_for(lambda: has_succeeded(run), within_s=180)

    assert left < 60
    assert waiting == 60
    assert User.objects.filter(role="customer").count() == ROWS
    assert len(slow_lago.state(live=True)["subscriptions"]) == ROWS
    assert len(audited("user.created")) == ROWS
    assert slow_lago.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.matrix
def test_an_approved_import_outlives_its_worker_without_a_new_approval(
    env: dict[str, str], slow_lago: Sandbox, settings: Any
) -> None:
    settings.BACKFILL_REQUIRE_APPROVAL = True
    owner = member_of_staff("run_backfill")
    upload = preview_of(client_of(owner), customers_csv(40))
    approve(ask(upload, owner), member_of_staff("approve_backfill", email="bert@operator.example"))
    confirm(client_of(owner), upload)
    run = BackfillRun.objects.get()
    strict = env | {"BACKFILL_REQUIRE_APPROVAL": "1"}

    with started("qcluster", env=strict) as first:
        wait_for(lambda: settled(run) >= 10, within_s=180)
        kill_group(first)
    left = settled(run)
    with worker(strict):
        wait_for(lambda: has_succeeded(run), within_s=180)

    assert left < 40
    assert len(slow_lago.state(live=True)["subscriptions"]) == 40
