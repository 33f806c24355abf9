"""The end of an attempt at a revert, which is written once, by whoever finishes."""

from django.db import transaction

from customers.backfill.ledger import life
from customers.backfill.notices import outbox
from customers.backfill.revert.chosen import is_anything_left
from customers.models import BackfillRun

REVERTED, FAILED, INTERRUPTED = "reverted", "failed", "interrupted"


@transaction.atomic
def end(run: BackfillRun, status: str, reason: str, actor: str, *, is_whole: bool) -> None:
    """Write down how it ended, and tell of it if it waits for a person. Without its last customer, a run is a
    reverted one; of one of chosen customers the run stays what it is.
    """
    if status == REVERTED:
        _finish(run, actor, is_whole=is_whole)
        return
    if is_whole:
        life.leave_revert(run, reason=reason or "it was interrupted")
    outbox.tell_revert_ended(run, status, reason, actor)


def not_removed(things: int) -> str:
    return f"{'1 thing' if things == 1 else f'{things:,} things'} could not be removed"


def _finish(run: BackfillRun, actor: str, *, is_whole: bool) -> None:
    if is_whole:
        life.finish_revert(run, actor=actor)
        return
    was_at_it = bool(run.taking_back)
    life.finish_taking_back(run, actor=actor, nothing_left=was_at_it and not is_anything_left(run))
