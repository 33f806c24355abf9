"""Go or no go after a backfill."""

import sys
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.ledger.runs import find_run
from customers.backfill.systems import connect
from customers.backfill.verify import Check, LiveTest, check_standing, find_live_test, verify
from customers.jobs import keep_verification
from customers.terminal.base import INTERRUPTED, NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import console
from customers.terminal.verifying import announcement, print_check, print_verdict, verdict_json


class Command(BackfillCommand):
    help = "Check after a backfill that everything is there and that a charging session reaches Lago."

    def add_options(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--run-id", required=True, metavar="ID")
        add("--id-tag", metavar="TAG", help="charge with this idTag; its customer is billed for 1 kWh")
        add("--charge-box", metavar="ID", help="a charge box in SteVe that is there for tests")
        add("--timeout", type=float, default=300, metavar="S", help="wait so long for the usage event")

    def work(
        self, *, run_id: str, id_tag: str | None, charge_box: str | None, timeout: float, **rest: Any
    ) -> int:
        run, checks, begun = find_run(run_id), list[Check](), timezone.now()
        with (
            self.stop_on_signals() as stop,
            connect(sleep=stop.sleep, writes=bool(id_tag)) as systems,  # a session is written, and billed
        ):
            print_target(console(self.err), systems, self.database)
            check_standing(run, systems)
            test = find_live_test(run, systems, id_tag, charge_box, timeout)
            if test and not self._agreed(test):
                return self.refuse("Not confirmed; nothing was written.")
            for check in verify(run, systems, test, stop=stop, tell=self.say):
                checks.append(check)
                if self.format == "text":
                    print_check(console(self.out), check)
        keep_verification(
            run, checks, actor=self.actor, begun=begun, charged=test is not None, interrupted=stop.requested
        )
        if self.format == "json":
            self.print_json(verdict_json(run, checks, interrupted=stop.requested))
        else:
            print_verdict(console(self.out), checks, interrupted=stop.requested)
        if stop.requested:
            return INTERRUPTED
        return NOT_WELL if any(check.passed is False for check in checks) else WELL

    def _agreed(self, test: LiveTest) -> bool:
        """Say what will be written, and ask a person who can answer."""
        self.say(announcement(test))
        if not sys.stdin.isatty():
            return True
        self.say("Type yes to go on:")
        return sys.stdin.readline().strip().lower() == "yes"
