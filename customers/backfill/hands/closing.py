"""The end of a run in shares: whoever leaves it last closes it, or whoever finds it left by the dead."""

import logging
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from customers.backfill.engine.attempt import verdict_of
from customers.backfill.ledger import life, log_parts, shares
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.refused import Refused
from customers.backfill.revert.carrying_out import PAUSED
from customers.backfill.revert.ending import FAILED, INTERRUPTED, REVERTED, end, not_removed
from customers.backfill.revert.report import last_line
from customers.models import BackfillRun, RunShare, SharedRun

Status = BackfillRun.Status
logger = logging.getLogger(__name__)


def close_if_over(run: BackfillRun) -> bool:
    """Close a run at which nobody is, if it is done or is to end; False if not. Safe at any moment."""
    return _may_be_over(run) and _closed(run)


def _may_be_over(run: BackfillRun) -> bool:
    """Look without a lock, as this is asked often: who wants a share finds none while all are locked."""
    shared = SharedRun.objects.filter(run=run, is_at_work=True).select_related("run").first()
    if shared is None or shares.held(run.pk).exists():
        return False
    is_to_end = shared.run.stop_requested or shared.run.pause_requested or bool(shared.halted)
    return is_to_end or not RunShare.objects.filter(run=run, is_done=False).exists()


@transaction.atomic
def _closed(run: BackfillRun) -> bool:
    """Look again and close it. Locks the shares before the run, as whoever settles does."""
    left = list(RunShare.objects.select_for_update().filter(run=run, is_done=False).defer("content"))
    now = BackfillRun.objects.select_for_update().get(pk=run.pk)
    shared = SharedRun.objects.filter(run=run, is_at_work=True).first()
    if shared is None or shares.held(run.pk).exists():
        return False
    end = _end_of_revert if shared.is_revert else _end_of_import
    return end(now, shared, is_any_left=bool(left))


def _end_of_import(run: BackfillRun, shared: SharedRun, *, is_any_left: bool) -> bool:
    if run.status != Status.RUNNING:
        return False
    if run.stop_requested or (run.pause_requested and is_any_left):
        life.heed(run)
    elif shared.halted:
        status = Status.FAILED if shared.halted["broken"] else Status.INTERRUPTED
        life.finish(run, status, reason=shared.halted["reason"], actor=shared.actor)
    elif is_any_left:
        return False
    else:
        verdict, reason = verdict_of(outcome_counts(run), is_canary=shared.kept["is_canary"])
        life.finish(run, verdict, reason=reason, actor=shared.actor)
    counts = {**outcome_counts(run), **shared.kept["waiting"]}
    log_parts.write(run, [{"status": run.status, **counts, "seconds": f"{_seconds(shared):.1f}"}])
    if run.status == Status.PAUSED:
        SharedRun.objects.filter(run=run).update(is_at_work=False)
    else:
        shares.drop(run)
    return True


def _end_of_revert(run: BackfillRun, shared: SharedRun, *, is_any_left: bool) -> bool:
    """Close a revert. One that is paused is planned anew when it is resumed, so nothing is kept of it."""
    counts, is_whole, reason = shared.counts, shared.kept["is_whole"], ""
    if run.stop_requested:
        status, reason = INTERRUPTED, life.stopped_by(run.asked_by or run.actor)
    elif run.pause_requested and is_any_left and is_whole:
        status, reason = PAUSED, life.paused_by(run.asked_by or run.actor)
    elif shared.halted:
        status = FAILED if shared.halted["broken"] else INTERRUPTED
        reason = shared.halted["reason"]
    elif is_any_left:
        return False
    elif failed := counts.get("failed"):
        status, reason = FAILED, not_removed(failed)
    else:
        status = REVERTED
    if status == PAUSED:
        life.pause(run)
    else:
        end(run, status, reason, shared.actor, is_whole=is_whole)
    log_parts.write(run, [last_line(status, counts, _seconds(shared), reason)], log_parts.Log.MANIFEST)
    shares.drop(run)
    return True


def _seconds(shared: SharedRun) -> float:
    return (timezone.now() - shared.opened_at).total_seconds()


def keep_log(run: BackfillRun, folder: Path, log: str = log_parts.Log.RUN) -> Path | None:
    """Put the log into its file; None where that cannot be: it can be downloaded all the same."""
    try:
        return log_parts.put_into_file(run, folder, log)
    except (OSError, Refused) as error:
        logger.error("The log of the run %s was not written to %s: %s", run.run_id, folder, error)
        return None
