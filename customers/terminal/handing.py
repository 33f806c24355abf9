"""`--workers`: an import or a revert that is planned here and done by the workers."""

import sys

from django.conf import settings

from customers import jobs, queueing
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.following import Follower, follow, follow_revert
from customers.backfill.hands.handing_over import SharingOut
from customers.backfill.ledger.pace import Pace
from customers.backfill.refused import Refused
from customers.backfill.revert import RevertReport
from customers.models import BackfillRun, WorkerSeen
from customers.terminal.output import TerminalProgress

STOP, LEAVE = "s", "l"
QUESTION = "Stop the run (s), or leave it to the workers (l)? "
HEARD = "Once more ends this command at once; the workers go on then."
NO_WORKER = "No worker is there to do the run."


def require_workers() -> None:
    """Raise Refused while nobody could do it: nothing is written then."""
    if not WorkerSeen.number_alive():
        raise Refused(NO_WORKER, "Start one: python manage.py qcluster. Or leave --workers away.")
    if not queueing.answers():
        raise Refused("The queue (Q_BROKER_URL) does not answer.", "Leave --workers away to do it here.")


def sharing_out(pace: Pace) -> SharingOut:
    return SharingOut.at(pace, WorkerSeen.number_alive())


def follow_to_the_end(report: Report, stop: Stop, progress: TerminalProgress, *, actor: str) -> Report:
    """Call the workers, and follow the run."""
    if report.run is None or report.status != BackfillRun.Status.RUNNING:
        return report
    jobs.call_hands(report.run.pk)
    return follow(report, _follower(stop, progress, actor))


def follow_revert_to_the_end(
    report: RevertReport, stop: Stop, progress: TerminalProgress, *, actor: str
) -> RevertReport:
    """Call the workers, and follow the revert, unless it did not even begin."""
    if report.manifest is None:
        return report
    jobs.call_hands(report.plan.run.pk)
    return follow_revert(report, _follower(stop, progress, actor))


def _follower(stop: Stop, progress: TerminalProgress, actor: str) -> Follower:
    return Follower(
        actor=actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop, progress=progress,
        look_after=jobs.look_after, leaves=lambda: _leaves(progress),
    )  # fmt: skip


def _leaves(progress: TerminalProgress) -> bool:
    """Ask who is there; nobody is, without a terminal: then the run is stopped."""
    if not sys.stdin.isatty():
        return False
    answer = ""
    with progress.aside():
        while answer not in (STOP, LEAVE):
            sys.stderr.write(QUESTION)
            sys.stderr.flush()
            answer = sys.stdin.readline().strip().lower()[:1] or LEAVE
    return answer == LEAVE
