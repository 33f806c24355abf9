"""A whole import, from an opened file to a report. The command, the admin and the worker all call this."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import DatabaseError, transaction

from customers.backfill.engine.acceptance import KEY, Accepted
from customers.backfill.engine.apply import Importer
from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.consent import Consent, check_all
from customers.backfill.engine.guard import Guard
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.logged import all_without_calls, first_line, log_line, waiting
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Policy
from customers.backfill.engine.planning import plan_file, run_to_continue
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.sharing import Ended, Sharing
from customers.backfill.engine.staging import stage
from customers.backfill.engine.stop import Stop
from customers.backfill.engine.unclaimed import refuse_to_adopt
from customers.backfill.ledger import life, shares
from customers.backfill.ledger.at_work import only_one, working_on
from customers.backfill.ledger.counts import outcome_counts
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.ledger.run_log import RunLog, log_path
from customers.backfill.source import Source
from customers.backfill.systems import Systems
from customers.database import trouble_of
from customers.models import BackfillRun

# Takes the run, its plan, the options as they hold, and who began it.
ShareOut = Callable[[BackfillRun, Report, Options, str], None]
GOES_ON = (BackfillRun.Status.QUEUED, BackfillRun.Status.PAUSED)


class StoppedOnTheWay(DatabaseError):
    """The database broke off under a run. What was done until then is recorded; another attempt goes on."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"the database broke off under the run {run_id}")
        self.run_id = run_id


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
    consents: Sequence[Consent] = (),
    reclaim: Reclaim | None = None,
    share_out: ShareOut | None = None,
) -> Report:
    """Plan, and unless a row would fail, do it; safe to interrupt and to run again.

    Raises what `plan_file` raises, with nothing written. So does a report whose status is `would_fail`.
    Raises StoppedOnTheWay once a run has begun.
    `consents`: who has to agree to the plan; what they refuse is raised before anything is written.
    `reclaim`: what the run's log knows and the ledger does not; it is written with the plan.
    `share_out` leaves the staged rows to others, in the transaction that stages them.
    """
    options = options.over(source.info)
    with only_one():
        planned = plan_file(source, systems, options, now=now(), log_dir=log_dir, reclaim=reclaim)
        check_all(consents, planned)
        if planned.plan.fails and not options.allow_partial:
            return replace(planned, dry_run=False)
        refuse_to_adopt(planned)
        if stop.requested:
            return replace(planned, dry_run=False, status="interrupted", reason=stop.reason, interrupted=True)
        run = run_to_continue(source.info.sha256, options, systems, reclaim)
        with ExitStack() as held:
            # A run and its rows are there together or not at all, so no verdict is ever over half a file.
            with transaction.atomic():  # a log that cannot be opened leaves nothing behind either
                run = life.begin(run, _described(planned, options, run), actor=actor)
                shares.drop(run)
                if share_out is not None:
                    stage(run, planned.at_hand, actor, reclaim)
                    for consent in consents:
                        consent.hold(run)
                    share_out(run, planned, options, actor)
                    return replace(planned, dry_run=False, status=run.status, run=run)
                log = held.enter_context(RunLog(log_path(log_dir, run.run_id), run.run_id))
                held.enter_context(working_on(run.pk, actor))  # before anybody can see the run
                stage(run, planned.at_hand, actor, reclaim)
                for consent in consents:
                    consent.hold(run)
            try:
                return Attempt(run, planned, options, actor, stop, progress, now).carry_out(log)
            except DatabaseError as error:
                if trouble_of(error) is None:
                    raise
                raise StoppedOnTheWay(run.run_id) from error.__cause__


class Attempt:
    """One attempt at a staged run: it applies the plan, keeps the log, and closes the run."""

    def __init__(
        self,
        run: BackfillRun,
        planned: Report,
        options: Options,
        actor: str,
        stop: Stop,
        progress: Progress,
        now: Callable[[], datetime],
    ) -> None:
        self.run, self.planned, self.options = run, planned, options
        self.actor, self.stop, self.progress, self.now = actor, stop, progress, now
        self.outcomes: dict[int, Ended] = {}
        self._sharing = Sharing()

    def carry_out(self, log: RunLog) -> Report:
        began = time.monotonic()
        self._apply(log)
        seconds = time.monotonic() - began
        status, reason = self._verdict()
        if status in GOES_ON:
            status, reason = self._let_go()
        else:
            life.finish(self.run, status, reason=reason, actor=self.actor)
        self._log(
            log,
            [
                {
                    "status": status,
                    **outcome_counts(self.run),
                    **waiting(self.planned),
                    "seconds": f"{seconds:.1f}",
                }
            ],
        )
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

    def _let_go(self) -> tuple[str, str]:
        """Leave the rest to a later attempt; return what the run is now: somebody may have decided so."""
        if self.stop.paused:
            life.pause(self.run)
        else:
            life.hand_on(self.run)
        return self.run.status, self.run.reason

    def _apply(self, log: RunLog) -> None:
        plan = self.planned.at_hand
        self._log(log, [first_line(self.planned, self.options)])
        for some in all_without_calls(self.run, self.planned):
            self._settled(log, some)
        self.progress.start("Importing", len(plan.to_do()))
        lanes = Lanes(self.options.concurrency)
        importer = Importer(
            self.run,
            self.planned.systems.steps,
            Policy(self.options.skip_existing, self.run.pk, self.options.allowed),
            actor=self.actor,
            stop=self.stop,
            max_failures=self.options.max_failures,
            settled=lambda batch: self._batch(log, batch),
            guard=Guard(self.planned.systems.steps, plan.accepted, self._time_there),
            lanes=lanes,
            hearing=Hearing(self.run, self.planned.systems, self.stop, lanes, self.progress.tell),
        )
        importer.apply(plan, batch_size=self.options.batch_size)

    def _time_there(self) -> datetime:
        return self.planned.systems.target.clock(self.now())

    def _batch(self, log: RunLog, batch: Sequence[Settled]) -> None:
        self._settled(log, batch)
        self.progress.advance(len(batch))

    def _settled(self, log: RunLog, batch: Sequence[Settled]) -> None:
        ended = [settled for settled in batch if settled.outcome]
        self._log(log, [log_line(settled) for settled in ended])
        for settled in ended:  # a report needs no more of it, and there may be a million
            how = self._sharing.ended(settled.outcome, settled.steps, settled.problems)
            self.outcomes[settled.row.line] = how

    def _log(self, log: RunLog, lines: Sequence[dict[str, object]]) -> None:
        """Write to the log; when it cannot take more, end cleanly rather than work unseen."""
        try:
            log.write(lines)
        except OSError as error:
            self.stop.request(f"the run log cannot be written: {error.strerror}")

    def _verdict(self) -> tuple[str, str]:
        """Return the status and its reason. Only a run in which every row stands has succeeded.

        One whose first customers stand waits: the others are begun at nobody's but a person's word.
        """
        status, counts = BackfillRun.Status, outcome_counts(self.run)
        lets_go = self.stop.to_be_continued or self.stop.paused
        if lets_go and counts["pending"]:
            return (status.PAUSED if self.stop.paused else status.QUEUED), ""
        if self.stop.requested and not lets_go:
            return (status.FAILED if self.stop.broken else status.INTERRUPTED), self.stop.reason
        return verdict_of(counts, is_canary=self.planned.canary is not None)


def verdict_of(counts: Mapping[str, int], *, is_canary: bool) -> tuple[str, str]:
    """Return status and reason of a run that went through, by its rows by outcome."""
    status = BackfillRun.Status
    good = counts["created"] + counts["completed"] + counts["skipped"]
    if not counts["failed"] and not counts["pending"]:
        return (status.CANARY if is_canary else status.SUCCEEDED), ""
    rows = "row" if counts["failed"] == 1 else "rows"
    return (status.PARTIAL if good else status.FAILED), f"{counts['failed']} {rows} failed"


def _remembered(options: Options, planned: Report, run: BackfillRun | None) -> dict[str, Any]:
    """Return what the run keeps of its options: also what was accepted, which a later attempt is held to."""
    accepted = planned.plan.accepted or (Accepted.kept(run.options) if run else None)
    return {**options.as_json(), **({KEY: accepted.as_json()} if accepted else {})}


def _described(planned: Report, options: Options, run: BackfillRun | None) -> dict[str, Any]:
    """Say what the run is: its file, the options, and the world that it goes into."""
    target, info = planned.systems.target, planned.info
    return {
        "input_name": info.name[:255],
        "input_sha256": info.sha256,
        "input_rows": len(planned.plan.rows),
        "options": _remembered(options, planned, run),
        "lago_organization_id": target.organization.lago_id,
        "lago_organization_name": target.organization.name[:255],
        "lago_url": target.url,
        "lago_version": target.version or "",
        "lago_timezone": planned.systems.billing_zone.key,
        "world": planned.systems.world,
    }
