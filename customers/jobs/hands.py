"""Workers at a run in shares: a job is a turn of one of them, and looks at its end how the run stands.

A worker takes a job or two from the queue beforehand, which then wait for it while others have nothing to do.
So whoever is at the run calls again and again, and a job that has waited for long is none any more.
"""

import os
import socket
import time

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
from customers.database import database_time
from customers.jobs import reverts, settling
from customers.models import BackfillRun, BackfillUpload, RunShare, SharedRun, WorkerSeen

Status = BackfillRun.Status
TASK = "customers.tasks.lend_a_hand"
LATE_S = 5.0  # after the call; by then those who are at the run have called others
AGAIN_S = 60.0  # after which who could not take part looks whether it can by now
_refusals: dict[int, float] = {}  # of this process, by run
# Of which all that was begun is to be seen to be well.
WHOLE = (Status.SUCCEEDED, Status.PARTIAL, Status.CANARY)


def lend_a_hand(run_pk: int, called_at_s: float | None = None) -> str:
    """Do some shares of a run, and have others go on. Safe to call at any moment, any number of times.

    `called_at_s`: when it was called for, by the database's clock.
    """
    shared = SharedRun.objects.filter(run_id=run_pk).select_related("run").first()
    if shared is None or not (shared.is_revert or shared.run.status in (Status.RUNNING, Status.QUEUED)):
        return Lent.NOTHING
    if _is_late(run_pk, called_at_s):
        return "late"
    if time.monotonic() < _refusals.get(run_pk, 0.0):
        return Lent.REFUSED
    try:
        with one_of_many():
            if not _is_on(shared):
                return "busy"
            worker = Worker(own_name(), _call_more, timezone.now)
            lent = lend(shared.run, shared, worker)
    except Busy:
        return "busy"
    except NotAlone as error:
        shares.refuse(run_pk, socket.gethostname(), f"{error} {error.hint}")
        lent = Lent.REFUSED
    if lent is Lent.REFUSED:
        _refusals[run_pk] = time.monotonic() + AGAIN_S
    if not look_after(shared.run) and lent is not Lent.REFUSED:
        call(run_pk)
    return lent


def _is_late(run_pk: int, called_at_s: float | None) -> bool:
    """Return whether a job would only keep what waits behind it from its turn."""
    waited_s = 0.0 if called_at_s is None else database_time().timestamp() - called_at_s
    return waited_s > LATE_S and shares.hands(run_pk) > 0


def own_name() -> str:
    """Name this process among all workers, on whatever machine they are."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def call(run_pk: int) -> None:
    """Have as many workers come as there are who have nothing to do, and shares for them."""
    idle, now_s = max(WorkerSeen.number_alive(), 1) - shares.hands(run_pk), database_time().timestamp()
    for _ in range(min(shares.free(run_pk), idle)):
        if not queueing.wake(TASK, run_pk, now_s):
            return


def _call_more(run_pk: int) -> None:
    """Call again, unless something waits in the queue: then nobody has nothing to do."""
    if queueing.is_empty():
        call(run_pk)


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
