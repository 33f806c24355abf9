"""The life of a run: each change happens only to a run that still is what somebody decided on."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from auditlog.models import AuditEntry
from customers.backfill.ledger import life
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from tests.support.sessions import Begin

pytestmark = pytest.mark.django_db

STATUSES = tuple(str(status) for status in BackfillRun.Status.values)
UNFINISHED = tuple(str(status) for status in BackfillRun.UNFINISHED)
FILE = "a" * 64
WHAT: dict[str, Any] = {"input_name": "new.csv", "input_sha256": FILE, "input_rows": 3}

# Each transition with the statuses that it leaves, and the one that it ends in.
Change = Callable[[BackfillRun], object]
CHANGES: dict[str, tuple[Change, tuple[str, ...], str]] = {
    "queue_again": (
        lambda run: life.queue_again(run, actor="staff:1"),
        ("interrupted", "failed", "partial", "canary", "running"),
        "queued",
    ),
    "hand_on": (life.hand_on, ("running",), "queued"),
    "finish": (lambda run: life.finish(run, "partial", actor="cli:me"), ("running",), "partial"),
    "give_up": (
        lambda run: life.give_up(run, "interrupted", reason="it died", actor="staff:1"),
        ("queued", "running"),
        "interrupted",
    ),
    "begin_revert": (
        lambda run: life.begin_revert(run, actor="cli:me"),
        tuple(status for status in STATUSES if status != "reverting"),
        "reverting",
    ),
    "finish_revert": (
        lambda run: life.finish_revert(run, actor="cli:me"),
        tuple(status for status in STATUSES if status != "reverted"),
        "reverted",
    ),
}
LEAVES = [(name, status) for name, (_, left, _) in CHANGES.items() for status in left]
STAYS = [
    (name, status) for name, (_, left, _) in CHANGES.items() for status in STATUSES if status not in left
]


def a_run(status: str = "running", **fields: Any) -> BackfillRun:
    known = {
        "run_id": "20261122-170501-7f3a",
        "input_name": "old.csv",
        "input_sha256": FILE,
        "actor": "cli:me",
    }
    return BackfillRun.objects.create(status=status, **(known | fields))


def meanwhile(run: BackfillRun, status: str, **fields: Any) -> None:
    """Change the run as somebody else does: who holds it at hand does not know."""
    BackfillRun.objects.filter(pk=run.pk).update(status=status, **fields)


def stored(run: BackfillRun) -> BackfillRun:
    return BackfillRun.objects.get(pk=run.pk)


def events() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


# --- Each change by itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "status"), LEAVES)
def test_a_change_happens_from_each_status_that_it_may_leave(name: str, status: str) -> None:
    change, _, to = CHANGES[name]
    run = a_run(status)

    change(run)

    assert (stored(run).status, run.status) == (to, to)


@pytest.mark.parametrize(("name", "status"), STAYS)
def test_a_competing_change_wins_and_nothing_is_told(name: str, status: str) -> None:
    """Somebody changes the run after it was read and before the change that was decided on."""
    change, left, _ = CHANGES[name]
    run = a_run(left[0])
    meanwhile(run, status, reason="theirs")

    changed = change(run)

    assert not changed
    assert (stored(run).status, stored(run).reason, stored(run).finished_at) == (status, "theirs", None)
    assert events() == []


@pytest.mark.parametrize(
    ("name", "event"),
    [
        ("queue_again", ["run.queued"]),
        ("hand_on", []),
        ("finish", ["run.partial"]),
        ("give_up", ["run.interrupted"]),
        ("begin_revert", ["run.reverting"]),
        ("finish_revert", ["run.reverted"]),
    ],
)
def test_a_change_is_told_once(name: str, event: list[str]) -> None:
    change, left, _ = CHANGES[name]
    run = a_run(left[0])

    change(run)
    change(run)

    assert events() == event


def test_a_run_that_waits_again_forgets_why_it_stopped() -> None:
    run = a_run("interrupted", reason="SIGINT", stop_requested=True)

    assert life.queue_again(run, actor="staff:1")

    assert (stored(run).reason, stored(run).stop_requested, stored(run).finished_at) == ("", False, None)


def test_what_is_handed_on_has_not_ended_and_what_is_finished_has() -> None:
    handed_on, finished = a_run(), a_run(run_id="another", input_sha256="b" * 64)

    life.hand_on(handed_on)
    life.finish(finished, "failed", reason="x" * 400, actor="cli:me")

    assert stored(handed_on).finished_at is None
    assert stored(finished).finished_at is not None
    assert len(stored(finished).reason) == 300


# --- Begun -------------------------------------------------------------------------------------------


def test_a_new_run_takes_the_place_of_the_unfinished_one_over_its_file() -> None:
    old, other = a_run("partial"), a_run("partial", run_id="another", input_sha256="b" * 64)

    run = life.begin(None, WHAT, actor="cli:me")

    assert (stored(old).status, stored(other).status, stored(run).status) == (
        "abandoned",
        "partial",
        "running",
    )
    assert events() == ["run.abandoned", "run.started"]


@pytest.mark.parametrize("status", [status for status in UNFINISHED if status != "queued"])
def test_an_unfinished_run_is_taken_up_with_what_it_is_now(status: str) -> None:
    run = a_run(status, reason="SIGINT", stop_requested=True)

    life.begin(run, WHAT, actor="cli:me")

    now = stored(run)
    assert (now.status, now.reason, now.stop_requested, now.input_name) == ("running", "", False, "new.csv")
    assert events() == ["run.continued"]


@pytest.mark.parametrize(("settled", "event"), [(False, ["run.started"]), (True, [])])
def test_a_run_in_the_worker_begins_once_and_its_next_slice_is_no_event(
    settled: bool, event: list[str]
) -> None:
    run = a_run("queued")
    run.settled_at = run.started_at if settled else None
    run.save()

    life.begin(run, WHAT, actor="staff:1")

    assert (stored(run).status, events()) == ("running", event)


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "queued"])
def test_a_run_that_left_the_queue_is_not_begun(status: str) -> None:
    run = a_run("queued")
    meanwhile(run, status)

    with pytest.raises(Refused, match="before it began"):
        life.begin(run, WHAT, actor="staff:1")

    assert (stored(run).status, stored(run).input_name, events()) == (status, "old.csv", [])


@pytest.mark.parametrize("status", ["queued", "succeeded", "abandoned", "reverting", "reverted"])
def test_a_run_that_somebody_else_took_up_is_not_continued(status: str) -> None:
    run = a_run("interrupted")
    meanwhile(run, status)

    with pytest.raises(Refused, match=f"is {status} by now") as refused:
        life.begin(run, WHAT, actor="cli:me")

    assert f"backfill_runs {run.run_id}" in refused.value.hint
    assert (stored(run).status, stored(run).input_name, events()) == (status, "old.csv", [])


# --- Stopped -----------------------------------------------------------------------------------------


def test_a_run_that_waits_is_stopped_at_once() -> None:
    run = a_run("queued")

    assert life.ask_to_stop(run, actor="staff:1")

    now = stored(run)
    assert (now.status, now.reason, now.stop_requested) == ("interrupted", "stopped by staff:1", False)
    assert (now.finished_at is not None, events()) == (True, ["run.interrupted"])


@pytest.mark.parametrize("status", ["running", "reverting"])
def test_a_run_that_works_is_asked_once(status: str) -> None:
    run = a_run(status)

    asked = [life.ask_to_stop(run, actor="staff:1") for _ in range(2)]

    assert (asked, stored(run).status, stored(run).stop_requested) == ([True, False], status, True)
    assert events() == ["run.stop_requested"]


def test_a_run_that_was_taken_from_the_queue_meanwhile_is_asked() -> None:
    run = a_run("queued")
    meanwhile(run, "running")

    assert life.ask_to_stop(run, actor="staff:1")

    assert (stored(run).status, stored(run).stop_requested) == ("running", True)


@pytest.mark.parametrize("status", ["interrupted", "failed", "partial", "succeeded", "abandoned", "reverted"])
def test_a_run_that_ended_meanwhile_is_not_stopped(status: str) -> None:
    run = a_run("queued")
    meanwhile(run, status)

    assert not life.ask_to_stop(run, actor="staff:1")

    assert (stored(run).status, stored(run).stop_requested, events()) == (status, False, [])


# --- Abandoned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATUSES)
def test_only_an_unfinished_run_is_abandoned(status: str) -> None:
    run = a_run(status)

    life.abandon(FILE, actor="cli:test")

    assert stored(run).status == ("abandoned" if status in UNFINISHED else status)


def test_a_run_that_waits_may_be_spared() -> None:
    run = a_run("queued")

    life.abandon(FILE, actor="cli:test", but=["queued"])

    assert stored(run).status == "queued"


# --- At the exact point ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["queue_again", "hand_on", "finish", "give_up"])
def test_who_comes_second_to_the_row_sees_what_the_first_made_of_it(
    name: str, in_another_session: Begin
) -> None:
    """The other change is under way, and not yet to be seen, when this one reaches the row."""
    change, left, _ = CHANGES[name]
    run = a_run(left[0])

    with transaction.atomic():
        assert life.begin_revert(BackfillRun.objects.get(pk=run.pk), actor="cli:first")
        second = in_another_session(lambda: change(run))
    second.ended()

    assert stored(run).status == "reverting"
    assert events() == ["run.reverting"]
