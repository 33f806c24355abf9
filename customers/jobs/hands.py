"""Workers at a run in shares: a job is a turn of one of them, and looks at its end how the run stands."""

import os
import socket

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from customers import queueing
from customers.backfill.hands.closing import close_if_over, keep_log
from customers.backfill.hands.hand import Lent, Worker, lend
from customers.backfill.ledger import life, shares
from customers.backfill.ledger.at_work import Busy, NotAlone, one_of_many
from customers.backfill.ledger.log_parts import Log
from customers.backfill.uploads import KEPT
from customers.jobs import reverts, settling
from customers.models import BackfillRun, BackfillUpload, RunShare, SharedRun, WorkerSeen

Status = BackfillRun.Status
TASK = "customers.tasks.lend_a_hand"
# Of which all that was begun is to be seen to be well.
WHOLE = (Status.SUCCEEDED, Status.PARTIAL, Status.CANARY)


def lend_a_hand(run_pk: int) -> str:
    """Do some shares of a run, and have others go on. Safe to call at any moment, any number of times."""
    shared = SharedRun.objects.filter(run_id=run_pk).select_related("run").first()
    if shared is None or not (shared.is_revert or shared.run.status in (Status.RUNNING, Status.QUEUED)):
        return Lent.NOTHING
    try:
        with one_of_many():
            if not _is_on(shared):
                return "busy"
            worker = Worker(own_name(), call, timezone.now)
            lent = lend(shared.run, shared, worker)
    except Busy:
        return "busy"
    except NotAlone as error:
        shares.refuse(run_pk, socket.gethostname(), f"{error} {error.hint}")
        return Lent.REFUSED
    if not look_after(shared.run) and lent is not Lent.REFUSED:
        call(run_pk)
    return lent


def own_name() -> str:
    """Name this process among all workers, on whatever machine they are."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def call(run_pk: int) -> None:
    """Have as many workers come as there are who have nothing to do, and shares for them."""
    idle = max(WorkerSeen.number_alive(), 1) - shares.hands(run_pk)
    for _ in range(min(shares.free(run_pk), idle)):
        if not queueing.wake(TASK, run_pk):
            return


def look_after(run: BackfillRun) -> bool:
    """Close a run that is over; return whether it was. Whoever does so puts its log into a file."""
    shared = SharedRun.objects.filter(run=run).first()
    if shared is None or not close_if_over(run):
        return False
    run.refresh_from_db()
    if shared.is_revert:
        keep_log(run, settings.BACKFILL_LOG_DIR, Log.MANIFEST)
        reverts.close(run, shared.kept)
        return True
    keep_log(run, settings.BACKFILL_LOG_DIR)
    if run.status in WHOLE:
        settling.begin(run)
    elif run.status != Status.PAUSED:
        settling.forget(run)
    if run.status == Status.SUCCEEDED:
        BackfillUpload.objects.filter(run=run).delete()
    return True


def sweep() -> int:
    """Look after the run in shares, also where all its workers have died; return how many were called."""
    at_work = Q(run__status__in=(Status.RUNNING, Status.QUEUED)) | Q(is_revert=True)
    left = SharedRun.objects.filter(at_work).select_related("run")
    WorkerSeen.forget_old()
    _forget_what_is_over()
    runs = [shared.run for shared in left if not look_after(shared.run)]
    for run in runs:
        call(run.pk)
    return len(runs)


def _forget_what_is_over() -> None:
    """Forget what the file said of a run that nobody does in shares any more, or that is paused for long."""
    over = Q(is_revert=False) & ~Q(run__status__in=(Status.RUNNING, Status.QUEUED, Status.PAUSED))
    long_ago = Q(run__status=Status.PAUSED, run__paused_at__lt=timezone.now() - KEPT)
    for shared in SharedRun.objects.filter(over | long_ago).select_related("run"):
        shares.drop(shared.run)


@transaction.atomic
def _is_on(shared: SharedRun) -> bool:
    """Let a run that was paused go on, each share looked at anew; False while another one is at work."""
    if shared.is_at_work:
        return True
    try:
        with transaction.atomic():
            if not life.go_on(shared.run):
                return False
            SharedRun.objects.filter(pk=shared.pk).update(is_at_work=True, halted={})
    except IntegrityError:
        return False
    RunShare.objects.filter(run=shared.run, is_done=False, claims=0).update(claims=1)
    return True
