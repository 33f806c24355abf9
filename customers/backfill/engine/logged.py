"""What the log of a run says: of the run as it begins, and of each row as it ends."""

from collections.abc import Iterator, Mapping
from typing import Any

from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow, RowAction
from customers.backfill.engine.report import Report
from customers.backfill.ledger.log_reading import ALTERED, MADE
from customers.backfill.ledger.recorded import made_elsewhere
from customers.backfill.source.lines import ranges
from customers.models import BackfillRun
from kernel.chunks import chunks

LOG_LINES = 1_000  # written at a time


def all_without_calls(run: BackfillRun, planned: Report) -> Iterator[list[Settled]]:
    """Give the rows of which nothing is to be done, as they end, some at a time."""
    for some in chunks((row for row in planned.at_hand.rows if not row.is_to_do), LOG_LINES):
        # A new run has made nothing yet.
        made = made_elsewhere(run, [row.line for row in some]) if planned.continues else {}
        yield [without_calls(row, made.get(row.line, {})) for row in some]


def without_calls(row: PlannedRow, made: Mapping[str, str]) -> Settled:
    outcome = "failed" if row.action is RowAction.FAIL else "skipped"
    return Settled(row, outcome, meant(row), row.problems, made=made)


def meant(row: PlannedRow) -> dict[str, str]:
    """Say of each step what the plan means to do."""
    return {name: str(action) for name, action in row.actions.items()}


def log_line(settled: Settled) -> dict[str, object]:
    row = settled.row
    line: dict[str, object] = {
        "line": row.line,
        "external_id": row.wanted.external_id,
        "outcome": settled.outcome,
    }
    line |= settled.steps
    if settled.problems:
        line["code"] = ",".join(problem.code for problem in settled.problems)
    if settled.made:
        line[MADE] = ",".join(f"{name}:{ref}" for name, ref in settled.made.items())
    if settled.altered:
        line[ALTERED] = ",".join(settled.altered)
    return line


def first_line(planned: Report, options: Options) -> dict[str, object]:
    target = planned.systems.target
    return {
        "file": planned.info.name,
        "sha256": planned.info.sha256,
        "rows": len(planned.plan.rows),
        **waiting(planned),
        "lago": target.organization.name,
        "lago_organization": target.organization.lago_id,
        "lago_url": target.url,
        "steve": planned.systems.steve_url or "none",
        **{f"world_{key}": which for key, which in planned.systems.world.items()},
        **_told(options),
    }


def waiting(planned: Report) -> dict[str, object]:
    return {"waiting": planned.canary.waiting_rows} if planned.canary else {}


def _told(options: Options) -> dict[str, Any]:
    """Return the options for the log; of a corrected file, on which lines it differs from which."""
    told = {name: value for name, value in options.as_json().items() if name != "corrected"}
    if options.corrected:
        told["corrected_lines"] = ranges(options.corrected["lines"])
        told["corrected_from"] = options.corrected["from_sha256"]
    return told
