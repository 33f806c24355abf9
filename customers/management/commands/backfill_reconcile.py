"""Compare a run with our database, Lago and SteVe."""

from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.ledger.runs import find_run
from customers.backfill.reconcile import reconcile
from customers.backfill.systems import connect
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import console
from customers.terminal.reconciling import print_reconciliation, reconciliation_json


class Command(BackfillCommand):
    help = "Compare what a run recorded with our database, Lago and SteVe as they are now. Writes nothing."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--run-id", required=True, metavar="ID")

    def work(self, *, run_id: str, **options: Any) -> int:
        run = find_run(run_id)
        with connect() as systems:
            print_target(console(self.err), systems, self.database)
            result = reconcile(run, systems)
        if self.format == "json":
            self.print_json(reconciliation_json(result))
        else:
            print_reconciliation(console(self.out), result)
        return WELL if result.is_well else NOT_WELL
