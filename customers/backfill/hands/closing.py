"""The end of a run in shares: whoever leaves it last closes it, or whoever finds it left by the dead."""

import logging
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from customers.backfill.engine.attempt import verdict_of
from customers.backfill.ledger import life, log_parts, shares
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.refused import Refused
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
    if shared is None or now.status != Status.RUNNING or shares.held(run.pk).exists():
        return False
    if now.stop_requested or (now.pause_requested and left):
        life.heed(now)
    elif shared.halted:
        status = Status.FAILED if shared.halted["broken"] else Status.INTERRUPTED
        life.finish(now, status, reason=shared.halted["reason"], actor=shared.actor)
    elif left:
        return False
    else:
        verdict, reason = verdict_of(outcome_counts(now), is_canary=shared.kept["is_canary"])
        life.finish(now, verdict, reason=reason, actor=shared.actor)
    _write_last_line(now, shared)
    if now.status == Status.PAUSED:
        SharedRun.objects.filter(run=run).update(is_at_work=False)
    else:
        shares.drop(now)
    return True


def _write_last_line(run: BackfillRun, shared: SharedRun) -> None:
    seconds = (timezone.now() - shared.opened_at).total_seconds()
    counts = outcome_counts(run)
    last = {"status": run.status, **counts, **shared.kept["waiting"], "seconds": f"{seconds:.1f}"}
    log_parts.write(run, [last])


def keep_log(run: BackfillRun, folder: Path) -> Path | None:
    """Put the log into its file; None where that cannot be: it can be downloaded all the same."""
    try:
        return log_parts.put_into_file(run, folder)
    except (OSError, Refused) as error:
        logger.error("The log of the run %s was not written to %s: %s", run.run_id, folder, error)
        return None
