"""Take back what a run created."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.document import with_many
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import at_work, life, run_log
from customers.backfill.ledger.pace import Pace, pace_of
from customers.backfill.ledger.reclaim import Reclaim, for_revert
from customers.backfill.ledger.runs import find_run
from customers.backfill.pausing import revert_to_the_end
from customers.backfill.refused import Refused
from customers.backfill.revert import Choice, RevertPlan, RevertReport, plan_revert, revert
from customers.backfill.revert.chosen import choose, read_chosen
from customers.backfill.revert.expected import expected_removals
from customers.backfill.settling_in import settle_in
from customers.backfill.systems import Systems, connect
from customers.models import BackfillRun
from customers.terminal.base import INTERRUPTED, NOT_STARTED, NOT_WELL, STOPPING, WELL, BackfillCommand
from customers.terminal.handing import HEARD, follow_revert_to_the_end, require_workers, sharing_out
from customers.terminal.import_report import print_target
from customers.terminal.output import TerminalProgress, console
from customers.terminal.reclaiming import tell_reclaim
from customers.terminal.reverting import (
    add_revert_options,
    plan_json,
    plan_rows,
    print_plan,
    print_revert,
    revert_json,
)
from kernel.wording import counted


class Command(BackfillCommand):
    help = "Remove exactly what a run created, without billing anybody."

    def add_options(self, parser: CommandParser) -> None:
        add_revert_options(parser)

    def work(self, *, run_id: str, dry_run: bool, keep_active: bool, discard_activity: bool, noinput: bool,
             without: list[str], verbosity: int, no_wait: bool, reclaim: bool,
             external_id: list[str] | None, only: Path | None, workers: bool,
             **options: Any) -> int:  # fmt: skip
        if workers and dry_run:
            raise Refused("--workers and --dry-run exclude each other: a dry-run is made here.")
        if workers:
            require_workers()
        run, choice = _found(run_id, reclaim=reclaim), Choice(keep_active, discard_activity)
        self._chosen = read_chosen(only) if only else external_id
        if self._chosen is not None:
            choose(run, self._chosen)  # before anything is asked
        if not dry_run:
            run_log.check_folder(settings.BACKFILL_LOG_DIR)
        with self.stop_on_signals(heard=HEARD if workers else STOPPING) as stop:
            if dry_run:
                return self._look(run, choice, without, stop, reclaim=reclaim)
            asks = not noinput and sys.stdin.isatty()
            attempt = partial(
                self._attempt,
                run,
                choice,
                without,
                stop,
                quiet=verbosity == 0,
                waits=not no_wait,
                asks=asks,
                reclaim=reclaim,
                workers=workers,
            )
            report = revert_to_the_end(run, attempt, stop, self.say, actor=self.actor)
        if self.format == "json":
            self.print_json(revert_json(report))
        else:
            print_revert(console(self.out), report, self.command_line)
        if report.interrupted or stop.interrupted:  # or while the platform's sync was waited for
            return INTERRUPTED
        return NOT_STARTED if report.status == "refused" else WELL if report.is_well else NOT_WELL

    def _look(
        self, run: BackfillRun, choice: Choice, without: list[str], stop: Stop, *, reclaim: bool
    ) -> int:
        with connect(sleep=stop.sleep, without=without) as systems:
            print_target(console(self.err), systems, self.database)
            logged = self._logged(run, systems) if reclaim else None
            plan = plan_revert(run, systems, logged, only=self._chosen)
            return self._show(plan, choice, list(expected_removals(plan, systems.steps, choice)))

    def _attempt(self, run: BackfillRun, choice: Choice, without: list[str], stop: Stop, is_first: bool,
                 *, quiet: bool, waits: bool, asks: bool, reclaim: bool,
                 workers: bool) -> RevertReport:  # fmt: skip
        """Plan and revert, from the connections on; after a pause anew, and then nobody is asked again."""
        pace = pace_of(run) if run.status == run.Status.REVERTING else Pace()
        with connect(
            rate=pace.rate, concurrency=pace.concurrency, sleep=stop.sleep, without=without, writes=True
        ) as systems:
            print_target(console(self.err), systems, self.database)
            logged = self._logged(run, systems) if reclaim and is_first else None
            if is_first and asks and not self._confirmed(run):
                raise Refused("Not confirmed; nothing was removed.")
            if is_first and not at_work.is_busy():
                life.forget_stop(run)
            with TerminalProgress(self.err, quiet=quiet) as progress:
                report = revert(
                    run, systems, choice, actor=self.actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop,
                    progress=progress, batch_size=settings.BACKFILL_BATCH_SIZE,
                    concurrency=settings.BACKFILL_CONCURRENCY, reclaim=logged, only=self._chosen,
                    share_out=sharing_out(pace).of_revert if workers else None,
                )  # fmt: skip
                if workers:
                    report = follow_revert_to_the_end(report, stop, progress, actor=self.actor)
            if report.status == "reverted":
                report.settling = settle_in(
                    run, systems, stop=stop, tell=self.say, now=timezone.now(), reverted=True, waits=waits
                )
            return report

    def _show(self, plan: RevertPlan, choice: Choice, expected: Sequence[str]) -> int:
        if self.format == "json":
            self.print_pieces(with_many(plan_json(plan, choice, expected), "rows", plan_rows(plan)))
        else:
            print_plan(console(self.out), plan, choice, expected)
        return NOT_WELL if plan.tally.failing or (plan.active and not choice.is_made) else WELL

    def _logged(self, run: BackfillRun, systems: Systems) -> Reclaim | None:
        """Read what the run's log knows and the ledger does not, and say it; raise Refused."""
        reclaim = for_revert(settings.BACKFILL_LOG_DIR, run, systems)
        tell_reclaim(self.say, reclaim)
        return reclaim

    def _confirmed(self, run: BackfillRun) -> bool:
        whose = "" if self._chosen is None else f" of {counted(len(choose(run, self._chosen)), 'customer')}"
        self.say(
            f"This removes what the run {run.run_id} created{whose} over {run.input_name}."
            " Type the run id to go on:"
        )
        with self.end_on_interrupt():
            return sys.stdin.readline().strip() == run.run_id


def _found(run_id: str, *, reclaim: bool) -> BackfillRun:
    """Find the run; one that began after the backup has to be made again first, which needs its file."""
    if reclaim and not BackfillRun.objects.filter(run_id=run_id).exists():
        raise Refused(
            f"This database has no run {run_id!r}: it began after the backup.",
            "Make it again from its log and its file, then revert it: python manage.py backfill_customers"
            f" --reclaim {run_id} --input FILE",
        )
    return find_run(run_id)
