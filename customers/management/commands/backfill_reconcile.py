"""Compare a run with our database, Lago and SteVe."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.ledger.runs import find_run
from customers.backfill.reconcile import reconcile
from customers.backfill.systems import connect
from customers.jobs import keep_reconciliation
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import console
from customers.terminal.reconciling import print_reconciliation, reconciliation_json


class Command(BackfillCommand):
    help = "Compare what a run recorded with our database, Lago and SteVe as they are now. Changes nothing."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--run-id", required=True, metavar="ID")

    def work(self, *, run_id: str, **options: Any) -> int:
        run, begun = find_run(run_id), timezone.now()
        with connect() as systems:
            print_target(console(self.err), systems, self.database)
            result = reconcile(run, systems)
        keep_reconciliation(result, actor=self.actor, begun=begun)
        if self.format == "json":
            self.print_json(reconciliation_json(result))
        else:
            print_reconciliation(console(self.out), result)
        return WELL if result.is_well else NOT_WELL
