"""What a plan meets as somebody else's, though the log of a run says that the run made it.

A log line is written once the ledger has it. So a log that knows more tells of a database that was put back;
who adopts those things then, cannot revert them any more.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.ledger.reclaim import Place, Reclaim, unclaimed
from customers.backfill.refused import Refused
from customers.backfill.steps import elsewhere
from kernel import Action, Problem

MADE_BEFORE_A_RESTORE = "made_before_a_restore"


def told_by_logs(planned: Report, log_dir: Path) -> Report:
    """Add the warning that a run's log knows what is met here, and how it is taken back into the ledger."""
    if planned.reclaim is not None or not (met := dict(_met(planned.plan))):
        return planned
    for known in unclaimed(log_dir, planned.info, planned.systems):
        number = sum(place in met and _is_it(met[place], made.ref) for place, made in known.made.items())
        if number:
            return replace(planned, warnings=[*planned.warnings, _warning(known, number)])
    return planned


def _is_it(there: str, made: str) -> bool:
    """Compare ids, if both are known: logs of 1.0 have none, nor has a row that fails."""
    return not there or not made or there == made


def refuse_to_adopt(planned: Report) -> None:
    """Raise Refused where a plan would take for somebody else's what a log says a run of ours made."""
    warning = next((one for one in planned.warnings if one.code == MADE_BEFORE_A_RESTORE), None)
    if warning and planned.options.skip_existing:
        raise Refused(warning.message, warning.hint)


def _met(plan: Plan) -> Iterator[tuple[Place, str]]:
    """Return what is there and would be adopted, by its id; none where the row fails for it."""
    names, clear = elsewhere(), set[int]()  # verdicts that many rows share, and that meet nothing
    for row in plan.rows:
        if id(row.verdicts) in clear and not row.problems:
            continue
        met = list(_met_by(row, names))
        if not met:
            clear.add(id(row.verdicts))
        yield from met


def _met_by(row: PlannedRow, names: Iterable[str]) -> Iterator[tuple[Place, str]]:
    codes = {problem.code for problem in row.problems}
    for name in names:
        if row.means(name, Action.ADOPT):
            yield (row.line, name), row.verdicts[name].ref
        elif f"{name}_exists" in codes:
            yield (row.line, name), ""


def _warning(known: Reclaim, number: int) -> Problem:
    return Problem(
        MADE_BEFORE_A_RESTORE,
        None,
        f"The log {known.log.path.name} says that the run {known.run.run_id} made {number:,} of the things"
        " that are there already, and the ledger does not know it: a backup was put back.",
        "Import at a terminal with --reclaim. With --skip-existing alone they would be adopted, and a revert"
        " would leave them there, billing (docs/backup.md).",
    )
