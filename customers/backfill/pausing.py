"""Stay with a run in one process until it is over: paused, without the lock; resumed, from the plan on."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

from django.utils.text import capfirst

from auditlog.people import with_names
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import life
from customers.backfill.ledger.at_work import staying_with
from customers.backfill.refused import Refused
from customers.backfill.revert import PAUSED, RevertReport
from customers.backfill.would_fail import what_fails
from customers.models import BackfillRun
from kernel import RemoteError

Status = BackfillRun.Status
LOOK_S = 1.0
TELL = "{}. No lock is held meanwhile. To go on: python manage.py backfill_control {} resume"
RESUMED = "Resumed: planning anew."


def import_to_the_end(
    attempt: Callable[[BackfillRun | None], Report], stop: Stop, tell: Callable[[str], None], *, actor: str
) -> Report:
    """Import, and again whenever it was paused and is resumed; `attempt` is told which run goes on."""
    run: BackfillRun | None = None
    with ExitStack() as held:
        while True:
            report: Report | None = None
            try:
                report = _attempted(attempt, run, actor)
                if report.run is None or report.status not in (Status.PAUSED, Status.QUEUED):
                    return report
                paused = report.run
            except life.PausedMeanwhile as meanwhile:
                paused = meanwhile.run
            if run is None:
                held.enter_context(staying_with(paused.pk))
            run = paused
            if not goes_on(run, stop, tell, actor=actor):
                return _left(report, run, stop)


def _attempted(
    attempt: Callable[[BackfillRun | None], Report], run: BackfillRun | None, actor: str
) -> Report:
    """Attempt it; a run that was resumed and does not begin has ended: nobody else takes it up."""
    try:
        report = attempt(run)
    except life.PausedMeanwhile:
        raise
    except (Refused, RemoteError) as error:
        if run is not None:
            life.give_up(run, Status.INTERRUPTED, reason=str(error), actor=actor)
        raise
    if run is not None and report.run is None:
        fails = report.status == "would_fail"
        reason, status = (what_fails(report), Status.FAILED) if fails else (report.reason, Status.INTERRUPTED)
        life.give_up(run, status, reason=reason, actor=actor)
    return report


def revert_to_the_end(
    run: BackfillRun,
    attempt: Callable[[bool], RevertReport],
    stop: Stop,
    tell: Callable[[str], None],
    *,
    actor: str,
) -> RevertReport:
    """Revert, and again whenever that was paused and is resumed; `attempt` is told if it is the first."""
    with staying_with(run.pk):
        report = attempt(True)
        while report.status == PAUSED:
            if not goes_on(run, stop, tell, actor=actor):
                report.status, report.reason, report.interrupted = "interrupted", stop.reason, True
                return report
            report = attempt(False)
    return report


def goes_on(run: BackfillRun, stop: Stop, tell: Callable[[str], None], *, actor: str) -> bool:
    """Wait with a paused run; False if it is not to go on here: then the stop says why."""
    stop.forget_pause()
    run.refresh_from_db()
    if _is_paused(run):
        tell(TELL.format(with_names(capfirst(life.paused_by(run.asked_by))), run.run_id))
    while _is_paused(run) and not stop.requested:
        stop.sleep(LOOK_S)
        run.refresh_from_db()
    if stop.requested:
        life.leave_paused(run, reason=stop.reason, actor=actor)
        return False
    if run.stop_requested or run.status not in (Status.QUEUED, Status.REVERTING):
        stop.request(with_names(run.reason) or _ended(run), interrupted=True)
        return False
    tell(RESUMED)
    return True


def _is_paused(run: BackfillRun) -> bool:
    return run.status == Status.PAUSED or (run.status == Status.REVERTING and run.paused_at is not None)


def _ended(run: BackfillRun) -> str:
    if run.stop_requested:
        return with_names(life.stopped_by(run.asked_by))
    return f"the run is {run.status} by now: somebody else went on with it"


def _left(report: Report | None, run: BackfillRun, stop: Stop) -> Report:
    """Return the last report as one of a run that ends here; without one, nothing was done here at all."""
    if report is None:
        raise Refused(f"The run {run.run_id} does not go on here: {stop.reason}.")
    return replace(report, run=run, status=Status.INTERRUPTED, reason=stop.reason, interrupted=True)
