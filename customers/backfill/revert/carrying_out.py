"""Carry out a revert: what bills or charges is stopped first, what is elsewhere goes, then what is ours."""

import time
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction

from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.pipeline import Pipeline
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import life
from customers.backfill.ledger.at_work import NotAlone, only_one, working_on
from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.reclaim import Reclaim, take, tell
from customers.backfill.ledger.recorded import BY_CHOICE
from customers.backfill.ledger.run_log import RunLog
from customers.backfill.notices import outbox
from customers.backfill.refused import Refused
from customers.backfill.revert.chosen import is_anything_left
from customers.backfill.revert.planning import RevertPlan, plan_revert
from customers.backfill.revert.records import Leaving, Line, Removals
from customers.backfill.revert.removing import Remover
from customers.backfill.revert.rows import RowPlan
from customers.backfill.settling_in import SettlingIn
from customers.backfill.systems import PLATFORM, Systems
from customers.backfill.welcome import cancel_for_run, links_alive_until, revoke_dead_links
from customers.models import BackfillRun
from kernel import RemoteError
from kernel.chunks import chunks
from polaris import PolarisError

PAUSED = "paused"
KEPT_AT_ONCE = 1_000


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
    in_use: list[tuple[int, str, str, str]] = field(default_factory=list)  # what stays, and may be used
    manifest: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    settling: SettlingIn = field(default_factory=SettlingIn)

    @property
    def is_well(self) -> bool:
        return self.status in ("reverted", "nothing") and self.settling.is_well


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
    reclaim: Reclaim | None = None,
    only: Collection[str] | None = None,
) -> RevertReport:
    """Remove what the run made; safe to interrupt and to run again. Refused and RemoteError come first.

    `only`: of the customers that were chosen, and the run stays what it is for the others; those of an
    earlier attempt that is not through are among them. `reclaim`, what the run's log knows and the ledger
    does not, is taken into the ledger before all else.
    """
    with only_one():
        run.refresh_from_db()
        if run.status == BackfillRun.Status.ABANDONED and _is_continued(run):
            raise Refused(
                f"The run {run.run_id} was continued by a later run over the same file; revert that first."
            )
        _require_platform(run, systems)
        if reclaim is not None:
            check_world(run, systems)
            with transaction.atomic():
                take(reclaim, actor)
                tell(reclaim, actor)
        plan = plan_revert(run, systems, only=only)
        if plan.is_empty:
            _finish(plan, actor)
            return RevertReport(plan, "nothing")
        if plan.active and not choice.is_made:
            return RevertReport(plan, "refused")
        if stop.requested:
            return RevertReport(plan, "interrupted", reason=stop.reason, interrupted=True)
        with RunLog(log_dir / f"revert-{run.run_id}.log", run.run_id) as log, working_on(run.pk, actor):
            reverting = Reverting(plan, systems, choice, actor, log, stop, progress, max_failures)
            return reverting.carry_out(batch_size, concurrency)


def _is_continued(run: BackfillRun) -> bool:
    """Return whether a later run over the same file still stands on what this one made."""
    later = BackfillRun.objects.filter(pk__gt=run.pk, input_sha256=run.input_sha256)
    return later.exclude(status=BackfillRun.Status.REVERTED).exists()


def _require_platform(run: BackfillRun, systems: Systems) -> None:
    """Refuse to leave links behind that sign people in at a platform which is not connected any more."""
    if systems.platform is not None or PLATFORM in systems.without:
        return
    if until := links_alive_until(run):
        raise Refused(
            f"Welcome links of the run {run.run_id} sign people in at the platform until {until}, and the"
            " platform is not connected, so they cannot be revoked.",
            "Set POLARIS_DATABASE_URL as it was when they were sent. Nothing was removed.",
        )


@transaction.atomic
def _begin(plan: RevertPlan, going: Collection[str], actor: str) -> None:
    """Write down that the revert has begun. With it, the invitations and their links end, of who goes."""
    run = plan.run
    if plan.chosen is None:
        if life.begin_revert(run, actor=actor):
            cancel_for_run(run, actor=actor)
        else:
            life.take_up_revert(run)
    elif going and life.begin_taking_back(run, going, actor=actor):
        users = run.rows.filter(external_id__in=going, user__isnull=False).values_list("user_id", flat=True)
        cancel_for_run(run, set(users), actor=actor)


def _finish(plan: RevertPlan, actor: str) -> None:
    """Write down that it is through. Without its last customer, a run is a reverted one."""
    run = plan.run
    if plan.chosen is None:
        life.finish_revert(run, actor=actor)
    else:
        was_at_it = bool(run.taking_back)
        life.finish_taking_back(run, actor=actor, nothing_left=was_at_it and not is_anything_left(run))


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
        self.plan, self._systems, self.choice, self.actor = plan, systems, choice, actor
        self.log, self.stop, self.progress = log, stop, progress
        discard = choice.discard_activity
        self._remover = Remover(systems.steps, plan.found, Breaker(stop, max_failures), discard=discard)
        self._removals = Removals(plan.run, systems.steps, plan.found, actor, discard=discard)
        self.report = RevertReport(plan, "reverting", manifest=log.path)

    def carry_out(self, batch_size: int, concurrency: int) -> RevertReport:
        began = time.monotonic()
        kept = frozenset(self.plan.active) if self.choice.keep_active else frozenset()
        _begin(self.plan, self.plan.named - kept, self.actor)
        self._revoke_links()
        self._note([self._first_line()])
        begun = set(self.plan.run.taking_back)
        stay = self.plan.reading.keys_of(kept)
        for some in chunks(self._planned(array("q", stay)), KEPT_AT_ONCE):
            noted = [(row, "; ".join(self.plan.active[row.recorded.external_id])) for row in some]
            self._written(self._removals.keep(noted, BY_CHOICE, but=self._untouched(some, begun)))
        staying = frozenset(stay)
        order = array("q", (pk for pk in self.plan.order.in_reverse() if pk not in staying))
        self._left = len(order)
        self.progress.start("Reverting", self._left)
        lanes = Lanes(concurrency)
        self._hearing = Hearing(self.plan.run, self._systems, self.stop, lanes, self.progress.tell)
        pipeline: Pipeline[RowPlan, Leaving] = Pipeline(
            open_batch=self._open,
            legs=self._remover.legs(),
            settle_batch=self._settle,
            lanes=lanes,
            stop=self.stop,
            watch=self._hearing.listen,
        )
        pipeline.run(chunks(self._planned(order), batch_size), batch_size)
        self._hearing.close()
        return self._close(time.monotonic() - began)

    def _revoke_links(self) -> None:
        """Delete the links of the invitations at the platform; at each attempt, until it has succeeded."""
        if self._systems.platform is None:
            return
        try:
            revoke_dead_links(self.plan.run, self._systems.platform, self.actor)
        except PolarisError as error:
            self.stop.request(f"the welcome links could not be revoked: {error}", broken=True)

    def _planned(self, pks: Iterable[int]) -> Iterator[RowPlan]:
        """Plan rows as their turn comes; a database that no longer answers ends the attempt, in order."""
        try:
            yield from self.plan.reading.of_keys(pks)
        except RemoteError as error:
            self.stop.request(str(error), broken=True)

    def _untouched(self, kept: Iterable[RowPlan], begun: Collection[str]) -> set[int]:
        """Return the lines of kept customers with whom nobody has begun: they are as all others."""
        if self.plan.chosen is None:
            return set()
        return {row.recorded.line for row in kept if row.recorded.external_id not in begun}

    def _open(self, rows: Sequence[RowPlan]) -> list[Leaving]:
        try:
            return self._removals.open(rows)
        except NotAlone as error:
            self.stop.request(str(error), broken=True)
            return []

    def _settle(self, batch: Sequence[tuple[Leaving, bool]]) -> None:
        for leaving, is_through in batch:
            leaving.is_through = is_through
            self._left -= is_through
        touched = [leaving for leaving, _ in batch if leaving.is_touched]
        self._written(self._removals.settle(touched))
        self.progress.advance(len(batch))
        self._hearing.look()

    def _written(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self.report.counts[line.outcome] += 1
            if line.outcome == "failed":
                self.report.failures.append((line.line, line.external_id, line.step, line.why))
            if line.in_use:
                self.report.in_use.append((line.line, line.external_id, line.step, line.why))
        self._note([line.as_line() for line in lines])

    def _note(self, lines: Sequence[dict[str, object]]) -> None:
        try:
            self.log.write(lines)
        except OSError as error:
            self.stop.request(f"the manifest cannot be written: {error.strerror}")

    def _first_line(self) -> dict[str, object]:
        choice = "keep-active" if self.choice.keep_active else "discard-activity"
        return {
            "revert": self.plan.run.run_id,
            "rows": self.plan.number,
            "active": len(self.plan.active),
            "choice": choice if self.choice.is_made else "none",
            "customers": "all" if self.plan.chosen is None else len(self.plan.chosen),
            "left_out": self.plan.left_out,
        }

    def _close(self, seconds: float) -> RevertReport:
        report = self.report
        report.seconds, report.interrupted, report.reason = seconds, self.stop.interrupted, self.stop.reason
        if self.stop.paused and self._left and self.plan.chosen is None:
            report.status = PAUSED
            life.pause(self.plan.run)
        elif self.stop.requested and not (self.stop.paused and not self._left):
            report.status = "failed" if self.stop.broken else "interrupted"
        elif report.failures:
            things = "1 thing" if len(report.failures) == 1 else f"{len(report.failures):,} things"
            report.status, report.reason = "failed", f"{things} could not be removed"
        else:
            report.status = "reverted"
            _finish(self.plan, self.actor)
        if report.status in ("failed", "interrupted") and not self.stop.to_be_continued:
            with transaction.atomic():
                if self.plan.chosen is None:
                    life.leave_revert(self.plan.run, reason=report.reason or "it was interrupted")
                outbox.tell_revert_ended(self.plan.run, report.status, report.reason, self.actor)
        self._note([{"status": report.status, **report.counts, "seconds": f"{seconds:.1f}"}])
        return report
