"""The life of a run: queued, begun, interrupted, finished, abandoned, reverted.

This is the only place that writes a run's status. Each change happens only if the run still is what it was
when somebody decided on it, and is one transaction with its audit entry.
"""

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.ledger import identity
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.notices import outbox
from customers.backfill.refused import Refused
from customers.models import BackfillRun

Status = BackfillRun.Status
SOMEBODY = "somebody"  # of a stop that an older version was asked for
STOPPED_BY_HAND = "stopped in the admin"
ENDED = (Status.INTERRUPTED, Status.FAILED, Status.PARTIAL, Status.CANARY)  # and can be continued
UNPAUSED: dict[str, Any] = {"pause_requested": False, "paused_at": None}
ANEW: dict[str, Any] = {
    "reason": "", "stop_requested": False, "finished_at": None, "starts_at": None, **UNPAUSED,
}  # fmt: skip
NEVER_WAITING = tuple(status for status in BackfillRun.UNFINISHED if status != Status.QUEUED)
WORKING = (Status.RUNNING, Status.REVERTING)


class PausedMeanwhile(Refused):
    """Somebody paused the run while it was planned."""

    def __init__(self, message: str, *, run: BackfillRun) -> None:
        super().__init__(message, "It plans anew when it is resumed.")
        self.run = run


def new_run_id(now: datetime) -> str:
    """Make an id that reads and sorts: 20261122-170501-7f3a."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


# --- An import ---------------------------------------------------------------------------------------


def describe_queued(run: BackfillRun, *, actor: str) -> None:
    """Fill in a run that is to wait for the worker, for the admin's import to save."""
    if run.pk is None:
        run.run_id, run.actor = new_run_id(timezone.now()), actor
    run.status = Status.QUEUED
    for name, value in ANEW.items():
        setattr(run, name, value)


def tell_queued(run: BackfillRun, *, actor: str) -> None:
    hour = {"starts_at": run.starts_at.isoformat()} if run.starts_at else {}
    _note(run, actor, "run.queued", {"sha256": run.input_sha256, **hour})


@transaction.atomic
def queue_again(run: BackfillRun, *, actor: str) -> bool:
    """Have a run wait again that ended early or died; False if it is not like that any more."""
    moved = _move(run, (*ENDED, Status.RUNNING), Status.QUEUED, **ANEW)
    if moved:
        tell_queued(run, actor=actor)
    return moved


@transaction.atomic
def begin(run: BackfillRun | None, described: dict[str, Any], *, actor: str) -> BackfillRun:
    """Start a run, or take up the one to be continued; `described` is what it is (file, options, world).

    Raises Refused if the run was stopped while it waited in the queue, or if somebody else took it up.
    """
    if run is None:
        abandon(described["input_sha256"], actor=actor)
        run = BackfillRun(run_id=new_run_id(timezone.now()), actor=actor, status=Status.RUNNING, **described)
        run.save()
        _note(run, actor, "run.started", {"sha256": run.input_sha256})
        return run
    if run.pk is None:  # its log alone knew of it
        abandon(described["input_sha256"], actor=actor)
        for name, value in {**described, "status": Status.RUNNING}.items():
            setattr(run, name, value)
        run.save()
        _note(run, actor, "run.continued", {"sha256": run.input_sha256})
        return run
    was_queued, went_on = run.status == Status.QUEUED, run.settled_at is not None
    left: Collection[str] = (Status.QUEUED,) if was_queued else NEVER_WAITING
    if run.status != Status.PAUSED:  # whoever paused it since means whoever begins it now, too
        left = tuple(str(one) for one in left if one != Status.PAUSED)
    if not _move(run, left, Status.RUNNING, **ANEW, **described):
        raise _overtaken(run, was_queued=was_queued)
    if not (was_queued and went_on):  # the next slice of a run in the worker is no event
        event = "run.started" if was_queued else "run.continued"
        _note(run, actor, event, {"sha256": run.input_sha256})
    return run


def _overtaken(run: BackfillRun, *, was_queued: bool) -> Refused:
    """Say why a run cannot begin of which somebody decided otherwise."""
    now = BackfillRun.objects.values_list("status", flat=True).get(pk=run.pk)
    if now == Status.PAUSED:
        return PausedMeanwhile(f"The run {run.run_id} was paused before it began.", run=run)
    if was_queued:
        return Refused(f"The run {run.run_id} was stopped before it began.", "Continue it in the admin.")
    return Refused(
        f"The run {run.run_id} is {now} by now.", f"See it with: python manage.py backfill_runs {run.run_id}"
    )


@transaction.atomic
def hand_on(run: BackfillRun) -> None:
    """Put a run back into the queue at the end of a slice, which is no event; or do what was asked of it."""
    if _move(run, (Status.RUNNING,), Status.QUEUED, reason="", finished_at=None):
        heed(run)


@transaction.atomic
def go_on(run: BackfillRun) -> bool:
    """Let a run that was paused in shares, and resumed, be done by whoever comes; False if it is not so."""
    moved = _move(run, (Status.QUEUED,), Status.RUNNING, **ANEW)
    if moved:
        _note(run, run.actor, "run.continued", {"sha256": run.input_sha256})
    return moved


@transaction.atomic
def finish(run: BackfillRun, status: str, *, reason: str = "", actor: str) -> None:
    """Close an attempt at a run; the same file continues it unless it succeeded."""
    ended = {"reason": reason[:300], "finished_at": timezone.now(), **UNPAUSED}
    if _move(run, (Status.RUNNING,), status, **ended):
        _note(run, actor, f"run.{status}", outcome_counts(run))


@transaction.atomic
def give_up(run: BackfillRun, status: str, *, reason: str, actor: str) -> None:
    """End a run that cannot begin, or that its worker has left, unless somebody decided otherwise since."""
    reason = reason[:300]
    waiting = (Status.QUEUED, Status.RUNNING)
    if _move(run, waiting, status, reason=reason, finished_at=timezone.now()):
        _note(run, actor, f"run.{status}", {"reason": reason})


@transaction.atomic
def ask_to_stop(run: BackfillRun, *, actor: str) -> bool:
    """Ask a run to stop; what is in flight is finished. False if there is nothing to stop."""
    if _interrupt(run, (Status.QUEUED, Status.PAUSED), stopped_by(actor), actor):
        return True
    working = BackfillRun.objects.filter(pk=run.pk, status__in=WORKING, stop_requested=False)
    if not working.update(stop_requested=True, asked_by=actor, **UNPAUSED):
        return False
    _note(run, actor, "run.stop_requested")
    return True


@transaction.atomic
def abandon(sha256: str, *, actor: str, but: Collection[str] = ()) -> None:
    """Let a new run over the file take the place of the unfinished one."""
    left = [status for status in BackfillRun.UNFINISHED if status not in but]
    for run in identity.over(sha256).filter(status__in=left):
        if _move(run, left, Status.ABANDONED):
            _note(run, actor, "run.abandoned")


# --- Paused ------------------------------------------------------------------------------------------


def stopped_by(actor: str) -> str:
    """Say who stopped it, by the number that our records have: names are looked up by whoever shows it."""
    return f"stopped by {actor or SOMEBODY}"


def paused_by(actor: str) -> str:
    return f"paused by {actor or SOMEBODY}"


@transaction.atomic
def ask_to_pause(run: BackfillRun, *, actor: str) -> bool:
    """Ask a run, or its revert, to pause; one that waits is paused at once. False if nothing can be."""
    if _pause(run, (Status.QUEUED,), actor):
        return True
    working = BackfillRun.objects.filter(pk=run.pk, status__in=WORKING, stop_requested=False, **UNPAUSED)
    if not working.update(pause_requested=True, asked_by=actor):
        return False
    _note(run, actor, "run.pause_requested")
    return True


@transaction.atomic
def pause(run: BackfillRun) -> bool:
    """Close an attempt that was asked to pause; False if that was taken back: then it is to go on."""
    now = BackfillRun.objects.select_for_update().get(pk=run.pk)
    if now.status == Status.RUNNING:
        hand_on(run)
        return run.status == Status.PAUSED
    if now.status != Status.REVERTING or not now.pause_requested:
        return False
    run.pause_requested, run.paused_at = False, timezone.now()
    run.save(update_fields=["pause_requested", "paused_at"])
    _note(run, now.asked_by or now.actor, "run.paused")
    return True


def is_held(run: BackfillRun) -> bool:
    """Return whether a revert is to wait until somebody resumes it."""
    now = BackfillRun.objects.get(pk=run.pk)
    if now.status == Status.REVERTING and now.pause_requested:
        return pause(now)  # asked before the worker came to it
    return now.status == Status.REVERTING and now.paused_at is not None


@transaction.atomic
def heed(run: BackfillRun) -> bool:
    """Do what was asked of an import at which nobody works; False if nothing was."""
    now = BackfillRun.objects.select_for_update().get(pk=run.pk)
    left, who = (Status.QUEUED, Status.RUNNING), now.asked_by or now.actor
    if now.stop_requested:
        return _interrupt(run, left, stopped_by(who), who)
    return now.pause_requested and _pause(run, left, who)


@transaction.atomic
def resume(run: BackfillRun, *, actor: str) -> bool:
    """Let a paused run wait for whoever takes it up, or its revert go on; False if it is not paused."""
    if not _move(run, (Status.PAUSED,), Status.QUEUED, reason="", stop_requested=False, **UNPAUSED):
        asked = BackfillRun.objects.filter(pk=run.pk, status__in=WORKING).exclude(**UNPAUSED)
        if not asked.update(**UNPAUSED):
            return False
    _note(run, actor, "run.resumed")
    return True


@transaction.atomic
def leave_paused(run: BackfillRun, *, reason: str, actor: str) -> None:
    """Write down that whoever waited with a paused run was told to go."""
    if not _interrupt(run, (Status.PAUSED,), reason, actor):
        BackfillRun.objects.filter(pk=run.pk, status=Status.REVERTING).update(**UNPAUSED)


def _pause(run: BackfillRun, left: Collection[str], actor: str) -> bool:
    fields = {"pause_requested": False, "paused_at": timezone.now(), "asked_by": actor}
    moved = _move(run, left, Status.PAUSED, reason=paused_by(actor), **fields)
    if moved:
        _note(run, actor, "run.paused", outcome_counts(run))
    return moved


def _interrupt(run: BackfillRun, left: Collection[str], reason: str, actor: str) -> bool:
    moved = _move(run, left, Status.INTERRUPTED, reason=reason, finished_at=timezone.now(), **UNPAUSED)
    if moved:
        _note(run, actor, "run.interrupted", {"reason": reason})
    return moved


# --- A revert ----------------------------------------------------------------------------------------


@transaction.atomic
def begin_revert(run: BackfillRun, *, actor: str) -> bool:
    """Write down that a revert has begun; False if it had begun before."""
    others = [status for status in Status.values if status != Status.REVERTING]
    return _end(run, others, Status.REVERTING, actor, reason="")


def take_up_revert(run: BackfillRun) -> None:
    """Forget why an earlier attempt at the revert ended: it is under way again."""
    _move(run, (Status.REVERTING,), Status.REVERTING, reason="")


def leave_revert(run: BackfillRun, *, reason: str) -> None:
    """Write down why a revert ended before its end: it waits for a person, and is not under way."""
    _move(run, (Status.REVERTING,), Status.REVERTING, reason=reason[:300])


@transaction.atomic
def finish_revert(run: BackfillRun, *, actor: str) -> bool:
    """Write down that nothing is left to take back; False if that was known."""
    others = [status for status in Status.values if status != Status.REVERTED]
    return _end(run, others, Status.REVERTED, actor, reason="")


@transaction.atomic
def begin_taking_back(run: BackfillRun, external_ids: Collection[str], *, actor: str) -> bool:
    """Write down that a revert of these customers has begun; False if it had. The run stays what it is."""
    now = BackfillRun.objects.select_for_update().get(pk=run.pk)
    run.taking_back = sorted({*now.taking_back, *external_ids})
    if run.taking_back == now.taking_back:
        return False
    run.save(update_fields=["taking_back"])
    _note(run, actor, "run.taking_back", {"customers": len(run.taking_back)})
    return True


@transaction.atomic
def finish_taking_back(run: BackfillRun, *, actor: str, nothing_left: bool) -> None:
    """Write down that the chosen customers are gone; with the last of them, the run is a reverted one."""
    number, run.taking_back = len(run.taking_back), []
    run.save(update_fields=["taking_back"])
    if nothing_left and finish_revert(run, actor=actor):
        return
    if number:
        _note(run, actor, "run.taken_back", {"customers": number})


def forget_stop(run: BackfillRun) -> None:
    """Forget a stop or a pause that was asked of an earlier attempt: who begins a new one means it."""
    BackfillRun.objects.filter(pk=run.pk).update(stop_requested=False, pause_requested=False)
    BackfillRun.objects.filter(pk=run.pk).exclude(status=Status.PAUSED).update(paused_at=None)
    run.stop_requested = False


@transaction.atomic
def ask_to_stop_repair(run: BackfillRun, *, actor: str) -> bool:
    """Ask whoever repairs the run to stop; False if that was asked already. The run stays what it is."""
    repaired = BackfillRun.objects.filter(pk=run.pk, stop_requested=False)
    if not repaired.update(stop_requested=True, asked_by=actor):
        return False
    _note(run, actor, "repair.stop_requested")
    return True


def _end(run: BackfillRun, left: Collection[str], to: str, actor: str, **more: Any) -> bool:
    over = {"finished_at": timezone.now(), "stop_requested": False, "pace": {}, "taking_back": []}
    moved = _move(run, left, to, **over, **UNPAUSED, **more)
    if moved:
        _note(run, actor, f"run.{to}")
    return moved


# --- Both --------------------------------------------------------------------------------------------


def _move(run: BackfillRun, left: Collection[str], to: str, **fields: Any) -> bool:
    """Change the status if it is still one of `left`; what is at hand of the run then says so too."""
    moved = BackfillRun.objects.filter(pk=run.pk, status__in=left).update(status=to, **fields) == 1
    if moved:
        for name, value in {"status": to, **fields}.items():
            setattr(run, name, value)
    return moved


def _note(run: BackfillRun, actor: str, event: str, data: dict[str, Any] | None = None) -> None:
    record(run.audit_tag, actor, [Event(event, f"run:{run.run_id}", data or {})])
    outbox.tell_run(run, event, actor)
