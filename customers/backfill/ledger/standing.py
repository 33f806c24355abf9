"""How far the import of a run came: what every verdict about the run stands on."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from customers.backfill.ledger import at_work
from customers.backfill.ledger.counts import outcome_counts
from customers.models import BackfillRun
from kernel.wording import counted

Status = BackfillRun.Status
REVERT_INTERRUPTED = "revert interrupted"
REVERT_PAUSED = "revert paused"
FINISHED = (Status.SUCCEEDED, Status.PARTIAL, Status.CANARY, Status.REVERTED)
WORDS = {
    Status.QUEUED: "it waits for a worker",
    Status.RUNNING: "it is under way",
    Status.PAUSED: "it is paused",
    Status.INTERRUPTED: "it was interrupted",
    Status.FAILED: "it failed",
    Status.ABANDONED: "it was abandoned for another run over the same file",
    Status.REVERTING: "a revert of it is under way",
    REVERT_INTERRUPTED: "a revert of it was interrupted",
    REVERT_PAUSED: "a revert of it is paused",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """`expected` are the rows of the file; None for a run of version 1.0, which did not write it down."""

    status: str  # as people see it
    staged: int
    pending: int
    expected: int | None = None
    waiting: int = 0  # rows after the first customers, which nobody has told it to begin with
    taking_back: int = 0  # customers of an unfinished revert of chosen ones

    @property
    def is_finished(self) -> bool:
        return not self.gaps

    @property
    def rows(self) -> str:
        """Say how many rows the run has, of how many."""
        if self.expected in (None, self.staged):
            return f"{self.staged:,} {'row' if self.staged == 1 else 'rows'}"
        return f"{self.staged:,} of {self.expected:,} rows"

    @property
    def gaps(self) -> tuple[str, ...]:
        """Say what a verdict must not hide; nothing if the whole file was worked on."""
        return tuple(self._gaps())

    def _gaps(self) -> Iterator[str]:
        if self.status not in FINISHED:
            yield WORDS.get(self.status, self.status)
        if self.taking_back:
            yield f"a revert of {counted(self.taking_back, 'chosen customer')} is unfinished"
        if self.expected is not None and self.staged + self.waiting < self.expected:
            yield f"{self.rows} were staged"
        elif not self.staged:
            yield "no row was staged"
        if self.pending:
            yield f"{self.pending:,} {'row is' if self.pending == 1 else 'rows are'} still pending"

    @property
    def sentence(self) -> str:
        """Tell of an unfinished run in one sentence; blank for a finished one."""
        return "" if self.is_finished else f"This run is not whole: {'; '.join(self.gaps)}."

    @property
    def waiting_sentence(self) -> str:
        return waiting_sentence(self.waiting)

    def as_json(self) -> dict[str, object]:
        return {
            "finished": self.is_finished,
            "status": self.status,
            "rows_expected": self.expected,
            "rows_staged": self.staged,
            "rows_pending": self.pending,
            "rows_waiting": self.waiting,
        }


def waiting_rows(run: BackfillRun, staged: int) -> int:
    """Count the rows that wait while a run does no more than its first customers."""
    limited = bool(run.options.get("first")) and staged and run.input_rows
    return max(run.input_rows - staged, 0) if limited and run.input_rows else 0


def waiting_sentence(waiting: int) -> str:
    """Say of rows that wait that there are some; blank if there is none."""
    if not waiting:
        return ""
    rows = "1 row of the file waits" if waiting == 1 else f"{waiting:,} rows of the file wait"
    return f"Only its first customers were to go in: {rows}, and nothing of them has been begun."


def shown_status(run: BackfillRun, running: Container[int] | None = None) -> str:
    """Return the status as people should see it: what died is interrupted, whatever its last word was.

    `running` is what `runs_at_work` gives, if it is at hand.
    """
    if run.status not in (Status.RUNNING, Status.REVERTING):
        return run.status
    if run.status == Status.REVERTING and run.paused_at is not None:
        return REVERT_PAUSED
    if run.pk in (at_work.runs_at_work() if running is None else running):
        return run.status
    return Status.INTERRUPTED if run.status == Status.RUNNING else REVERT_INTERRUPTED


def standing_of(run: BackfillRun, counts: Mapping[str, int] | None = None) -> Standing:
    """Look how far a run came; `counts` are its rows by outcome, if they are at hand."""
    counts = outcome_counts(run) if counts is None else counts
    staged = sum(counts.values())
    waiting = waiting_rows(run, staged)
    going = len(run.taking_back)
    return Standing(shown_status(run), staged, counts["pending"], run.input_rows, waiting, going)
