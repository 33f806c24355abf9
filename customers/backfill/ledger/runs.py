"""What there is to know about runs: listed, and one in full. The command and the admin both ask here."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from customers.backfill.ledger import at_work
from customers.backfill.ledger.counts import counts_of, outcome_counts, step_states, warning_counts
from customers.backfill.ledger.shares import Sharing, sharing_of
from customers.backfill.ledger.standing import (
    REVERT_INTERRUPTED,
    REVERT_PAUSED,
    Standing,
    shown_status,
    standing_of,
)
from customers.backfill.ledger.taken_back import taken_back, to_go_on
from customers.backfill.refused import Refused
from customers.models import BackfillRow, BackfillRun, PlanApproval

Status = BackfillRun.Status
FAILURES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list. `status` is what it is now: a run that says running while nobody works has died."""

    run: BackfillRun
    status: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run in full. `failures` are the first of all: line, external_id, code and message."""

    run: BackfillRun
    status: str
    standing: Standing
    counts: dict[str, int]
    steps: Mapping[str, dict[str, int]]
    rate_per_s: float | None
    failures: Sequence[tuple[int, str, str, str]] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)  # rows by code
    next: Sequence[str] = field(default_factory=tuple)
    approvals: Sequence[PlanApproval] = ()
    taken_back: int = 0  # customers, by themselves
    sharing: Sharing | None = None  # of a run that workers do together

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def list_runs(limit: int | None = None) -> list[RunLine]:
    """Return the runs, newest first, in two queries."""
    running = at_work.runs_at_work()
    runs = list(BackfillRun.objects.order_by("-id")[:limit])
    counts = counts_of(runs)
    return [RunLine(run, shown_status(run, running), counts[run.pk]) for run in runs]


def find_run(run_id: str) -> BackfillRun:
    """Find a run by its id; raise Refused."""
    run = BackfillRun.objects.filter(run_id=run_id).first()
    if run is None:
        raise Refused(f"There is no run {run_id!r}.", "See them all with: python manage.py backfill_runs")
    return run


def describe(run: BackfillRun) -> RunDetail:
    """Read one run in full, in a few queries whatever its size."""
    counts = outcome_counts(run)
    standing = standing_of(run, counts)
    done = counts["created"] + counts["completed"]
    return RunDetail(
        run=run,
        status=standing.status,
        standing=standing,
        counts=counts,
        steps=step_states(run),
        rate_per_s=done / run.active_s if done and run.active_s else None,
        failures=_failures(run),
        warnings=warning_counts(run),
        next=_next(run, standing),
        approvals=list(PlanApproval.objects.held_by(run)),
        taken_back=len(taken_back(run)),
        sharing=sharing_of(run),
    )


def _failures(run: BackfillRun) -> list[tuple[int, str, str, str]]:
    failed = run.rows.filter(outcome=BackfillRow.Outcome.FAILED).order_by("line")[:FAILURES_SHOWN]
    return [
        (row.line, row.external_id, problem["code"], problem["message"])
        for row in failed
        for problem in row.problems
    ]


def warnings_of(run: BackfillRun) -> Iterator[tuple[int, str, Mapping[str, str]]]:
    """Return each warning of a run with its line and external_id, in the order of the file."""
    warned = run.rows.exclude(warnings=[]).order_by("line").values_list("line", "external_id", "warnings")
    return ((line, who, warning) for line, who, found in warned.iterator() for warning in found)


def _next(run: BackfillRun, standing: Standing) -> list[str]:
    """Name the commands that make sense now, the likeliest first."""
    status = standing.status
    if run.taking_back:
        return [to_go_on(run)]
    go_on = again(run, run.options.get("first") if standing.waiting else None)
    undo = f"backfill_revert --run-id {run.run_id} --dry-run"
    if status in (Status.REVERTING, REVERT_INTERRUPTED):
        return [f"backfill_revert --run-id {run.run_id}"]
    if status == Status.REVERTED:
        return [go_on]
    if status in (Status.PAUSED, REVERT_PAUSED):
        return [f"backfill_control {run.run_id} resume"]
    if status in (Status.RUNNING, Status.QUEUED):
        return [f"backfill_runs {run.run_id}"]
    if status == Status.ABANDONED:
        return [undo]
    after = [
        f"{name} --run-id {run.run_id}"
        for name in ("backfill_reconcile", "backfill_verify", "backfill_welcome")
    ]
    if status == Status.SUCCEEDED:
        return [*after, undo]
    if standing.waiting:
        rest = again(run)
        return [*after, rest, undo] if status == Status.CANARY else [go_on, after[0], rest, undo]
    return [go_on, after[0], undo]


def again(run: BackfillRun, first: int | None = None) -> str:
    """Return the command that goes on with a run, with the options that decide what it makes.

    Without `--billing-time`, say, the second half of a run would be billed otherwise than the first.
    """
    parts = ["backfill_customers", "--input", run.input_name]
    parts += [
        f"--{name.replace('_', '-')}"
        for name in ("skip_existing", "allow_partial", "accept_invoices_today")
        if run.options.get(name)
    ]
    if first:
        parts += ["--first", str(first)]
    if date_format := run.options.get("date_format"):
        parts += ["--date-format", date_format]
    if (mark := run.options.get("decimal_mark", ".")) != ".":
        parts += ["--decimal-mark", mark]
    if run.options.get("billing_time", "calendar") != "calendar":
        parts += ["--billing-time", run.options["billing_time"]]
    return shlex.join(parts)
