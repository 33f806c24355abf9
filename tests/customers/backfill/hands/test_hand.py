"""Shares of a run, done by hands in this process: the end of one import, whatever becomes of a hand."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from customers import jobs
from customers.backfill.engine.batch import Books
from customers.backfill.hands import packing
from customers.backfill.hands.hand import Lent
from customers.backfill.hands.handing_over import cut_by_customer
from customers.backfill.ledger import at_work, life, log_parts, shares
from customers.backfill.ledger.progress import note_progress
from customers.backfill.refused import Refused
from customers.models import BackfillRow, BackfillRun, IdTagMapping, RunShare, SharedRun, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash.world import furnish, here, twelve_rows
from tests.customers.backfill.hands.working import done, hand, log_of, run_of, shared_out

pytestmark = pytest.mark.django_db

PER_SHARE = {"batch_size": 5, "skip_existing": True}


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    monkeypatch.setattr("customers.backfill.hands.handing_over.SHARE_S", 0.001)
    settings.BACKFILL_LEASE_S = 600  # whoever renews it has a session that does not see this test's rows


# --- the same as one process -------------------------------------------------------------------------


def test_shares_come_to_what_one_import_comes_to(lago: Sandbox, settings: Any) -> None:
    furnish(lago)
    done(shared_out(twelve_rows(), **PER_SHARE))
    by_hands, calls, log = here(), lago.counts(), log_of(BackfillRun.objects.get())
    BackfillRun.objects.all().delete()
    IdTagMapping.objects.all().delete()
    User.objects.all().delete()
    lago.reset()
    settings.BACKFILL_LOG_DIR = settings.BACKFILL_LOG_DIR / "alone"
    settings.BACKFILL_LOG_DIR.mkdir()
    furnish(lago)

    alone = factories.imported(twelve_rows(), **PER_SHARE)

    assert by_hands == here()
    assert {call: calls[call] for call in ("POST /customers", "POST /subscriptions")} == {
        call: lago.counts()[call] for call in ("POST /customers", "POST /subscriptions")
    }
    assert sorted(map(_kept, log)) == sorted(map(_kept, log_of(run_of(alone))))
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def _kept(line: str) -> str:
    """What two logs of the same import have in common: neither Lago's ids nor how long it took."""
    return line.partition(" made=")[0].partition(" seconds=")[0]


def test_a_share_has_customers_whole_and_in_the_order_of_the_file(lago: Sandbox) -> None:
    owners = "abcacdeef"
    given = [factories.row(n, external_id=f"C-{who}", email=f"{who}@example.com", display_name=who)
             for n, who in enumerate(owners, start=1)]  # fmt: skip
    rows = factories.planned(given).plan.rows

    cut = [[row.line - 2 for row in share] for share in cut_by_customer(rows, 2, 1, 1)]

    assert ["".join(owners[place] for place in share) for share in cut] == ["aa", "bcc", "dee", "f"]


def test_what_is_shared_out_is_read_by_nobody_without_the_key(lago: Sandbox, settings: Any) -> None:
    run = run_of(shared_out(factories.rows(2)))
    kept = bytes(RunShare.objects.get(run=run).content)

    former, settings.SECRET_KEY = settings.SECRET_KEY, "another-one-that-is-just-as-long-as-the-first"

    assert b"customer1@example.com" not in kept
    with pytest.raises(packing.Unreadable, match="SECRET_KEY"):
        packing.unpack(kept)
    settings.SECRET_KEY_FALLBACKS = [former]  # while a key is changed, what is under way goes on
    assert len(packing.unpack(kept).rows) == 2


def test_nothing_of_the_file_is_left_when_a_run_is_over(lago: Sandbox) -> None:
    run = done(shared_out(factories.rows(12), **PER_SHARE))

    assert run.status == "succeeded"
    assert not RunShare.objects.exists()
    assert not SharedRun.objects.exists()


# --- whose a share is --------------------------------------------------------------------------------


def test_a_share_is_claimed_by_one(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5), batch_size=5))

    first, second = (shares.claim(run.pk, uuid4(), name) for name in ("one", "two"))

    assert first is not None
    assert second is None


def test_a_share_whose_lease_is_over_is_looked_at_anew_by_the_next(lago: Sandbox) -> None:
    """The first worker has made the calls of a batch, and died before it could write what came of them."""
    run = run_of(shared_out(factories.rows(5), batch_size=5))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Books, "settle", _die)
        patched.setattr(shares, "give_back", lambda token: 0)
        with pytest.raises(KeyboardInterrupt):
            hand(run, "first:1")
    _let_leases_end(run)
    left = shares.sharing_of(run)
    hand(run, "second:1")
    jobs.look_after(run)

    run.refresh_from_db()
    assert left is not None
    assert [(one.worker, one.has_died) for one in left.hands] == [("first:1", True)]
    assert run.status == "succeeded"
    assert lago.counts()["POST /customers"] == lago.counts()["POST /subscriptions"] == 5
    assert {step.state for row in run.rows.all() for step in row.steps.all()} == {"created"}
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def _die(books: Books, batch: Sequence[Any]) -> None:
    raise KeyboardInterrupt


def _let_leases_end(run: BackfillRun) -> None:
    past = timezone.now() - timedelta(hours=1)
    RunShare.objects.filter(run=run).exclude(token=None).update(lease_until=past)


def test_a_worker_whose_share_was_taken_writes_nothing_any_more(
    lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was away, between the calls of a batch and what it writes of them, and another one took over."""
    run = run_of(shared_out(factories.rows(5), batch_size=5))
    settle = Books.settle

    def settled_late(books: Books, batch: Sequence[Any]) -> Any:
        monkeypatch.setattr(Books, "settle", settle)
        _let_leases_end(run)
        shares.claim(run.pk, uuid4(), "second:1")
        return settle(books, batch)

    monkeypatch.setattr(Books, "settle", settled_late)

    assert hand(run, "first:1") is Lent.LOST
    assert set(run.rows.values_list("outcome", flat=True)) == {BackfillRow.Outcome.PENDING}
    assert [line for line in log_parts.text_of(run) if " line=" in line] == []


def test_a_worker_over_which_a_share_kills_the_third_is_the_last(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(5), batch_size=5))
    RunShare.objects.filter(run=run).update(
        deaths=2, claims=3, token=uuid4(), worker="dead:1", lease_until=timezone.now() - timedelta(hours=1)
    )

    hand(run)
    jobs.look_after(run)

    run.refresh_from_db()
    assert (run.status, run.reason) == (
        "interrupted", "the worker died 3 times over the lines 2 to 6; see its log",
    )  # fmt: skip


def test_a_clock_that_is_behind_counts_no_time_back(lago: Sandbox) -> None:
    run, now = run_of(shared_out(factories.rows(5))), timezone.now()

    note_progress(run.pk, now, 5.0)
    note_progress(run.pk, now - timedelta(minutes=5), 5.0)

    run.refresh_from_db()
    assert run.active_s == 5.0


# --- one run, together -------------------------------------------------------------------------------


def test_nothing_else_begins_while_a_run_is_shared_out(lago: Sandbox) -> None:
    shared_out(factories.rows(5))

    with pytest.raises(Refused, match="The workers are doing the run"):
        factories.imported(factories.rows(1, external_id="other"))

    assert at_work.is_busy()


def test_rows_that_fail_in_a_row_are_counted_over_all_hands(lago: Sandbox) -> None:
    """As they settle: each of these is a batch of some hand."""
    run, failed, made = (
        run_of(shared_out(factories.rows(20))),
        ("lago_customer", True),
        ("lago_customer", False),
    )

    shares.count_in_a_row(run.pk, [failed] * 7, 8)
    shares.count_in_a_row(run.pk, [made, failed, failed, ("steve_id_tag", False)], 8)
    before = shares.free(run.pk), SharedRun.objects.get().halted
    shares.count_in_a_row(run.pk, [failed] * 6, 8)
    heard = hand(run)
    jobs.look_after(run)

    run.refresh_from_db()
    assert before == (1, {})
    assert heard is Lent.NOTHING
    assert (run.status, run.reason) == ("failed", "8 rows in a row failed; the trouble is not in the rows")


def test_a_stop_is_heard_and_the_same_file_goes_on(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(20), batch_size=5))
    hand(run, for_s=0)

    life.ask_to_stop(run, actor="cli:boss")
    heard = hand(run)
    jobs.look_after(run)
    run.refresh_from_db()
    stopped = (run.status, run.reason, run.rows.filter(outcome="created").count())
    factories.imported(factories.rows(20))

    run.refresh_from_db()
    assert heard is Lent.NOTHING
    assert stopped == ("interrupted", "stopped by cli:boss", 5)
    assert run.status == "succeeded"
    assert lago.counts()["POST /customers"] == 20


def test_a_run_that_was_paused_goes_on_with_its_shares(lago: Sandbox) -> None:
    run = run_of(shared_out(factories.rows(20), batch_size=5))
    hand(run, for_s=0)
    life.ask_to_pause(run, actor="cli:boss")
    jobs.look_after(run)
    run.refresh_from_db()
    paused = run.status

    life.resume(run, actor="cli:boss")
    while jobs.lend_a_hand(run.pk) != Lent.NOTHING:
        pass

    run.refresh_from_db()
    assert (paused, run.status) == ("paused", "succeeded")
    assert lago.counts()["POST /customers"] == 20


# --- its log -----------------------------------------------------------------------------------------


def test_the_log_becomes_one_file_however_often_it_is_written(lago: Sandbox, settings: Any) -> None:
    run = done(shared_out(factories.rows(12), **PER_SHARE))

    log_parts.put_into_file(run, settings.BACKFILL_LOG_DIR)

    lines = log_of(run)
    assert lines[0].startswith("file=customers.csv sha256=")
    assert len([line for line in lines if line.startswith("line=")]) == 12
    assert lines[-1].startswith("status=succeeded created=12 ")
