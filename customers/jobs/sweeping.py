"""Pick up what a dead worker left lying, and forget files that are not needed any more."""

from django.db.models import Q

from customers.backfill import uploads as staging
from customers.backfill.ledger import at_work, schedule
from customers.backfill.notices.died import notice_dead
from customers.jobs import hands
from customers.jobs.waking import enqueue
from customers.models import BackfillRun, RunJob

Status = BackfillRun.Status


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
    notice_dead()
    return len(runs) + len(jobs) + hands.sweep()
