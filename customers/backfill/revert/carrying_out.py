"""Carry out a revert: mappings first stop billing, then the remote things go, then ours."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.engine.apply import Breaker
from customers.backfill.engine.attempt import Progress
from customers.backfill.engine.options import Refused
from customers.backfill.engine.pipeline import Pipeline, Stop
from customers.backfill.engine.world import chunks
from customers.backfill.ledger.locks import only_one, working_on
from customers.backfill.ledger.run_log import RunLog
from customers.backfill.revert.planning import BY_CHOICE, RevertPlan, RowPlan, plan_revert
from customers.backfill.revert.records import Done, Removals, Result, Thing
from customers.backfill.systems import Systems
from customers.backfill.welcome import cancel_for_run
from customers.models import BackfillRun
from kernel import RemoteError, RemoteStep, StepName


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with customers who were active after the run; neither means: refuse to begin."""

    keep_active: bool = False
    discard_activity: bool = False

    @property
    def is_made(self) -> bool:
        return self.keep_active or self.discard_activity


@dataclass(slots=True)
class RevertReport:
    """`refused`: customers were active and no choice was made; `nothing`: there was nothing to remove."""

    plan: RevertPlan
    status: str
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str, str, str]] = field(default_factory=list)  # line, external_id, step, why
    manifest: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def is_well(self) -> bool:
        return self.status in ("reverted", "nothing")


def revert(
    run: BackfillRun,
    systems: Systems,
    choice: Choice,
    *,
    actor: str,
    log_dir: Path,
    stop: Stop,
    progress: Progress,
    batch_size: int,
    concurrency: int,
    max_failures: int = 10,
) -> RevertReport:
    """Remove what the run made; safe to interrupt and to run again. Refused and RemoteError come first."""
    with only_one():
        run.refresh_from_db()
        if run.status == BackfillRun.Status.ABANDONED and _is_continued(run):
            raise Refused(
                f"The run {run.run_id} was continued by a later run over the same file; revert that first."
            )
        plan = plan_revert(run, systems)
        if plan.is_empty:
            _mark(run, BackfillRun.Status.REVERTED, actor)
            return RevertReport(plan, "nothing")
        if plan.active and not choice.is_made:
            return RevertReport(plan, "refused")
        if stop.requested:
            return RevertReport(plan, "interrupted", reason=stop.reason, interrupted=True)
        with RunLog(log_dir / f"revert-{run.run_id}.log", run.run_id) as log, working_on(run.pk):
            reverting = Reverting(plan, systems, choice, actor, log, stop, progress, max_failures)
            return reverting.carry_out(batch_size, concurrency)


def _is_continued(run: BackfillRun) -> bool:
    """Tell whether a later run over the same file still stands on what this one made."""
    later = BackfillRun.objects.filter(pk__gt=run.pk, input_sha256=run.input_sha256)
    return later.exclude(status=BackfillRun.Status.REVERTED).exists()


@transaction.atomic
def _mark(run: BackfillRun, status: str, actor: str) -> None:
    """Write where the revert stands. As it begins, the run's invitations and their links end."""
    if run.status == status:
        return
    run.status, run.finished_at = status, timezone.now()
    run.stop_requested = False
    run.save(update_fields=["status", "finished_at", "stop_requested"])
    if status == BackfillRun.Status.REVERTING:
        cancel_for_run(run, actor=actor)
    record(run.audit_tag, actor, [Event(f"run.{status}", f"run:{run.run_id}")])


class Reverting:
    """One attempt at a revert."""

    def __init__(
        self,
        plan: RevertPlan,
        systems: Systems,
        choice: Choice,
        actor: str,
        log: RunLog,
        stop: Stop,
        progress: Progress,
        max_failures: int,
    ) -> None:
        self.plan, self.choice, self.actor = plan, choice, actor
        self.log, self.stop, self.progress = log, stop, progress
        self._steps: dict[StepName, RemoteStep] = {step.name: step for step in systems.steps}
        self._breaker = Breaker(stop, max_failures)
        self._removals = Removals(plan.run, actor, discard=choice.discard_activity)
        self.report = RevertReport(plan, "reverting", manifest=log.path)

    def carry_out(self, batch_size: int, concurrency: int) -> RevertReport:
        began = time.monotonic()
        _mark(self.plan.run, BackfillRun.Status.REVERTING, self.actor)
        self._note([self._first_line()])
        for some in chunks(self._kept_by_choice(), 1000):
            self._written(self._removals.keep(some, BY_CHOICE))
        rows = [row for row in reversed(self.plan.rows) if not self._is_kept(row)]
        self.progress.start("Reverting", len(rows))
        pipeline = Pipeline(
            open_batch=self._removals.open,
            work=self._remove,
            settle_batch=self._settle,
            concurrency=concurrency,
            stop=self.stop,
        )
        pipeline.run(chunks(rows, batch_size), batch_size)
        return self._close(time.monotonic() - began)

    def _is_kept(self, row: RowPlan) -> bool:
        return self.choice.keep_active and self.plan.is_active(row)

    def _kept_by_choice(self) -> list[tuple[RowPlan, str]]:
        active = self.plan.active
        return [
            (row, "; ".join(active[row.recorded.external_id])) for row in self.plan.rows if self._is_kept(row)
        ]

    # --- in the pool's threads: no ORM ---------------------------------------------------------------

    def _remove(self, row: RowPlan) -> Result:
        """Remove a row's remote things; the first that fails ends the row, and what is ours stays too."""
        done: list[Done] = []
        for target in row.remove:
            if target.name not in self._steps:
                continue
            step, found = self._steps[target.name], self.plan.found[target.name]
            try:
                removed = step.remove(row.recorded.wanted, target.ref, target.undo, found)
            except RemoteError as error:
                self._breaker.note(True, target.name)
                return Result(done, Done(target.name, error=error.code, why=str(error)))
            self._breaker.note(False, target.name)
            done.append(Done(target.name, removed))
        return Result(done)

    # --- in the thread that owns the database --------------------------------------------------------

    def _settle(self, batch: Sequence[tuple[RowPlan, Result | None]]) -> None:
        self._written(self._removals.settle([(row, result) for row, result in batch if result is not None]))
        self.progress.advance(len(batch))
        if BackfillRun.objects.filter(pk=self.plan.run.pk, stop_requested=True).exists():
            self.stop.request("stopped in the admin", interrupted=True)

    def _written(self, things: Sequence[Thing]) -> None:
        for thing in things:
            self.report.counts[thing.outcome] += 1
            if thing.outcome == "failed":
                self.report.failures.append((thing.line, thing.external_id, thing.step, thing.why))
        self._note([thing.as_line() for thing in things])

    def _note(self, lines: Sequence[dict[str, object]]) -> None:
        try:
            self.log.write(lines)
        except OSError as error:
            self.stop.request(f"the manifest cannot be written: {error.strerror}")

    def _first_line(self) -> dict[str, object]:
        choice = "keep-active" if self.choice.keep_active else "discard-activity"
        return {
            "revert": self.plan.run.run_id,
            "rows": len(self.plan.rows),
            "active": len(self.plan.active),
            "choice": choice if self.choice.is_made else "none",
            "left_out": self.plan.left_out,
        }

    def _close(self, seconds: float) -> RevertReport:
        report = self.report
        report.seconds, report.interrupted, report.reason = seconds, self.stop.interrupted, self.stop.reason
        if self.stop.requested:
            report.status = "failed" if self.stop.broken else "interrupted"
        elif report.failures:
            report.status, report.reason = "failed", f"{len(report.failures)} things could not be removed"
        else:
            report.status = "reverted"
            _mark(self.plan.run, BackfillRun.Status.REVERTED, self.actor)
        self._note([{"status": report.status, **report.counts, "seconds": f"{seconds:.1f}"}])
        return report
