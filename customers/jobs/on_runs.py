"""Reconcile, verify, look at and do a revert or a repair: asked for in the admin, done by the worker."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers import locks
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.handing_over import SharingOut
from customers.backfill.ledger import life, run_log, shares
from customers.backfill.ledger.at_work import Busy
from customers.backfill.ledger.pace import Pace, pace_of
from customers.backfill.reconcile import reconcile
from customers.backfill.refused import Refused
from customers.backfill.repair import plan_repair, repair
from customers.backfill.revert import PAUSED, Choice, plan_revert, revert
from customers.backfill.revert import SHARED as SHARED_OUT
from customers.backfill.revert.carrying_out import ShareOut
from customers.backfill.revert.expected import expected_removals
from customers.backfill.systems import Systems, connect
from customers.jobs import hands, results, reverts, settling, verifying
from customers.jobs.ending import HELD, SHARED, WAITING, close
from customers.jobs.reverts import WITHOUT
from customers.jobs.slices import Slice, Slicing
from customers.jobs.waking import enqueue
from customers.models import BackfillRun, RunJob, WorkerSeen
from kernel import RemoteError

Kind, Status, RunStatus = RunJob.Kind, RunJob.Status, BackfillRun.Status
ONLY = "only"  # the option of a revert and of its look that names the chosen customers
LOOK = "look"  # the option of a repair that names the look that was confirmed
LEAVE_OUT = "leave_out"  # the option of a repair that names the lines that are to stay as they are
LOOKING = (Kind.REVERT_PREVIEW, Kind.REPAIR_PREVIEW)
WRITING = (Kind.REVERT, Kind.REPAIR, Kind.CHARGE)
ATTEMPTS = 3

Outcome = tuple[str, str, Mapping[str, Any]]  # status, reason, result


@transaction.atomic
def ask(run: BackfillRun, kind: str, actor: str, **options: Any) -> RunJob:
    """Queue a job, or join the one that is under way. Safe to repeat.

    Raises Refused of a test session while one of another run is under way.
    """
    BackfillRun.objects.select_for_update().get(pk=run.pk)
    job = RunJob.objects.unfinished().filter(run=run, kind=kind).first()
    if job is None:
        job = _made(run, kind, actor, options)
        if kind in (Kind.REVERT, Kind.REPAIR):
            life.forget_stop(run)
        if kind not in LOOKING:
            record(run.audit_tag, actor, [Event(f"{kind}.asked", f"run:{run.run_id}", _noted(options))])
    enqueue(job.pk)
    return job


def _noted(options: Mapping[str, Any]) -> dict[str, Any]:
    """Count whom a revert names: each of them has entries of their own."""
    return {name: len(value) if name == ONLY else value for name, value in options.items()}


def _made(run: BackfillRun, kind: str, actor: str, options: Mapping[str, Any]) -> RunJob:
    try:
        with transaction.atomic():
            return RunJob.objects.create(run=run, kind=kind, actor=actor, options=dict(options))
    except IntegrityError:  # this run has none, so it is another one's
        raise Refused(
            "A test session of another run is under way.", "Wait for its end: charge boxes are shared."
        ) from None


def run_job(job_pk: int, *, slice_of: Slicing = Slice) -> str:
    """Do a job, or a slice of it. Safe to call at any moment, any number of times; return its status."""
    try:
        return _run_job(job_pk, slice_of)
    except locks.SharedSession as shared:
        job = RunJob.objects.unfinished().filter(pk=job_pk).select_related("run").first()
        refused = Status.REFUSED, f"{shared} {shared.hint}"
        return close(job, *refused, _so_far(job)) if job else "nothing"


def _run_job(job_pk: int, slice_of: Slicing) -> str:
    with locks.JOB.held(job_pk) as mine:
        job = RunJob.objects.unfinished().filter(pk=job_pk).select_related("run").first() if mine else None
        if job is None:
            return "nothing"
        if job.attempts >= ATTEMPTS:
            why = f"the worker died {ATTEMPTS} times over it; see its log"
            return close(job, Status.REFUSED, why, _so_far(job))
        job.status, job.attempts = Status.RUNNING, job.attempts + 1
        begun = RunJob.objects.unfinished().filter(pk=job.pk)  # unless somebody has ended it meanwhile
        if not begun.update(status=job.status, attempts=job.attempts):
            return "nothing"
        return close(job, *_outcome(job, slice_of))


def _outcome(job: RunJob, slice_of: Slicing) -> Outcome:
    stop = Stop()
    if job.kind == Kind.SETTLE and (early := settling.too_early(job)):
        return *early, {}
    if job.kind == Kind.REVERT and shares.is_reverted(job.run):  # by workers, who close it
        return Status.QUEUED, SHARED, job.result
    if job.kind == Kind.REVERT and life.is_held(job.run):
        return Status.QUEUED, HELD, job.result
    pace = _pace_of(job)
    try:
        with connect(
            rate=pace.rate, concurrency=pace.concurrency, sleep=stop.sleep,
            without=_left_out(job), writes=job.kind in WRITING,
        ) as systems:  # fmt: skip
            return _WORK[job.kind](job, systems, stop, slice_of)
    except Busy:
        return Status.QUEUED, WAITING, _so_far(job)
    except Refused as error:
        return Status.REFUSED, f"{error} {error.hint}".strip(), _so_far(job)
    except (RemoteError, ImproperlyConfigured) as error:
        return Status.REFUSED, str(error), _so_far(job)


def _so_far(job: RunJob) -> Mapping[str, Any]:
    """Return what must not be forgotten of a job: that a session may run on in SteVe, what is repaired."""
    return job.result if job.kind in (Kind.REPAIR, *verifying.KINDS) else {}


def _reconcile(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    return Status.DONE, "", results.of_reconciliation(reconcile(job.run, systems))


def _preview(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    plan = plan_revert(job.run, systems, only=job.options.get(ONLY))
    expected = expected_removals(plan, systems.steps, Choice())
    return Status.DONE, "", results.of_revert_plan(plan) | {"expected": list(expected)}


def _revert(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    run_log.check_folder(settings.BACKFILL_LOG_DIR)
    with slice_of(stop) as progress:
        report = revert(
            job.run, systems, _choice(job),
            actor=job.actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop, progress=progress,
            batch_size=settings.BACKFILL_BATCH_SIZE, concurrency=settings.BACKFILL_CONCURRENCY,
            only=job.options.get(ONLY), share_out=_sharing_out(job),
        )  # fmt: skip
    if report.status == SHARED_OUT:
        if not hands.look_after(job.run):  # all may stay
            hands.call(job.run.pk)
        return Status.QUEUED, SHARED, job.result
    if report.status in ("reverted", "nothing") and systems.platform:  # nothing: a worker died at the end
        reverts.expect_sync(job)
    if report.status == PAUSED:
        return Status.QUEUED, HELD if life.is_held(job.run) else "", results.of_revert(report)
    if stop.to_be_continued and not report.is_well:
        return Status.QUEUED, "", {}
    return reverts.STATUS.get(report.status, Status.DONE), report.reason, results.of_revert(report)


def _pace_of(job: RunJob) -> Pace:
    """Return what was chosen for a revert that is under way."""
    is_on = job.kind == Kind.REVERT and job.run.status == RunStatus.REVERTING
    return pace_of(job.run) if is_on else Pace()


def _sharing_out(job: RunJob) -> ShareOut | None:
    """Share a revert out where there is more than one to do it, as an import."""
    workers = WorkerSeen.number_alive()
    if workers < 2:
        return None
    return SharingOut.at(_pace_of(job), workers, **{reverts.JOB: job.pk}).of_revert


def _repair_preview(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    return Status.DONE, "", results.of_repair_plan(plan_repair(job.run, systems))


def _repair(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    """Do what was confirmed and nothing else: a worker that comes after a dead one finds less of it to do."""
    run_log.check_folder(settings.BACKFILL_LOG_DIR)
    look = job.run.jobs.filter(kind=Kind.REPAIR_PREVIEW, pk=job.options.get(LOOK)).first()
    with slice_of(stop) as progress:
        report = repair(
            job.run, systems, shown=results.shown_of(look.result) if look else (),
            actor=job.actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop, progress=progress,
            batch_size=settings.BACKFILL_BATCH_SIZE, concurrency=settings.BACKFILL_CONCURRENCY,
            leave_out=job.options.get(LEAVE_OUT, ()), goes_on=True, is_told=bool(job.result),
        )  # fmt: skip
    if stop.to_be_continued and report.status == "interrupted":
        return Status.QUEUED, "", results.of_repair(report, job.result)
    if report.status in ("repaired", "nothing") and systems.platform:  # nothing: a worker died at the end
        settling.expect(job.run, job.actor)
        settling.begin(job.run)
    status = Status.DONE if report.status in ("repaired", "nothing") else Status.STOPPED
    return status, report.reason, results.of_repair(report, job.result)


def _settle(job: RunJob, systems: Systems, stop: Stop, slice_of: Slicing) -> Outcome:
    return settling.settle(job, systems, slice_of, timezone.now())


def _left_out(job: RunJob) -> list[str] | None:
    """Name what is to be left alone; only a revert can do without a system."""
    whole = (Kind.RECONCILE, Kind.SETTLE, Kind.REPAIR_PREVIEW, Kind.REPAIR, *verifying.KINDS)
    return None if job.kind in whole else list(job.options.get(WITHOUT, ()))


def _choice(job: RunJob) -> Choice:
    """Read the choice that was kept with the job, perhaps by another version."""
    known = {field.name for field in fields(Choice)}
    return Choice(**{name: value for name, value in job.options.items() if name in known})


_WORK: Mapping[str, Callable[[RunJob, Systems, Stop, Slicing], Outcome]] = {
    Kind.RECONCILE: _reconcile,
    Kind.REVERT_PREVIEW: _preview,
    Kind.REVERT: _revert,
    Kind.REPAIR_PREVIEW: _repair_preview,
    Kind.REPAIR: _repair,
    Kind.SETTLE: _settle,
    Kind.VERIFY: verifying.look,
    Kind.CHARGE: verifying.charge,
}
