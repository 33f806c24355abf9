"""Pick up what a dead worker left lying, and forget files that are not needed any more."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from customers.backfill import uploads as staging
from customers.backfill.ledger import at_work, schedule
from customers.backfill.notices import outbox
from customers.jobs.waking import enqueue
from customers.models import BackfillRun, RunJob

Status = BackfillRun.Status
LATELY = timedelta(days=1)  # of what lay there before, nobody waits to hear


def sweep() -> int:
    """Wake the worker for everything that waits; return how much that was. Safe to call at any moment."""
    staging.forget_old()
    left = Q(status=Status.QUEUED) & schedule.is_due()
    if not at_work.is_busy():  # then whatever says that it is running has lost its worker
        left |= Q(status=Status.RUNNING)
    runs = list(BackfillRun.objects.filter(left, upload__isnull=False).values_list("pk", flat=True))
    for run_pk in runs:
        staging.enqueue(run_pk)
    jobs = list(RunJob.objects.unfinished().values_list("pk", flat=True))
    for job_pk in jobs:
        enqueue(job_pk)
    _tell_of_the_dead()
    return len(runs) + len(jobs)


def _tell_of_the_dead() -> None:
    """Tell of imports of a terminal that was killed: of others, the next worker goes on by itself."""
    lately = Q(settled_at__gt=timezone.now() - LATELY) | Q(started_at__gt=timezone.now() - LATELY)
    running = BackfillRun.objects.filter(lately, status=Status.RUNNING, upload__isnull=True)
    for run_pk in list(running.values_list("pk", flat=True)):
        # Asked after it was seen to be running: one that has ended meanwhile says so, and holds no lock.
        if run_pk not in at_work.runs_at_work():
            _tell_if_dead(run_pk)


@transaction.atomic
def _tell_if_dead(run_pk: int) -> None:
    """Tell of a run that nobody was at; of two sweeps at once, the second sees that the first has told."""
    run = BackfillRun.objects.select_for_update().get(pk=run_pk)
    if run.status == Status.RUNNING:
        outbox.tell_died(run)
