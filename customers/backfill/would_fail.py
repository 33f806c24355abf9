"""Why a run's own plan refuses what was allowed before: a preview, or the plan that it was begun with."""

from collections import Counter

from customers.backfill.engine.plan import RowAction
from customers.backfill.engine.report import Report

LINES_TOLD = 8
CODES_TOLD = 3


def what_fails(report: Report) -> str:
    """Say in one sentence which rows would fail, and by which codes."""
    failing = [row for row in report.plan.rows if row.action is RowAction.FAIL]
    codes = Counter(problem.code for row in failing for problem in row.problems)
    lines = ", ".join(str(row.line) for row in failing[:LINES_TOLD])
    more = " …" if len(failing) > LINES_TOLD else ""
    told = ", ".join(code for code, _ in codes.most_common(CODES_TOLD))
    return f"Rows that would fail now: {len(failing):,} (lines {lines}{more}: {told})."
