"""A revert in shares: the end of one in one process, whatever becomes of a hand."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as configured
from django.utils import timezone

from billing.client import LagoClient
from billing.errors import LagoError
from customers import jobs, queueing
from customers.backfill import control
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.following import Follower, follow_revert
from customers.backfill.hands.hand import Lent
from customers.backfill.hands.handing_over import SharingOut
from customers.backfill.ledger import log_parts, shares
from customers.backfill.refused import Refused
from customers.backfill.revert import Choice, RevertReport, revert
from customers.backfill.revert.records import Removals
from customers.backfill.systems import connect
from customers.jobs import ask, hands
from customers.models import (
    BackfillRun,
    BackfillStep,
    IdTagMapping,
    RunJob,
    RunShare,
    SharedRun,
    User,
    WorkerSeen,
)  # fmt: skip
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.admin.world import EVERYTHING, client_of, member_of_staff, run_url, text_of
from tests.customers.backfill.hands.working import hand
from tests.customers.factories import do_not_sleep
from tests.customers.undoing import called, latest_run

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr("customers.backfill.hands.handing_over.SHARE_S", 0.001)
    settings.BACKFILL_BATCH_SIZE = 5
    settings.BACKFILL_LEASE_S = 600  # whoever renews it has a session that does not see this test's rows


def shared_out(
    run: BackfillRun | None = None, *, only: Sequence[str] | None = None, **choice: Any
) -> RevertReport:
    """Plan a revert, and leave it to workers."""
    with connect(sleep=do_not_sleep) as systems:
        return revert(
            run or latest_run(), systems, Choice(**choice), actor="cli:tester",
            log_dir=configured.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(),
            batch_size=5, concurrency=2, only=only, share_out=SharingOut(0, 2).of_revert,
        )  # fmt: skip


def followed(report: RevertReport) -> RevertReport:
    """Have one hand do all of it, and tell what came of it as whoever follows would."""
    run = report.plan.run
    while SharedRun.objects.filter(run=run).exists() and hand(run) is Lent.WORKED:
        jobs.look_after(run)
    jobs.look_after(run)
    who = Follower(
        actor="cli:tester", log_dir=configured.BACKFILL_LOG_DIR, stop=Stop(), progress=Progress(),
        look_after=jobs.look_after, leaves=lambda: False,
    )  # fmt: skip
    return follow_revert(report, who)


def let_leases_end(run: BackfillRun) -> None:
    past = timezone.now() - timedelta(hours=1)
    RunShare.objects.filter(run=run).exclude(token=None).update(lease_until=past)


def manifest() -> list[str]:
    path = configured.BACKFILL_LOG_DIR / f"revert-{latest_run().run_id}.log"
    return [line.partition(" run=")[2].partition(" ")[2] for line in path.read_text().splitlines()]


def live(lago: Sandbox) -> Mapping[str, int]:
    state = lago.state(live=True)
    return {kind: len(state[kind]) for kind in ("customers", "subscriptions")}


# --- the same as one process -------------------------------------------------------------------------


def test_shares_take_back_what_one_process_takes_back(lago: Sandbox) -> None:
    factories.imported(factories.rows(12))

    report = followed(shared_out())

    latest_run().refresh_from_db()
    assert (report.status, latest_run().status) == ("reverted", "reverted")
    assert report.counts == {"removed": 48}
    assert live(lago) == {"customers": 0, "subscriptions": 0}
    assert not IdTagMapping.objects.exists()
    assert not User.objects.filter(role="customer").exists()
    assert not SharedRun.objects.exists()
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert manifest()[0].startswith("revert=")
    assert len([line for line in manifest() if line.startswith("line=")]) == 48
    assert manifest()[-1].startswith("status=reverted removed=48 ")


def test_with_each_share_goes_what_was_found_so_that_nobody_asks_twice(lago: Sandbox) -> None:
    factories.imported(factories.rows(12))
    before = lago.counts()
    alone = dict.fromkeys(("DELETE /subscriptions/x", "DELETE /customers/x"), 12)

    followed(shared_out())

    more = {call: number - before.get(call, 0) for call, number in lago.counts().items()}
    assert sum(number for call, number in more.items() if call.startswith("DELETE")) == sum(alone.values())
    assert sum(number for call, number in more.items() if call.startswith("GET /customers/")) == 0


# --- whose a share is --------------------------------------------------------------------------------


def test_what_a_dead_worker_had_is_taken_back_by_the_next(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has made the calls of a batch, and died before it could write what came of them."""
    factories.imported(factories.rows(10))
    report = shared_out()

    with monkeypatch.context() as dying:
        dying.setattr(Removals, "settle", _die)
        dying.setattr(shares, "give_back", lambda token: 0)
        with pytest.raises(KeyboardInterrupt):
            hand(latest_run(), "first:1")
    let_leases_end(latest_run())
    left = shares.sharing_of(latest_run())
    report = followed(report)

    assert left is not None
    assert {(one.worker, one.has_died) for one in left.hands} == {("first:1", True)}
    assert (report.status, live(lago)) == ("reverted", {"customers": 0, "subscriptions": 0})
    assert set(BackfillStep.objects.values_list("state", flat=True)) == {"removed"}
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def _die(removals: Removals, batch: Sequence[Any]) -> None:
    raise KeyboardInterrupt


def test_a_worker_whose_share_was_taken_takes_nothing_back_any_more(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.imported(factories.rows(5))
    shared_out()
    settle = Removals.settle

    def settled_late(removals: Removals, batch: Sequence[Any]) -> Any:
        monkeypatch.setattr(Removals, "settle", settle)
        let_leases_end(latest_run())
        shares.claim(latest_run().pk, uuid4(), "second:1")
        return settle(removals, batch)

    monkeypatch.setattr(Removals, "settle", settled_late)

    assert hand(latest_run(), "first:1") is Lent.LOST
    assert set(BackfillStep.objects.values_list("state", flat=True)) == {"created"}
    assert [
        line for line in log_parts.text_of(latest_run(), log_parts.Log.MANIFEST) if " line=" in line
    ] == []


def test_what_failed_is_told_once_and_not_tried_again_in_the_same_attempt(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever takes the share up after a dead one finds it in the share."""
    factories.imported(factories.rows(5))
    report, delete = shared_out(), LagoClient.delete_customer

    def deleted(client: LagoClient, external_id: str) -> Any:
        if external_id == "C-3":
            raise LagoError("lago_refused", "not this one")
        return delete(client, external_id)

    with monkeypatch.context() as refusing:
        refusing.setattr(LagoClient, "delete_customer", deleted)
        refusing.setattr(shares, "note_rows", partial(_never_done, shares.note_rows))
        hand(latest_run())
    failed = followed(report)
    again = followed(shared_out())

    assert (failed.status, failed.reason) == ("failed", "1 thing could not be removed")
    assert [(line, step) for line, _, step, _ in failed.failures] == [(4, "lago_customer")]
    assert (again.status, latest_run().status) == ("reverted", "reverted")


def _never_done(note: Any, share_pk: int, rows: int, *, is_done: bool, failed: Sequence[int] = ()) -> None:
    note(share_pk, rows, is_done=False, failed=failed)


# --- one revert, together ----------------------------------------------------------------------------


def test_chosen_customers_go_and_the_run_stays_what_it_is(lago: Sandbox) -> None:
    factories.imported(factories.rows(6))

    report = followed(shared_out(only=["C-2", "C-5"]))

    run = latest_run()
    assert (report.status, run.status, run.taking_back) == ("reverted", "succeeded", [])
    assert live(lago) == {"customers": 4, "subscriptions": 4}


def test_nothing_else_begins_and_it_can_be_stopped(lago: Sandbox) -> None:
    factories.imported(factories.rows(20))
    report = shared_out()
    hand(latest_run(), for_s=0)

    with pytest.raises(Refused, match="The workers are doing the run"):
        shared_out()
    told = control.stop(latest_run(), actor="cli:boss")
    report = followed(report)

    assert (
        told
        == f"The revert of run {latest_run().run_id} is stopped. The same command goes on with what is left."
    )
    assert (report.status, report.reason, report.interrupted) == ("interrupted", "stopped by cli:boss", True)
    assert report.counts == {"removed": 20}
    assert (latest_run().status, latest_run().reason) == ("reverting", "stopped by cli:boss")


def test_active_customers_stay_whole(lago: Sandbox) -> None:
    factories.imported(factories.rows(6))
    User.objects.filter(external_id="C-2").update(last_login=timezone.now())

    report = followed(shared_out(keep_active=True))

    assert report.status == "reverted"
    assert report.counts == {"removed": 20, "kept": 4}
    assert live(lago) == {"customers": 1, "subscriptions": 1}


# --- from the console --------------------------------------------------------------------------------


@pytest.fixture
def two_workers() -> None:
    WorkerSeen.objects.bulk_create([WorkerSeen(name=f"machine:{number}") for number in range(2)])


def test_a_revert_of_the_console_is_shared_out_and_its_job_says_what_came_of_it(
    lago: Sandbox, two_workers: None
) -> None:
    factories.imported(factories.rows(20))
    job = ask(latest_run(), RunJob.Kind.REVERT, "staff:1")

    begun = jobs.run_job(job.pk), RunJob.objects.get(pk=job.pk).reason
    while jobs.lend_a_hand(latest_run().pk) == Lent.WORKED:
        pass

    job.refresh_from_db()
    assert begun == ("queued", "done by workers together")
    assert (job.status, job.result["outcome"], job.result["counts"]) == ("done", "reverted", {"removed": 80})
    assert latest_run().status == "reverted"


def test_one_that_is_paused_is_planned_anew_when_it_is_resumed(lago: Sandbox, two_workers: None) -> None:
    factories.imported(factories.rows(20))
    job = ask(latest_run(), RunJob.Kind.REVERT, "staff:1")
    jobs.run_job(job.pk)
    hand(latest_run(), for_s=0)

    control.pause(latest_run(), actor="cli:boss")
    held = jobs.run_job(job.pk), RunJob.objects.get(pk=job.pk).reason, SharedRun.objects.exists()
    control.resume(latest_run(), actor="cli:boss")
    jobs.run_job(job.pk)
    while jobs.lend_a_hand(latest_run().pk) == Lent.WORKED:
        pass

    job.refresh_from_db()
    assert held == ("queued", "paused", False)
    assert (job.status, latest_run().status) == ("done", "reverted")


# --- at the terminal, and shown ----------------------------------------------------------------------


def test_a_revert_by_workers_says_what_one_here_says(
    lago: Sandbox, two_workers: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come as soon as they are called: here and now."""

    def wake(task: str, *args: Any) -> bool:
        if task == hands.TASK:
            jobs.lend_a_hand(*args)
        return True

    monkeypatch.setattr(queueing, "wake", wake)
    factories.imported(factories.rows(3))

    answer = called("backfill_revert", "--run-id", latest_run().run_id, "--workers", "--format", "json")

    told = json.loads(answer.out)
    assert (answer.code, told["status"], told["counts"]) == (0, "reverted", {"removed": 12})
    assert Path(told["manifest"]).read_text().count(" line=") == 12
    assert "Reverting: 3 of 3 (100 %)" in answer.err


def test_who_takes_what_back_is_shown(lago: Sandbox) -> None:
    factories.imported(factories.rows(5))
    shared_out()
    shares.claim(latest_run().pk, uuid4(), "machine:7")

    told = called("backfill_runs", latest_run().run_id).out
    page = text_of(client_of(member_of_staff(*EVERYTHING)).get(run_url(latest_run())))

    assert "machine:7: lines 2 to 6, 0 of 5 rows" in told
    assert "machine:7: lines 2 to 6, 0 of 5 rows" in page
