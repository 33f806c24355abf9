"""Take back what a run created."""

import sys
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.ledger import at_work, life, run_log
from customers.backfill.ledger.runs import find_run
from customers.backfill.revert import Choice, RevertPlan, plan_revert, revert
from customers.backfill.revert.expected import expected_removals
from customers.backfill.settling_in import settle_in
from customers.backfill.systems import connect
from customers.models import BackfillRun
from customers.terminal.base import INTERRUPTED, NOT_STARTED, NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import TerminalProgress, console
from customers.terminal.reverting import (
    add_revert_options,
    plan_json,
    print_plan,
    print_revert,
    revert_json,
)


class Command(BackfillCommand):
    help = "Remove exactly what a run created, without billing anybody."

    def add_options(self, parser: CommandParser) -> None:
        add_revert_options(parser)

    def work(self, *, run_id: str, dry_run: bool, keep_active: bool, discard_activity: bool, noinput: bool,
             without: list[str], verbosity: int, no_wait: bool, **options: Any) -> int:  # fmt: skip
        run, choice = find_run(run_id), Choice(keep_active, discard_activity)
        if not dry_run:
            run_log.check_folder(settings.BACKFILL_LOG_DIR)
        with (
            self.stop_on_signals() as stop,
            connect(sleep=stop.sleep, without=without, writes=not dry_run) as systems,
        ):
            print_target(console(self.err), systems, self.database)
            if dry_run:
                plan = plan_revert(run, systems)
                return self._show(plan, choice, list(expected_removals(plan, systems.steps, choice)))
            if not noinput and sys.stdin.isatty() and not self._confirmed(run):
                return self.refuse("Not confirmed; nothing was removed.")
            if not at_work.is_busy():
                life.forget_stop(run)
            with TerminalProgress(self.err, quiet=verbosity == 0) as progress:
                report = revert(
                    run, systems, choice, actor=self.actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop,
                    progress=progress, batch_size=settings.BACKFILL_BATCH_SIZE,
                    concurrency=settings.BACKFILL_CONCURRENCY,
                )  # fmt: skip
            if report.status == "reverted":
                report.settling = settle_in(
                    run,
                    systems,
                    stop=stop,
                    tell=self.say,
                    now=timezone.now(),
                    reverted=True,
                    waits=not no_wait,
                )
        if self.format == "json":
            self.print_json(revert_json(report))
        else:
            print_revert(console(self.out), report, self.command_line)
        if report.interrupted or stop.interrupted:  # or while the platform's sync was waited for
            return INTERRUPTED
        return NOT_STARTED if report.status == "refused" else WELL if report.is_well else NOT_WELL

    def _show(self, plan: RevertPlan, choice: Choice, expected: Sequence[str]) -> int:
        if self.format == "json":
            self.print_json(plan_json(plan, choice, expected))
        else:
            print_plan(console(self.out), plan, choice, expected)
        return NOT_WELL if plan.active and not choice.is_made else WELL

    def _confirmed(self, run: BackfillRun) -> bool:
        self.say(
            f"This removes what the run {run.run_id} created over {run.input_name}. Type the run id to go on:"
        )
        with self.end_on_interrupt():
            return sys.stdin.readline().strip() == run.run_id
