"""Carry out a repair: by the machinery of an import, into the ledger of the run that is repaired."""

import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from auditlog.models import Event, record
from customers.backfill.engine.apply import Importer
from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.breaker import MOST_FAILURES
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.plan import Plan, Policy
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import life
from customers.backfill.ledger.at_work import only_one, working_on
from customers.backfill.ledger.run_log import RunLog, log_path
from customers.backfill.ledger.standing import standing_of
from customers.backfill.refused import Refused
from customers.backfill.repair.planning import check_now, plan_repair
from customers.backfill.repair.records import FAILED, NothingPaid, RepairBooks
from customers.backfill.repair.values import RepairPlan, RowRepair
from customers.backfill.settling_in import SettlingIn
from customers.backfill.systems import Systems
from customers.models import BackfillRun


@dataclass(slots=True)
class RepairReport:
    """`status` is nothing, repaired, failed or interrupted. `failures`: line, external_id and why."""

    plan: RepairPlan
    status: str
    counts: Counter[str] = field(default_factory=Counter)  # rows by outcome
    failures: list[tuple[int, str, str]] = field(default_factory=list)
    log_path: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    settling: SettlingIn = field(default_factory=SettlingIn)

    @property
    def is_well(self) -> bool:
        """Return whether nothing is left, to do or to decide."""
        is_done = self.status in ("repaired", "nothing")
        return is_done and not (self.plan.advice or self.plan.left_out) and self.settling.is_well


def repair(
    run: BackfillRun,
    systems: Systems,
    *,
    shown: Collection[str] | None,
    actor: str,
    log_dir: Path,
    stop: Stop,
    progress: Progress,
    batch_size: int,
    concurrency: int,
    max_failures: int = MOST_FAILURES,
    leave_out: Collection[int] = (),
    goes_on: bool = False,
    is_told: bool = False,
) -> RepairReport:
    """Do what is safe; safe to interrupt and to run again. Refused and RemoteError come first.

    `shown` are the keys of what somebody was shown and confirmed, and nothing else is done; None where nobody
    was asked. `leave_out` are lines whose rows are to stay as they are. `goes_on`: it was asked for before,
    so a stop that was asked for since is one of it. `is_told`: that it began is written down already.
    """
    with only_one(), working_on(run.pk, actor):
        run.refresh_from_db()
        check_now(run)
        if not goes_on:
            life.forget_stop(run)  # of an import that was stopped before
        if _is_stopped(run, stop):
            return _not_begun(RepairPlan(run, standing_of(run)), stop)
        plan = plan_repair(run, systems)
        unknown = plan.leave_out(leave_out)
        if unknown and shown is None:
            raise nothing_to_leave(unknown)
        if shown is not None and not plan.keys <= set(shown):
            raise Refused(
                "What there is to repair has changed since it was shown.", "Look again, and confirm that."
            )
        if not plan.rows:
            return RepairReport(plan, "nothing")
        if _is_stopped(run, stop):
            return _not_begun(plan, stop)
        with RunLog(log_path(log_dir, run.run_id), run.run_id) as log:
            repairing = Repairing(plan, systems, actor, log, stop, progress)
            if not is_told:
                repairing.tell_begun()
            return repairing.carry_out(batch_size, concurrency, max_failures)


def _is_stopped(run: BackfillRun, stop: Stop) -> bool:
    """Hear of a stop before anything is done: what is at work hears by itself."""
    run.refresh_from_db()
    if run.stop_requested:
        stop.request(life.stopped_by(run.asked_by), interrupted=True)
    return stop.requested


def _not_begun(plan: RepairPlan, stop: Stop) -> RepairReport:
    return RepairReport(plan, "interrupted", reason=stop.reason, interrupted=True)


class Repairing:
    """One attempt at a repair."""

    def __init__(
        self, plan: RepairPlan, systems: Systems, actor: str, log: RunLog, stop: Stop, progress: Progress
    ) -> None:
        self.plan, self._systems, self.actor = plan, systems, actor
        self.log, self.stop, self.progress = log, stop, progress
        self.report = RepairReport(plan, "repaired", log_path=log.path)

    def carry_out(self, batch_size: int, concurrency: int, max_failures: int) -> RepairReport:
        began = time.monotonic()
        run, steps = self.plan.run, self._systems.steps
        doings = len(self.plan.doings)
        self._note([{"repair": run.run_id, "rows": len(self.plan.rows), "things": doings}])
        self.progress.start("Repairing", len(self.plan.rows))
        lanes = Lanes(concurrency)
        books = RepairBooks(run, steps, self.actor, {row.planned.line: row for row in self.plan.rows})
        books.intend_shared()
        importer = Importer(
            run,
            steps,
            Policy(skip_existing=True, run_pk=run.pk),
            actor=self.actor,
            stop=self.stop,
            max_failures=max_failures,
            settled=self._settled,
            guard=NothingPaid(steps),
            lanes=lanes,
            hearing=Hearing(run, self._systems, self.stop, lanes, self.progress.tell),
            books=books,
        )
        rows = [row.planned for row in self.plan.rows]
        importer.apply(Plan(rows), batch_size=batch_size)
        return self._close(time.monotonic() - began)

    @transaction.atomic
    def tell_begun(self) -> None:
        """Write down that it begins, and which rows somebody wants to stay as they are."""
        run, plan = self.plan.run, self.plan
        data = {"rows": len(plan.rows), "things": len(plan.doings), "advice": len(plan.advice)}
        events = [Event("repair.begun", f"run:{run.run_id}", data | {"left_out": len(plan.left_out)})]
        record(run.audit_tag, self.actor, [*events, *map(_left_out, plan.left_out)])

    def _settled(self, batch: Sequence[Settled]) -> None:
        ended = [one for one in batch if one.outcome]
        for one in ended:
            self.report.counts[one.outcome] += 1
            if one.outcome == FAILED:
                why = "; ".join(f"{problem.code} {problem.message}" for problem in one.problems)
                why = why or "what it shares with another row of its customer was not made"
                self.report.failures.append((one.row.line, one.row.wanted.external_id, why))
        self._note([_line(one) for one in ended])
        self.progress.advance(len(batch))

    def _note(self, lines: Sequence[dict[str, object]]) -> None:
        try:
            self.log.write(lines)
        except OSError as error:
            self.stop.request(f"the log cannot be written: {error.strerror}")

    def _close(self, seconds: float) -> RepairReport:
        report = self.report
        report.seconds, report.interrupted, report.reason = seconds, self.stop.interrupted, self.stop.reason
        if self.stop.requested:
            report.status = "failed" if self.stop.broken else "interrupted"
        elif report.failures:
            rows = "1 row" if len(report.failures) == 1 else f"{len(report.failures):,} rows"
            report.status, report.reason = "failed", f"{rows} could not be repaired"
        self._note([{"status": report.status, **report.counts, "seconds": f"{seconds:.1f}"}])
        return report


def _left_out(row: RowRepair) -> Event:
    steps = [f"{doing.step}: {doing.verb}" for doing in row.doings]
    data = {"line": row.planned.line, "steps": steps}
    return Event("row.left_out", f"customer:{row.planned.wanted.external_id}", data)


def nothing_to_leave(lines: Sequence[int]) -> Refused:
    named = ", ".join(map(str, lines))
    return Refused(
        f"There is nothing to be repaired in line {named}, so it cannot be left out.",
        "Look with --dry-run which lines there are.",
    )


def _line(one: Settled) -> dict[str, object]:
    line: dict[str, object] = {
        "line": one.row.line,
        "external_id": one.row.wanted.external_id,
        "outcome": one.outcome,
    }
    codes = ",".join(dict.fromkeys(problem.code for problem in one.problems))
    return {**line, **one.steps, **({"codes": codes} if codes else {})}
