"""Carry on with a run that was confirmed in the admin, a slice at a time."""

from dataclasses import replace
from enum import StrEnum

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from customers.backfill import approvals, approved
from customers.backfill import uploads as staging
from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.consent import Consent
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.handing_over import SharingOut
from customers.backfill.ledger import life, run_log, schedule
from customers.backfill.ledger.at_work import Busy, NotAlone, only_one
from customers.backfill.ledger.pace import Pace, pace_of
from customers.backfill.previewed_prices import PreviewedPrices
from customers.backfill.refused import Refused
from customers.backfill.settling_in import wake_platform
from customers.backfill.source import SourceError
from customers.backfill.systems import connect
from customers.backfill.would_fail import what_fails
from customers.jobs import hands, settling
from customers.jobs.slices import Slice, Slicing
from customers.models import BackfillRun, BackfillUpload, SharedRun, WorkerSeen
from kernel import RemoteError

Status = BackfillRun.Status
TO_DO = (Status.QUEUED, Status.RUNNING)
WHOLE = (Status.SUCCEEDED, Status.PARTIAL, Status.CANARY)
ATTEMPTS = 3  # at one and the same place


class Ended(StrEnum):
    DONE = "done"
    MORE = "more"  # its time is up; the next task goes on
    SHARED = "shared"  # its rows are left to all workers
    BUSY = "busy"  # another import or revert is at work; the sweep comes back to it
    NOTHING = "nothing"  # nothing to do, or not any more
    REFUSED = "refused"  # the run says why


def import_run(run_pk: int, *, slice_of: Slicing = Slice) -> Ended:
    """Go on with a run for a while. Safe to call at any moment, any number of times.

    Whoever holds the lock is the only one at work, so a run that says `running` was left by a dead worker.
    """
    if SharedRun.objects.filter(run_id=run_pk).exists():
        return _lent(run_pk)
    try:
        with only_one():
            upload = _claim(run_pk)
            ended = _work(upload, slice_of) if upload else Ended.NOTHING
    except Busy:
        return Ended.BUSY
    except NotAlone as error:
        return _refused(run_pk, error)
    return _lent(run_pk) if ended is Ended.SHARED else ended


def _lent(run_pk: int) -> Ended:
    """Do some of its shares, and say how it stands then."""
    lent = hands.lend_a_hand(run_pk)
    if lent == Ended.BUSY:
        return Ended.BUSY
    is_left = SharedRun.objects.filter(run_id=run_pk).exists()
    return Ended.MORE if is_left else Ended.DONE


def _refused(run_pk: int, error: NotAlone) -> Ended:
    """Say so on the run: no worker can do it before the connection is another one."""
    upload = BackfillUpload.objects.filter(run_id=run_pk, run__status__in=TO_DO).first()
    if upload is None:
        return Ended.NOTHING
    _end(upload, Status.INTERRUPTED, f"{error} {error.hint}")
    return Ended.REFUSED


def _claim(run_pk: int) -> BackfillUpload | None:
    """Count the attempt before it is made: a file that kills its worker must not do so for ever."""
    to_do = BackfillUpload.objects.filter(schedule.is_due("run__"), run_id=run_pk, run__status__in=TO_DO)
    upload = to_do.select_related("run").first()
    if upload is None or upload.run is None:
        return None
    if life.heed(upload.run) or schedule.is_missed(
        upload.run
    ):  # asked of a worker that died, or none was there
        return None
    if upload.attempts >= ATTEMPTS:
        _end(upload, Status.INTERRUPTED, f"the worker died {ATTEMPTS} times over it; see its log")
        return None
    BackfillUpload.objects.filter(pk=upload.pk).update(attempts=F("attempts") + 1)
    return upload


def _work(upload: BackfillUpload, slice_of: Slicing) -> Ended:
    stop, options = Stop(), staging.options_of(upload)
    pace = pace_of(upload.run).over(Pace(None, options.concurrency))
    try:
        run_log.check_folder(settings.BACKFILL_LOG_DIR)
        with (
            connect(rate=pace.rate, concurrency=pace.concurrency, sleep=stop.sleep, writes=True) as systems,
            slice_of(stop) as progress,
        ):
            if systems.platform is not None and upload.run is not None:
                no_wait = bool(upload.options.get(settling.NO_WAIT))
                settling.expect(upload.run, upload.actor, no_wait=no_wait)
            report = import_file(
                staging.open_upload(upload), systems, replace(options, new_run=False),
                actor=upload.actor, log_dir=settings.BACKFILL_LOG_DIR,
                stop=stop, progress=progress, now=timezone.now,
                consents=_consents(upload), share_out=_sharing_out(pace),
            )  # fmt: skip
            if report.status == Status.RUNNING:
                BackfillUpload.objects.filter(pk=upload.pk).update(attempts=0)
                return Ended.SHARED
            if report.run is not None and report.status not in (*WHOLE, Status.QUEUED):
                wake_platform(systems)  # what there is of it is not looked at
    except (Refused, RemoteError, SourceError, ImproperlyConfigured) as error:
        _end(upload, Status.INTERRUPTED, f"{error} {getattr(error, 'hint', '')}".strip())
        return Ended.REFUSED
    return _settle(upload, report)


def _sharing_out(pace: Pace) -> SharingOut | None:
    """Share it out where there is more than one to do it; alone, a worker does it in slices."""
    workers = WorkerSeen.number_alive()
    return SharingOut.at(pace, workers) if workers > 1 else None


def _consents(upload: BackfillUpload) -> list[Consent]:
    """Return what was agreed to; an approved plan first, as that names the lines that differ."""
    plan: list[Consent] = [approved.Approved(staging.PREVIEW_AGAIN)] if approvals.is_required() else []
    return [*plan, PreviewedPrices(upload, staging.PREVIEW_AGAIN)]


@transaction.atomic
def _settle(upload: BackfillUpload, report: Report) -> Ended:
    if report.status == "would_fail":
        _end(upload, Status.FAILED, f"{what_fails(report)} {staging.PREVIEW_AGAIN}")
        return Ended.REFUSED
    if report.status == Status.QUEUED and report.run:
        BackfillUpload.objects.filter(pk=upload.pk).update(attempts=0)
        staging.enqueue(report.run.pk)
        return Ended.MORE
    if report.status == Status.PAUSED:
        BackfillUpload.objects.filter(pk=upload.pk).update(attempts=0)
    if report.run and report.status in WHOLE:
        settling.begin(report.run)
    elif report.run:
        settling.forget(report.run)
    if report.status == Status.SUCCEEDED:
        upload.delete()
    return Ended.DONE


def _end(upload: BackfillUpload, status: str, reason: str) -> None:
    """Say that the run stopped, unless somebody else has decided otherwise since."""
    run = BackfillRun.objects.get(upload=upload)
    life.give_up(run, status, reason=reason, actor=upload.actor)
    settling.forget(run)
