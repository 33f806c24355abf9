"""Pause, resume, stop or pace what is under way of a run, on whatever machine it works."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill import control
from customers.backfill.ledger.pace import Pace, check_pace, pace_of
from customers.backfill.ledger.runs import find_run
from customers.backfill.ledger.standing import shown_status
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from customers.terminal.base import WELL, BackfillCommand
from customers.terminal.welcome_options import check_mail_pace

ACTIONS = {"pause": control.pause, "resume": control.resume, "stop": control.stop}
ON_MAILS = {"pause": control.pause_mails, "resume": control.resume_mails, "stop": control.stop_mails}


class Command(BackfillCommand):
    help = "Pause, resume, stop or pace an import, a revert or welcome mails that are under way."

    def add_options(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("run_id", metavar="RUN_ID", help="the run; backfill_runs lists them")
        add(
            "action",
            metavar="ACTION",
            nargs="?",
            choices=list(ACTIONS),
            help="pause, resume or stop; what is in flight is finished and recorded first",
        )
        add("--rate", type=float, metavar="N", help="calls to Lago per second from now on; 0: no limit")
        add("--concurrency", type=int, metavar="N", help="parallel calls to Lago from now on")
        add("--batch-size", type=int, metavar="N", help="welcome mails between two pauses from now on")
        add("--delay-ms", type=int, metavar="MS", help="pause between two batches of mails from now on")

    def work(self, *, run_id: str, action: str | None, **options: Any) -> int:
        run = find_run(run_id)
        said = list(self._done(run, action, options))
        if not said:
            raise Refused("Say what is to be done: pause, resume or stop, or another pace, such as --rate 5.")
        run.refresh_from_db()
        if self.format == "json":
            paced = pace_of(run).as_json()
            self.print_json({"run_id": run_id, "status": shown_status(run), "pace": paced, "said": said})
        else:
            self.out.write("\n".join(said) + "\n")
        return WELL

    def _done(self, run: BackfillRun, action: str | None, options: Mapping[str, Any]) -> Iterator[str]:
        """Do it, the pace first: what is resumed begins with it. A wrong value is told before all."""
        pace = Pace(options["rate"], options["concurrency"])
        mails = control.MailPace(options["batch_size"], options["delay_ms"])
        check_pace(pace)
        check_mail_pace(mails.batch_size, mails.delay_ms)
        if pace.is_chosen:
            yield control.pace(run, pace, actor=self.actor)
        if mails != control.MailPace():
            yield control.pace_mails(run, mails, actor=self.actor)
        if action and (campaign := control.campaign_of(run)):
            yield ON_MAILS[action](campaign, actor=self.actor)
        elif action:
            yield ACTIONS[action](run, actor=self.actor)
