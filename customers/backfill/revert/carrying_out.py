"""Carry out a revert: what bills or charges is stopped first, what is elsewhere goes, then what is ours."""

import time
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.db import transaction

from customers.backfill.engine.breaker import MOST_FAILURES
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import life, log_parts, shares
from customers.backfill.ledger.at_work import only_one, working_on
from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.reclaim import Reclaim, take, tell
from customers.backfill.ledger.recorded import BY_CHOICE
from customers.backfill.ledger.run_log import RunLog, manifest_path
from customers.backfill.refused import Refused
from customers.backfill.revert.ending import FAILED, INTERRUPTED, REVERTED, end, not_removed
from customers.backfill.revert.planning import RevertPlan, plan_revert
from customers.backfill.revert.records import Line, Removals
from customers.backfill.revert.report import Choice, RevertReport, last_line
from customers.backfill.revert.reverter import Reverter
from customers.backfill.revert.rows import RowPlan
from customers.backfill.systems import PLATFORM, Systems
from customers.backfill.welcome import cancel_for_run, links_alive_until, revoke_dead_links
from customers.models import BackfillRun
from kernel import RemoteError
from kernel.chunks import chunks
from polaris import PolarisError

PAUSED = "paused"
SHARED = "shared"  # it is left to workers
KEPT_AT_ONCE = 1_000


# Takes the plan, the systems, the choice, the keys of rows that stay, how many things were kept by then, and
# who began it.
ShareOut = Callable[[RevertPlan, Systems, Choice, Collection[int], Mapping[str, int], str], None]


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
    max_failures: int = MOST_FAILURES,
    reclaim: Reclaim | None = None,
    only: Collection[str] | None = None,
    share_out: ShareOut | None = None,
) -> RevertReport:
    """Remove what the run made; safe to interrupt and to run again. Refused and RemoteError come first.

    `only`: of the customers that were chosen, and the run stays what it is for the others; those of an
    earlier attempt that is not through are among them. `reclaim`, what the run's log knows and the ledger
    does not, is taken into the ledger before all else. `share_out` leaves the rows to others, and what is
    done then is told by the manifest: the report says SHARED.
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
            end(run, REVERTED, "", actor, is_whole=plan.chosen is None)
            return RevertReport(plan=plan, status="nothing")
        if plan.active and not choice.is_made:
            return RevertReport(plan=plan, status="refused")
        if stop.requested:
            return RevertReport(plan=plan, status="interrupted", reason=stop.reason, interrupted=True)
        if share_out is not None:
            parts = Parts(run, manifest_path(log_dir, run.run_id))
            reverting = Reverting(plan, systems, choice, actor, parts, stop, progress)
            return reverting.leave_to_others(share_out)
        with RunLog(manifest_path(log_dir, run.run_id), run.run_id) as log, working_on(run.pk, actor):
            reverting = Reverting(plan, systems, choice, actor, log, stop, progress)
            return reverting.carry_out(batch_size, concurrency, max_failures)


class Parts:
    """A manifest that is kept in the database until it is a file: who writes it has no disk in common."""

    def __init__(self, run: BackfillRun, path: Path) -> None:
        self._run, self.path = run, path

    def write(self, lines: Iterable[Mapping[str, Any]]) -> None:
        log_parts.write(self._run, lines, log_parts.Log.MANIFEST)


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
def begin(plan: RevertPlan, going: Collection[str], actor: str) -> None:
    """Write down that the revert has begun. With it, the invitations and their links end, of who goes."""
    run = plan.run
    shares.drop(run)  # of a run that was paused; what is left of it is taken back as it stands
    if plan.chosen is None:
        if life.begin_revert(run, actor=actor):
            cancel_for_run(run, actor=actor)
        else:
            life.take_up_revert(run)
    elif going and life.begin_taking_back(run, going, actor=actor):
        users = run.rows.filter(external_id__in=going, user__isnull=False).values_list("user_id", flat=True)
        cancel_for_run(run, set(users), actor=actor)


class Reverting:
    """One attempt at a revert."""

    def __init__(
        self,
        plan: RevertPlan,
        systems: Systems,
        choice: Choice,
        actor: str,
        log: RunLog | Parts,
        stop: Stop,
        progress: Progress,
    ) -> None:
        self.plan, self._systems, self.choice, self.actor = plan, systems, choice, actor
        self.log, self.stop, self.progress = log, stop, progress
        self.report = RevertReport(plan=plan, status="reverting", manifest=log.path)
        self._stay = frozenset(plan.active) if choice.keep_active else frozenset()
        self._began = time.monotonic()
        self._left = 0

    def carry_out(self, batch_size: int, concurrency: int, max_failures: int) -> RevertReport:
        self._begin()
        self._note([self._first_line()])
        staying = self._keep()
        order = array("q", (pk for pk in self.plan.order.in_reverse() if pk not in staying))
        self._left = len(order)
        self.progress.start("Reverting", self._left)
        lanes = Lanes(concurrency)
        reverter = Reverter(
            self.plan.run, self._systems.steps,
            actor=self.actor, discard=self.choice.discard_activity, stop=self.stop,
            max_failures=max_failures, settled=self._settled, lanes=lanes,
            hearing=Hearing(self.plan.run, self._systems, self.stop, lanes, self.progress.tell),
        )  # fmt: skip
        reverter.carry_out(chunks(self._planned(order), batch_size), batch_size=batch_size)
        return self._close()

    def leave_to_others(self, share_out: ShareOut) -> RevertReport:
        """Do what is done once, and leave the rows to others: they are there together or not at all."""
        self._begin()
        self._left = self.plan.number
        with transaction.atomic():
            self._note([self._first_line()])
            if self.stop.requested:
                return self._close()
            staying = self._keep()
            share_out(self.plan, self._systems, self.choice, staying, self.report.counts, self.actor)
        self.report.status, self.report.rows = SHARED, self.plan.number - len(staying)
        return self.report

    def _begin(self) -> None:
        begin(self.plan, self.plan.named - self._stay, self.actor)
        self._revoke_links()

    def _revoke_links(self) -> None:
        """Delete the links of the invitations at the platform; at each attempt, until it has succeeded."""
        if self._systems.platform is None:
            return
        try:
            revoke_dead_links(self.plan.run, self._systems.platform, self.actor)
        except PolarisError as error:
            self.stop.request(f"the welcome links could not be revoked: {error}", broken=True)

    def _keep(self) -> frozenset[int]:
        """Write down who stays whole, as was chosen; return the keys of their rows."""
        removals = Removals(
            self.plan.run, self._systems.steps, self.actor, discard=self.choice.discard_activity
        )
        begun = set(self.plan.run.taking_back)
        stay = self.plan.reading.keys_of(self._stay)
        for some in chunks(self._planned(array("q", stay)), KEPT_AT_ONCE):
            noted = [(row, "; ".join(self.plan.active[row.recorded.external_id])) for row in some]
            self._written(removals.keep(noted, BY_CHOICE, but=self._untouched(some, begun)))
        return frozenset(stay)

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

    def _settled(self, lines: Sequence[Line], through: int) -> None:
        self._left -= through
        self._written(lines)
        self.progress.advance(through)

    def _written(self, lines: Sequence[Line]) -> None:
        for line in lines:
            self.report.hear(line)
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

    def _close(self) -> RevertReport:
        report, is_whole = self.report, self.plan.chosen is None
        report.seconds = time.monotonic() - self._began
        report.interrupted, report.reason = self.stop.interrupted, self.stop.reason
        if self.stop.paused and self._left and is_whole:
            report.status = PAUSED
            life.pause(self.plan.run)
        elif self.stop.requested and not (self.stop.paused and not self._left):
            report.status = FAILED if self.stop.broken else INTERRUPTED
        elif report.failures:
            report.status, report.reason = FAILED, not_removed(len(report.failures))
        else:
            report.status = REVERTED
        if report.status != PAUSED and not (report.status != REVERTED and self.stop.to_be_continued):
            end(self.plan.run, report.status, report.reason, self.actor, is_whole=is_whole)
        self._note([last_line(report.status, report.counts, report.seconds, report.reason)])
        return report
