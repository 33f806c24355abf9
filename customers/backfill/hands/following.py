"""Follow a run in shares to its end, as if its rows were done here: the same progress, the same report."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from django.utils.text import capfirst

from auditlog.people import with_names
from customers.backfill.engine.logged import meant
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.sharing import Ended, Sharing
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.closing import keep_log
from customers.backfill.ledger import life, shares
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.ledger.entries import steps_of
from customers.backfill.pausing import TELL
from customers.models import BackfillRow, BackfillRun
from kernel import Action, Problem
from kernel.chunks import chunks

Status = BackfillRun.Status
UNDER_WAY = (Status.RUNNING, Status.QUEUED, Status.PAUSED)
LOOK_S = 0.5
LONELY_S = 20.0
LONELY = "No worker is at the run {}. It waits for one: python manage.py qcluster"
LEFT = "The run {} is left to the workers. See it with: python manage.py backfill_runs {}"
READ_SIZE = 2_000


@dataclass(frozen=True, slots=True)
class Follower:
    """Who follows. `look_after` closes a run that nobody is at; `leaves` asks whether to leave it, once
    somebody wants an end here: else the run is stopped.
    """

    actor: str
    log_dir: Path
    stop: Stop
    progress: Progress
    look_after: Callable[[BackfillRun], bool]
    leaves: Callable[[], bool]


def follow(report: Report, who: Follower) -> Report:
    """Return the report of what the workers did; of a run that is left to them, it says `running`."""
    run, began = report.run, time.monotonic()
    if run is None:
        return report
    rows = len(report.at_hand.to_do())
    who.progress.start("Importing", rows)
    if not _is_over(run, rows, who):
        who.progress.tell(LEFT.format(run.run_id, run.run_id))
        return replace(report, status=run.status, interrupted=True, seconds=time.monotonic() - began)
    return replace(
        report,
        status=run.status,
        reason=with_names(run.reason),
        outcomes=_outcomes(report, run),
        log_path=keep_log(run, who.log_dir),
        seconds=time.monotonic() - began,
        interrupted=run.status == Status.INTERRUPTED and run.stop_requested,
    )


def _is_over(run: BackfillRun, rows: int, who: Follower) -> bool:
    """Wait for the end of so many rows; False if the run is left to the workers."""
    left = rows
    is_asked = was_paused = False
    lonely_since = time.monotonic()
    while run.status in UNDER_WAY:
        if who.stop.requested and not is_asked:
            is_asked = True
            if who.leaves():
                return False
            life.ask_to_stop(run, actor=who.actor)
        who.look_after(run)
        run.refresh_from_db()
        pending = outcome_counts(run)["pending"]
        who.progress.advance(left - pending)
        left = pending
        if run.status == Status.PAUSED and not was_paused:
            who.progress.tell(TELL.format(with_names(capfirst(life.paused_by(run.asked_by))), run.run_id))
        was_paused = run.status == Status.PAUSED
        lonely_since = _told_if_lonely(run, who, lonely_since)
        _sleep(who.stop, asked=is_asked)
    return True


def _told_if_lonely(run: BackfillRun, who: Follower, since: float) -> float:
    """Say that nobody comes; return since when nobody is at it."""
    if run.status == Status.PAUSED or shares.hands(run.pk):
        return time.monotonic()
    if time.monotonic() - since > LONELY_S:
        sharing = shares.sharing_of(run)
        why = with_names(sharing.refused) if sharing else ""
        who.progress.tell(why or LONELY.format(run.run_id))
        return time.monotonic()
    return since


def _sleep(stop: Stop, *, asked: bool) -> None:
    if asked:
        time.sleep(LOOK_S)
    else:
        stop.sleep(LOOK_S)


def _outcomes(report: Report, run: BackfillRun) -> dict[int, Ended]:
    """Read back what became of the rows, in the words that an import here would have."""
    planned = {row.line: row for row in report.at_hand.rows}
    told = ("id", "line", "outcome", "problems", "warnings")
    found = run.rows.order_by("line").exclude(outcome=BackfillRow.Outcome.PENDING).values_list(*told)
    outcomes: dict[int, Ended] = {}
    sharing = Sharing()
    for some in chunks(found.iterator(chunk_size=READ_SIZE), READ_SIZE):
        steps = steps_of(values[0] for values in some)
        for pk, line, outcome, problems, warnings in some:
            row = planned.get(line)
            if row is None:
                continue
            row.warnings = tuple(Problem(**one) for one in warnings)
            states = {name: step.state for name, step in steps.get(pk, {}).items()}
            words = {name: _word(row, name, states.get(name, "")) for name in row.verdicts}
            outcomes[line] = sharing.ended(
                outcome,
                words if row.is_to_do else meant(row),
                tuple(Problem(**one) for one in problems),
            )
    return outcomes


def _word(row: PlannedRow, name: str, state: str) -> str:
    return "done" if row.means(name, Action.DONE) else state
