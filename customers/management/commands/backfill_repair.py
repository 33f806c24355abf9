"""Put right what a reconciliation found, where that is safe."""

import sys
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.ledger import run_log
from customers.backfill.ledger.runs import find_run
from customers.backfill.repair import RepairPlan, RepairReport, nothing_to_leave, plan_repair, repair
from customers.backfill.settling_in import settle_in
from customers.backfill.systems import Systems, connect
from customers.models import BackfillRun
from customers.terminal.base import INTERRUPTED, NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import TerminalProgress, console
from customers.terminal.repairing import add_repair_options, plan_json, print_plan, print_repair, repair_json


class Command(BackfillCommand):
    help = "Put right what a reconciliation found, where that is safe; say of the rest what it means."

    def add_options(self, parser: CommandParser) -> None:
        add_repair_options(parser)

    def work(self, *, run_id: str, dry_run: bool, leave_out: list[int], noinput: bool, no_wait: bool,
             verbosity: int, **options: Any) -> int:  # fmt: skip
        run, shown = find_run(run_id), None
        if not dry_run:
            run_log.check_folder(settings.BACKFILL_LOG_DIR)
        with (
            self.stop_on_signals(writes=not dry_run) as stop,
            connect(sleep=stop.sleep, writes=not dry_run) as systems,
            TerminalProgress(self.err, quiet=verbosity == 0) as progress,
        ):
            print_target(console(self.err), systems, self.database)
            if dry_run:
                return self._show(self._planned(run, systems, leave_out))
            if not noinput and sys.stdin.isatty():
                plan = self._planned(run, systems, leave_out)
                shown = plan.keys if stop.requested else self._confirmed(plan)
                if shown is None:
                    return self.refuse("Not confirmed; nothing was repaired.")
            report = repair(
                run, systems, shown=shown, actor=self.actor, log_dir=settings.BACKFILL_LOG_DIR, stop=stop,
                progress=progress, batch_size=settings.BACKFILL_BATCH_SIZE,
                concurrency=settings.BACKFILL_CONCURRENCY, leave_out=leave_out,
            )  # fmt: skip
            if report.status == "repaired":
                report.settling = settle_in(
                    run, systems, stop=stop, tell=self.say, now=timezone.now(), waits=not no_wait
                )
        return self._tell(report, interrupted=report.interrupted or stop.interrupted)

    @staticmethod
    def _planned(run: BackfillRun, systems: Systems, leave_out: Collection[int]) -> RepairPlan:
        plan = plan_repair(run, systems)
        if unknown := plan.leave_out(leave_out):
            raise nothing_to_leave(unknown)
        return plan

    def _show(self, plan: RepairPlan) -> int:
        if self.format == "json":
            self.print_json(plan_json(plan))
        else:
            print_plan(console(self.out), plan)
        return WELL if plan.is_well else NOT_WELL

    def _tell(self, report: RepairReport, *, interrupted: bool) -> int:
        if self.format == "json":
            self.print_json(repair_json(report))
        else:
            print_repair(console(self.out), report, self.command_line)
        return INTERRUPTED if interrupted else WELL if report.is_well else NOT_WELL

    def _confirmed(self, plan: RepairPlan) -> Collection[str] | None:
        """Show what would be done, and ask; return what was confirmed, None if it was not."""
        print_plan(console(self.err), plan)
        if not plan.rows:
            return ()
        self.say(f"This repairs what the run {plan.run.run_id} made. Type the run id to go on:")
        with self.end_on_interrupt():
            return plan.keys if sys.stdin.readline().strip() == plan.run.run_id else None
