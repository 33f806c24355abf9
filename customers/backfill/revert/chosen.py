"""A revert of chosen customers: who they are, and whether anything of the run is left without them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from customers.backfill.ledger.recorded import LEFT, MADE_OR_ALTERED
from customers.backfill.ledger.standing import REVERT_INTERRUPTED, REVERT_PAUSED
from customers.backfill.refused import Refused
from customers.backfill.source import SourceError, lines_named, open_cells
from customers.models import BackfillRun, BackfillStep
from kernel import Problem
from kernel.wording import counted, some_of

State, Status = BackfillStep.State, BackfillRun.Status
COLUMN = "external_id"
NAMED = 20
NOT_NOW = (Status.QUEUED, Status.PAUSED)
# Of these, pages offer nobody: the import is not over, or all that there is goes as a whole.
NOT_CHOSEN = (
    *NOT_NOW, Status.RUNNING, Status.REVERTING, Status.REVERTED, REVERT_INTERRUPTED, REVERT_PAUSED,
)  # fmt: skip


def read_chosen(path: Path) -> list[str]:
    """Read the external_ids of a file, of whatever kind: no other column is asked for. Raises SourceError."""
    source = open_cells(path)
    names = [name.strip().casefold() for name in source.info.header]
    if COLUMN not in names:
        told = f"{source.info.name}: there is no column {COLUMN}."
        raise SourceError(Problem("column_missing", COLUMN, told, "It says who is to be taken back."))
    if names.count(COLUMN) > 1:
        told = f"{source.info.name}: more than one column is named {COLUMN}."
        raise SourceError(Problem("column_duplicate", COLUMN, told, "Keep the one that says who is to go."))
    place, rows = names.index(COLUMN), [*source]
    if surplus := [row.line for row in rows if row.surplus]:
        raise SourceError(_surplus(source.info.name, surplus))
    return [row.cells[place] for row in rows]


def _surplus(name: str, lines: Sequence[int]) -> Problem:
    """Refuse what a spreadsheet makes of `a,b` alone in a line: taken apart, it would name somebody else."""
    told = f"{name}: there are more cells than the header has, on {lines_named(lines)}: who is meant there?"
    return Problem("cells_surplus", COLUMN, told, "Put an external_id with a comma in quotation marks.")


def choose(run: BackfillRun, named: Iterable[str]) -> frozenset[str]:
    """Return who is to be taken back: who is named, and who was begun with. Raises Refused.

    A name that is left blank is nobody; so a file of none is refused, and never means all.
    """
    chosen = {external_id.strip() for external_id in named} - {""}
    if not chosen and not run.taking_back:
        raise Refused("Nobody is named: there is no external_id.", "Nothing was removed.")
    if run.status == Status.REVERTING:
        raise Refused(
            f"A revert of the whole run {run.run_id} is unfinished.",
            f"Finish it: python manage.py backfill_revert --run-id {run.run_id}",
        )
    if run.status in NOT_NOW:
        raise Refused(
            f"The run {run.run_id} is {run.status}: its import is not over.",
            f"Stop it first: python manage.py backfill_control {run.run_id} stop",
        )
    known = set(run.rows.filter(external_id__in=chosen).values_list("external_id", flat=True))
    if unknown := sorted(chosen - known):
        raise Refused(_unknown(run, unknown), "Nothing was removed, of nobody.")
    return frozenset(chosen) | frozenset(run.taking_back)


def _unknown(run: BackfillRun, unknown: Sequence[str]) -> str:
    whom = counted(len(unknown), "customer")
    return f"The run {run.run_id} has no rows of {whom}: {some_of(unknown, NAMED)}."


def is_anything_left(run: BackfillRun) -> bool:
    """Return whether a revert of the whole run would still have something to take back."""
    return BackfillStep.objects.filter(MADE_OR_ALTERED | LEFT, row__run=run).exists()
