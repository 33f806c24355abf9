"""Check, preview and import a file of customers."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.document import document
from customers.backfill.engine.attempt import import_file
from customers.backfill.engine.consent import Consent, check_all
from customers.backfill.engine.planning import plan_file
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger import run_log
from customers.backfill.ledger.reclaim import for_import as reclaim_for_import
from customers.backfill.pausing import import_to_the_end
from customers.backfill.settling_in import settle_in
from customers.backfill.source import Source, open_source
from customers.backfill.source.error_file import check_error_file
from customers.backfill.systems import connect
from customers.models import BackfillRun
from customers.terminal.base import INTERRUPTED, NOT_WELL, STOPPING, WELL, BackfillCommand
from customers.terminal.consents import consents_of, save_plan
from customers.terminal.error_rows import save_errors
from customers.terminal.file_values import print_values
from customers.terminal.handing import HEARD, follow_to_the_end, require_workers, sharing_out
from customers.terminal.import_options import (
    ImportOptions,
    add_import_options,
    pace_to_begin_with,
    read_import_options,
)
from customers.terminal.import_report import print_next, print_report, print_target
from customers.terminal.output import TerminalProgress, console
from customers.terminal.reclaiming import tell_reclaim


class Command(BackfillCommand):
    help = "Check, preview and import customers, idTags and subscriptions from a file."
    begins_a_run = True

    def add_options(self, parser: CommandParser) -> None:
        add_import_options(parser)

    def work(self, **options: Any) -> int:
        chosen = read_import_options(options)
        if chosen.workers:
            require_workers()
        if not chosen.dry_run:
            run_log.check_folder(settings.BACKFILL_LOG_DIR)
        source = open_source(
            chosen.input,
            encoding=chosen.encoding,
            delimiter=chosen.delimiter,
            hidden_rows=chosen.hidden_rows,
            mapping=chosen.mapping,
        )
        consents = consents_of(chosen)
        if chosen.errors:
            check_error_file(chosen.errors, chosen.input, source.info)
        with (
            self.stop_on_signals(
                writes=not chosen.dry_run, heard=HEARD if chosen.workers else STOPPING
            ) as stop,
            TerminalProgress(self.err, quiet=chosen.verbosity == 0) as progress,
        ):
            attempt = partial(self._attempt, chosen, source, consents, stop, progress)
            if chosen.workers:
                report = attempt(None)
            else:
                report = import_to_the_end(attempt, stop, progress.tell, actor=self.actor)
        written = save_errors(chosen.errors, report, self.err)
        if chosen.show_values:
            print_values(console(self.err), report)
        if self.format == "json":
            self.print_pieces(document(report))
        else:
            print_report(console(self.out), report, verbosity=chosen.verbosity)
        lines = (self.command_line, self.command_line_for_all)
        print_next(console(self.err), report, lines, chosen.errors)
        if report.interrupted or stop.interrupted:  # or while the platform's sync was waited for
            return INTERRUPTED
        return WELL if report.is_well and report.settling.is_well and written else NOT_WELL

    def _attempt(
        self,
        chosen: ImportOptions,
        source: Source,
        consents: Sequence[Consent],
        stop: Stop,
        progress: TerminalProgress,
        run: BackfillRun | None,
    ) -> Report:
        """Plan and import, from the connections on; `run` was paused here and goes on."""
        self._run_id = run.run_id if run else None
        pace = pace_to_begin_with(chosen, source, run, actor=self.actor)
        writes = not chosen.dry_run
        with connect(
            rate=pace.rate, concurrency=pace.concurrency, sleep=stop.sleep, writes=writes
        ) as systems:
            print_target(console(self.err), systems, self.database)
            options = replace(chosen.options, new_run=chosen.options.new_run and run is None)
            reclaim = None
            if chosen.reclaim is not None:
                reclaim = reclaim_for_import(
                    settings.BACKFILL_LOG_DIR, source.info, systems, chosen.reclaim, actor=self.actor
                )
                tell_reclaim(self.say, reclaim)
            if chosen.dry_run:
                logs = settings.BACKFILL_LOG_DIR
                report = plan_file(
                    source, systems, options, now=timezone.now(), log_dir=logs, reclaim=reclaim
                )
                check_all(consents, report)
                if chosen.save_plan:
                    save_plan(chosen.save_plan, report, self.actor, self.say)
                return report
            report = import_file(
                source, systems, options,
                actor=self.actor, log_dir=settings.BACKFILL_LOG_DIR,
                stop=stop, progress=progress, now=timezone.now, consents=consents,
                reclaim=reclaim, share_out=sharing_out(pace) if chosen.workers else None,
            )  # fmt: skip
            self._run_id = report.run.run_id if report.run else None
            if chosen.workers:
                report = follow_to_the_end(report, stop, progress, actor=self.actor)
            return self._settled_in(report, stop, waits=not chosen.no_wait)

    def _settled_in(self, report: Report, stop: Stop, *, waits: bool) -> Report:
        if report.run is None or stop.requested:
            return report
        seen = settle_in(
            report.run, report.systems, stop=stop, tell=self.say, now=timezone.now(), waits=waits
        )
        return replace(report, settling=seen)
