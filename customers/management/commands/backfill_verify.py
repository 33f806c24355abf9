"""Go or no go after a backfill."""

import sys
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.reconcile import reconcile
from customers.backfill.recorded import find_run
from customers.backfill.systems import Systems, connect
from customers.backfill.verify import (
    Check,
    LiveTest,
    find_live_test,
    metric_check,
    people_check,
    run_live_test,
    system_checks,
)  # fmt: skip
from customers.models import BackfillRun
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.console import console
from customers.terminal.importing import print_target
from customers.terminal.verifying import announcement, print_check, print_verdict, verdict_json


class Command(BackfillCommand):
    help = "Check after a backfill that everything is there and that a charging session reaches Lago."

    def add_options(self, parser: CommandParser) -> None:
        parser.add_argument("--run-id", required=True, metavar="ID")
        parser.add_argument(
            "--id-tag", metavar="TAG", help="charge with this idTag; its customer is billed for 1 kWh"
        )
        parser.add_argument(
            "--charge-box", metavar="ID", help="a charge box in SteVe that is there for tests"
        )
        parser.add_argument(
            "--timeout", type=float, default=300, metavar="S", help="wait so long for each answer"
        )

    def work(
        self, *, run_id: str, id_tag: str | None, charge_box: str | None, timeout: float, **rest: Any
    ) -> int:
        run, checks = find_run(run_id), []
        with connect() as systems:
            print_target(console(self.err), systems, self.database)
            test = find_live_test(run, systems, id_tag, charge_box, timeout) if id_tag else None
            if test and not self._agreed(test):
                return self.refuse("Not confirmed; nothing was written.")
            for check in self._checks(run, systems, test):
                checks.append(check)
                if self.format == "text":
                    print_check(console(self.out), check)
        if self.format == "json":
            self.print_json(verdict_json(run, checks))
        else:
            print_verdict(console(self.out), checks)
        return NOT_WELL if any(check.passed is False for check in checks) else WELL

    @staticmethod
    def _checks(run: BackfillRun, systems: Systems, test: LiveTest | None) -> Iterator[Check]:
        yield people_check(run)
        yield from system_checks(reconcile(run, systems), systems)
        yield metric_check(run, systems)
        if test is None:
            yield Check("charging session", None, "", "give --id-tag and --charge-box to try one")
        else:
            yield from run_live_test(test, systems)

    def _agreed(self, test: LiveTest) -> bool:
        """Say what will be written, and ask a person who can answer."""
        self.say(announcement(test))
        if not sys.stdin.isatty():
            return True
        self.say("Type yes to go on:")
        return sys.stdin.readline().strip().lower() == "yes"
