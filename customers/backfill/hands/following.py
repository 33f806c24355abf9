"""Follow a run in shares to its end, as if its rows were done here: the same progress, the same report."""

import time
from abc import ABC, abstractmethod
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
from customers.backfill.ledger import life, log_parts, shares
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.ledger.entries import steps_of
from customers.backfill.pausing import TELL
from customers.backfill.revert import SHARED, RevertReport
from customers.backfill.revert.ending import INTERRUPTED
from customers.backfill.revert.manifest import read_manifest
from customers.models import BackfillRow, BackfillRun
from kernel import Action, Problem
from kernel.chunks import chunks

Status, Log = BackfillRun.Status, log_parts.Log
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
    if not _is_over(Import(run), rows, who):
        _tell_left(run, who)
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


def follow_revert(report: RevertReport, who: Follower) -> RevertReport:
    """Return the report of what the workers took back; of what is left to them, it says `shared`."""
    run, began = report.plan.run, time.monotonic()
    if report.status == SHARED:
        who.progress.start("Reverting", report.rows)
        if not _is_over(Revert(run, is_whole=report.plan.chosen is None), report.rows, who):
            _tell_left(run, who)
            return replace(report, interrupted=True, seconds=time.monotonic() - began)
    came = read_manifest(log_parts.text_of(run, Log.MANIFEST))
    return replace(
        report,
        status=came.status,
        reason=came.reason,
        counts=came.counts,
        failures=came.failures,
        in_use=came.in_use,
        manifest=keep_log(run, who.log_dir, Log.MANIFEST),
        seconds=time.monotonic() - began,
        interrupted=report.interrupted or (came.status == INTERRUPTED and run.stop_requested),
    )


def _tell_left(run: BackfillRun, who: Follower) -> None:
    who.progress.tell(LEFT.format(run.run_id, run.run_id))


class Followed(ABC):
    """What is followed: an import or a revert of a run."""

    def __init__(self, run: BackfillRun) -> None:
        self.run = run

    @property
    @abstractmethod
    def is_under_way(self) -> bool: ...

    @property
    def is_paused(self) -> bool:
        return False

    @abstractmethod
    def left(self) -> int:
        """Count the rows that are not done yet."""

    @abstractmethod
    def ask_to_stop(self, actor: str) -> None: ...


class Import(Followed):
    @property
    def is_under_way(self) -> bool:
        return self.run.status in UNDER_WAY

    @property
    def is_paused(self) -> bool:
        return self.run.status == Status.PAUSED

    def left(self) -> int:
        return outcome_counts(self.run)["pending"]

    def ask_to_stop(self, actor: str) -> None:
        life.ask_to_stop(self.run, actor=actor)


class Revert(Followed):
    """Is over, too, when it is paused: whoever has it in hand plans anew when it is resumed."""

    def __init__(self, run: BackfillRun, *, is_whole: bool) -> None:
        super().__init__(run)
        self._is_whole, self._left = is_whole, 0

    @property
    def is_under_way(self) -> bool:
        return shares.is_reverted(self.run)

    def left(self) -> int:
        """Count them as long as there are shares: then what was left last, unless it is through."""
        if self.is_under_way:
            self._left = shares.rows_left(self.run.pk)
        elif self.run.status == Status.REVERTED or not (self._is_whole or self.run.taking_back):
            self._left = 0
        return self._left

    def ask_to_stop(self, actor: str) -> None:
        ask = life.ask_to_stop if self._is_whole else life.ask_to_stop_repair
        ask(self.run, actor=actor)


def _is_over(followed: Followed, rows: int, who: Follower) -> bool:
    """Wait for the end of so many rows; False if the run is left to the workers."""
    run, left = followed.run, rows
    is_asked = was_paused = False
    lonely_since = time.monotonic()
    while followed.is_under_way:
        if who.stop.requested and not is_asked:
            is_asked = True
            if who.leaves():
                return False
            followed.ask_to_stop(who.actor)
        who.look_after(run)
        run.refresh_from_db()
        pending = followed.left()
        who.progress.advance(left - pending)
        left = pending
        if followed.is_paused and not was_paused:
            who.progress.tell(TELL.format(with_names(capfirst(life.paused_by(run.asked_by))), run.run_id))
        was_paused = followed.is_paused
        lonely_since = _told_if_lonely(followed, who, lonely_since)
        _sleep(who.stop, asked=is_asked)
    run.refresh_from_db()
    who.progress.advance(left - followed.left())
    return True


def _told_if_lonely(followed: Followed, who: Follower, since: float) -> float:
    """Say that nobody comes; return since when nobody is at it."""
    run = followed.run
    if followed.is_paused or shares.hands(run.pk):
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
