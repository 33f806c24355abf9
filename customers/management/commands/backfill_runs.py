"""List runs, or show one."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.ledger.runs import describe, find_run, list_runs
from customers.terminal.base import WELL, BackfillCommand
from customers.terminal.output import console
from customers.terminal.results import add_results_options, refuse_without, save_results
from customers.terminal.runs import detail_json, line_json, print_detail, print_list


class Command(BackfillCommand):
    help = "List the backfill runs, or show one in full."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("run_id", nargs="?", metavar="RUN_ID")
        add_results_options(parser)

    def work(
        self, *, run_id: str | None, verbosity: int, results: Path | None, input: Path | None,
        mapping: Path | None, **options: Any,
    ) -> int:  # fmt: skip
        refuse_without(results, run_id, input, mapping)
        if results and run_id:
            self.say(save_results(find_run(run_id), results, input, mapping, actor=self.actor))
            return WELL
        if run_id is None:
            runs = list_runs()
            if self.format == "json":
                self.print_json({"runs": [line_json(line) for line in runs]})
            else:
                print_list(console(self.out), runs)
            return WELL
        detail = describe(find_run(run_id))
        if self.format == "json":
            self.print_json(detail_json(detail))
        else:
            print_detail(console(self.out), detail, verbosity=verbosity)
        return WELL
