"""Wait for the platform's sync after what the worker wrote, a slice at a time, and look; anybody can end it.

It is written down that somebody is to wait before anything else is written. So a worker that is killed at any
moment leaves behind what the next one has to do.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.life import STOPPED_BY_HAND
from customers.backfill.settling_in import cards_to_look_at, nobody_waits, settle_in
from customers.backfill.systems import Systems
from customers.jobs.slices import Slicing
from customers.jobs.waking import enqueue
from customers.models import BackfillRun, RunJob
from customers.models.job import RunJobQuerySet
from polaris import PlatformDatabase, sync

Kind, Status, RunStatus = RunJob.Kind, RunJob.Status, BackfillRun.Status
NOT_YET = "waiting for the run to end"
OVERTAKEN = "the run was reverted meanwhile"
AT_WORK = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.REVERTING)
# Of which all that was begun is to be seen to be well.
WHOLE = (RunStatus.SUCCEEDED, RunStatus.PARTIAL, RunStatus.CANARY, RunStatus.REVERTED)
NO_WAIT, REVERTED = "no_wait", "reverted"


@transaction.atomic
def expect(run: BackfillRun, actor: str, *, reverted: bool = False, no_wait: bool = False) -> None:
    """Write down that somebody is to wait once this run has ended. Safe to repeat."""
    BackfillRun.objects.select_for_update().get(pk=run.pk)
    options = {REVERTED: reverted, NO_WAIT: no_wait}
    _waiting(run).exclude(status=Status.QUEUED, result={}, options=options).delete()  # over what was before
    if not _waiting(run).exists():
        RunJob.objects.create(run=run, kind=Kind.SETTLE, actor=actor, options=options)


def begin(run: BackfillRun) -> None:
    """Have the worker wait now, if somebody is to."""
    for job in _waiting(run):
        enqueue(job.pk)


def forget(run: BackfillRun) -> None:
    """Let nobody wait for what has come to no end."""
    _waiting(run).delete()


@transaction.atomic
def stop_waiting(run: BackfillRun, actor: str) -> bool:
    """End the wait at once; False if nobody waits."""
    job = _waiting(run).first()
    if job is None:
        return False
    told = nobody_waits(run, reverted=bool(job.options.get(REVERTED)))
    ended = {"reason": STOPPED_BY_HAND, "result": told.as_json(), "finished_at": timezone.now()}
    if not _waiting(run).filter(pk=job.pk).update(status=Status.STOPPED, **ended):
        return False
    record(run.audit_tag, actor, [Event("settle.stopped", f"run:{run.run_id}", {})])
    return True


def too_early(job: RunJob) -> tuple[str, str] | None:
    """Say with which status and why there is nothing to wait for; None if there is."""
    if job.run.status in AT_WORK:
        return Status.QUEUED, NOT_YET
    if job.run.status == RunStatus.REVERTED and not job.options.get(REVERTED):
        return Status.STOPPED, OVERTAKEN
    return None


def settle(
    job: RunJob, systems: Systems, slice_of: Slicing, now: datetime
) -> tuple[str, str, Mapping[str, Any]]:
    """Wait for a while, and look once the platform has synced; return status, reason and result."""
    if systems.platform is None:
        return Status.DONE, "", {}
    reverted = bool(job.options.get(REVERTED))
    cards = cards_to_look_at(job.run, reverted=reverted)
    since, until = _begun(job, systems.platform, cards, now)
    stop = Watched(job)
    with slice_of(stop) as progress:
        progress.start("Waiting", cards)
        seen = settle_in(
            job.run, systems, stop=stop, tell=_say_nothing, now=now, reverted=reverted,
            waits=not job.options.get(NO_WAIT) and job.run.status in WHOLE,
            since=since, seconds=(until - now).total_seconds(),
        )  # fmt: skip
    if seen.synced == sync.Synced.STOPPED:
        return Status.QUEUED, "" if stop.to_be_continued else NOT_YET, job.result
    return Status.DONE, "", seen.as_json() or {}


class Watched(Stop):
    """Ends the wait, too, when nobody waits any more: it was stopped, or somebody is at the run again."""

    def __init__(self, job: RunJob) -> None:
        super().__init__()
        self._awaited = _waiting(job.run).filter(pk=job.pk).exclude(run__status__in=AT_WORK)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        if not self._awaited.exists():
            self.request(NOT_YET)


def _begun(job: RunJob, platform: PlatformDatabase, cards: int, now: datetime) -> tuple[datetime, datetime]:
    """Return since when a sync counts, and until when to wait: written down, for the slices that follow."""
    if "since" not in job.result:
        until = now + timedelta(seconds=sync.patience_s(cards))
        job.result = {"since": sync.now(platform).isoformat(), "until": until.isoformat()}
        RunJob.objects.unfinished().filter(pk=job.pk).update(result=job.result)
    return datetime.fromisoformat(job.result["since"]), datetime.fromisoformat(job.result["until"])


def _waiting(run: BackfillRun) -> RunJobQuerySet:
    return RunJob.objects.unfinished().filter(run=run, kind=Kind.SETTLE)


def _say_nothing(message: str) -> None:
    """Say nothing: the page of the run says it."""
