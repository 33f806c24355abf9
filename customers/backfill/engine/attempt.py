"""A whole import, from an opened file to a report. The command, the admin and the worker all call this."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from django.db import transaction

from customers.backfill.checks import check_row, clashes, file_warnings
from customers.backfill.engine.apply import Importer
from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.options import Options
from customers.backfill.engine.pipeline import Stop
from customers.backfill.engine.plan import Looked, Plan, PlannedRow, Policy, RowAction, make_plan
from customers.backfill.engine.world import chunks, look_up
from customers.backfill.ledger import staging as ledger
from customers.backfill.ledger.locks import only_one, working_on
from customers.backfill.ledger.run_log import RunLog, log_path
from customers.backfill.money.billing_lines import BillingLine, billing_lines
from customers.backfill.source import Source, SourceInfo, SourceRow
from customers.backfill.systems import Systems
from customers.models import BackfillRun
from kernel import Problem, StepName

LOG_LINES = 1_000  # written at a time for rows that need no calls


class Progress:
    """Hears how far a long piece of work is; this one does not tell anybody."""

    def start(self, what: str, total: int) -> None: ...

    def advance(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """All that an operator can ask about a plan or a run. `outcomes` are by line, of rows settled so far."""

    info: SourceInfo
    systems: Systems
    plan: Plan
    billing: Sequence[BillingLine]
    warnings: Sequence[Problem]
    dry_run: bool
    status: str
    continues: str = ""  # the id of the unfinished run that this file continues
    run: BackfillRun | None = None
    outcomes: dict[int, Settled] = field(default_factory=dict)
    log_path: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def is_well(self) -> bool:
        return self.status in ("would_succeed", "succeeded")

    def problems_of(self, row: PlannedRow) -> tuple[Problem, ...]:
        """Give what stands or stood in the way of a row, by the plan or by what happened."""
        settled = self.outcomes.get(row.line)
        return settled.problems if settled else row.problems

    def flawed(self) -> Iterator[tuple[SourceRow, tuple[Problem, ...]]]:
        """Give the rows that need attention, as the operator wrote them."""
        return ((row.source, found) for row in self.plan.rows if (found := self.problems_of(row)))


def today_in(systems: Systems, now: datetime) -> date:
    return now.astimezone(systems.timezone).date()


def draft(source: Source, systems: Systems, options: Options, today: date) -> list[PlannedRow]:
    """Read and check the rows by themselves and against each other; raise SourceError."""
    rows = []
    for given in source:
        wanted, problems, warnings = check_row(
            given,
            plans=systems.target.plans,
            timezone=systems.timezone,
            today=today,
            date_format=options.date_format,
            billing_time=options.billing_time,
        )
        rows.append(PlannedRow(wanted, given, problems=tuple(problems), warnings=tuple(warnings)))
    clashing = clashes([row.wanted for row in rows])
    for row in rows:
        row.problems = (*row.problems, *clashing.get(row.line, ()))
    return rows


def plan_file(source: Source, systems: Systems, options: Options, *, now: datetime) -> Report:
    """Say what an import would do; nothing is written anywhere. Raises SourceError, Refused, RemoteError."""
    today = today_in(systems, now)
    run = ledger.unfinished_run(source.info.sha256, systems, new_run=options.new_run)
    rows = draft(source, systems, options, today)
    wanted = [row.wanted for row in rows]
    looked = [Looked(step, step.look_up(wanted)) for step in systems.steps]
    plan = make_plan(rows, look_up(wanted), looked, Policy(options.skip_existing, run.pk if run else None))
    return Report(
        info=source.info,
        systems=systems,
        plan=plan,
        billing=billing_lines(plan, systems.target.plans, today),
        warnings=file_warnings(source.info),
        dry_run=True,
        status="would_fail" if plan.fails else "would_succeed",
        continues=run.run_id if run else "",
    )


def import_file(
    source: Source,
    systems: Systems,
    options: Options,
    *,
    actor: str,
    log_dir: Path,
    stop: Stop,
    progress: Progress,
    now: Callable[[], datetime],
) -> Report:
    """Plan, and unless a row would fail, do it; safe to interrupt and to run again.

    Raises what `plan_file` raises, with nothing written. So does a report whose status is `would_fail`.
    """
    with only_one():
        planned = plan_file(source, systems, options, now=now())
        if planned.plan.fails and not options.allow_partial:
            return replace(planned, dry_run=False)
        if stop.requested:
            return replace(planned, dry_run=False, status="interrupted", reason=stop.reason, interrupted=True)
        run = ledger.unfinished_run(source.info.sha256, systems, new_run=options.new_run)
        with ExitStack() as held:
            # A run and its rows are there together or not at all, so no verdict is ever over half a file.
            with transaction.atomic():  # a log that cannot be opened leaves nothing behind either
                run = ledger.begin(
                    run,
                    name=source.info.name,
                    sha256=source.info.sha256,
                    rows=len(planned.plan.rows),
                    options=options,
                    systems=systems,
                    actor=actor,
                )
                log = held.enter_context(RunLog(log_path(log_dir, run.run_id), run.run_id))
                held.enter_context(working_on(run.pk))  # before anybody can see the run
                ledger.stage(run, planned.plan, actor)
            return Attempt(run, planned, options, actor, stop, progress).carry_out(log)


class Attempt:
    """One attempt at a staged run: it applies the plan, keeps the log, and closes the run."""

    def __init__(
        self, run: BackfillRun, planned: Report, options: Options, actor: str, stop: Stop, progress: Progress
    ) -> None:
        self.run, self.planned, self.options = run, planned, options
        self.actor, self.stop, self.progress = actor, stop, progress
        self.outcomes: dict[int, Settled] = {}

    def carry_out(self, log: RunLog) -> Report:
        began = time.monotonic()
        self._apply(log)
        seconds = time.monotonic() - began
        status, reason = self._verdict()
        ledger.finish(self.run, status, reason=reason, actor=self.actor)
        self._log(log, [{"status": status, **ledger.outcome_counts(self.run), "seconds": f"{seconds:.1f}"}])
        return replace(
            self.planned,
            dry_run=False,
            status=status,
            run=self.run,
            outcomes=self.outcomes,
            log_path=log.path,
            reason=reason,
            seconds=seconds,
            interrupted=self.stop.interrupted,
        )

    def _apply(self, log: RunLog) -> None:
        plan = self.planned.plan
        self._log(log, [self._first_line()])
        for some in chunks((row for row in plan.rows if not row.is_to_do), LOG_LINES):
            self._settled(log, [_without_calls(row) for row in some])
        self.progress.start("Importing", len(plan.to_do()))
        importer = Importer(
            self.run,
            self.planned.systems.steps,
            Policy(self.options.skip_existing, self.run.pk),
            actor=self.actor,
            stop=self.stop,
            max_failures=self.options.max_failures,
            settled=lambda batch: self._batch(log, batch),
        )
        importer.apply(plan, batch_size=self.options.batch_size, concurrency=self.options.concurrency)

    def _batch(self, log: RunLog, batch: Sequence[Settled]) -> None:
        self._settled(log, batch)
        self.progress.advance(len(batch))

    def _settled(self, log: RunLog, batch: Sequence[Settled]) -> None:
        ended = [settled for settled in batch if settled.outcome]
        self.outcomes.update({settled.row.line: settled for settled in ended})
        self._log(log, [_log_line(settled) for settled in ended])

    def _log(self, log: RunLog, lines: Sequence[dict[str, object]]) -> None:
        """Write to the log; when it cannot take more, end cleanly rather than work unseen."""
        try:
            log.write(lines)
        except OSError as error:
            self.stop.request(f"the run log cannot be written: {error.strerror}")

    def _first_line(self) -> dict[str, object]:
        target = self.planned.systems.target
        return {
            "file": self.planned.info.name,
            "sha256": self.planned.info.sha256,
            "rows": len(self.planned.plan.rows),
            "lago": target.organization.name,
            "lago_url": target.url,
            "steve": self.planned.systems.steve_url or "none",
            **self.options.as_json(),
        }

    def _verdict(self) -> tuple[str, str]:
        """Give the status and its reason. Only a run in which every row stands has succeeded."""
        status = BackfillRun.Status
        counts = ledger.outcome_counts(self.run)
        if self.stop.to_be_continued and counts["pending"]:
            return status.QUEUED, ""
        if self.stop.requested and not self.stop.to_be_continued:
            return (status.FAILED if self.stop.broken else status.INTERRUPTED), self.stop.reason
        good = counts["created"] + counts["completed"] + counts["skipped"]
        if not counts["failed"] and not counts["pending"]:
            return status.SUCCEEDED, ""
        rows = "row" if counts["failed"] == 1 else "rows"
        return (status.PARTIAL if good else status.FAILED), f"{counts['failed']} {rows} failed"


def _without_calls(row: PlannedRow) -> Settled:
    steps = {name.value: str(verdict.action) for name, verdict in row.verdicts.items()}
    return Settled(row, "failed" if row.action is RowAction.FAIL else "skipped", steps, row.problems)


def _log_line(settled: Settled) -> dict[str, object]:
    row = settled.row
    line: dict[str, object] = {
        "line": row.line,
        "external_id": row.wanted.external_id,
        "outcome": settled.outcome,
    }
    line |= {name.value: settled.steps[name.value] for name in StepName if name.value in settled.steps}
    if settled.problems:
        line["code"] = ",".join(problem.code for problem in settled.problems)
    return line
