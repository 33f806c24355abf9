"""How a job stands is written down: at its end, or where it is put off."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.backfill.notices import outbox
from customers.jobs import looked, settling
from customers.jobs.waking import enqueue
from customers.models import RunJob

Kind, Status = RunJob.Kind, RunJob.Status


WAITING = "waiting for another import or revert to end"
HELD = "paused"
SHARED = "done by workers together"
PUT_OFF = (WAITING, HELD, SHARED, settling.NOT_YET)  # these, the sweep wakes


@transaction.atomic
def close(job: RunJob, status: str, reason: str, result: Mapping[str, Any]) -> str:
    """Write down how it stands, unless somebody has ended it meanwhile."""
    values: dict[str, Any] = {"status": status, "reason": reason[:500], "result": dict(result)}
    if status == Status.QUEUED:
        values["attempts"] = 0
    else:
        values["finished_at"] = timezone.now()
    if not RunJob.objects.unfinished().filter(pk=job.pk).update(**values):
        return "nothing"
    if status == Status.QUEUED and reason not in PUT_OFF:
        enqueue(job.pk)
    looked.tell(job, status, values["result"])
    if status == Status.REFUSED and job.kind != Kind.REVERT_PREVIEW:  # which somebody looks at
        outbox.tell_job_refused(job, reason)
    return status
