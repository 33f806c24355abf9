"""Invite the customers of a run, in paced batches."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser

from customers import queueing
from customers.backfill import welcome
from customers.backfill.ledger.runs import find_run
from customers.backfill.ledger.standing import standing_of
from customers.backfill.unasked import require_answer
from customers.backfill.welcome.following import send_here, watch_worker
from customers.backfill.welcome.trying import send_to_oneself
from customers.models import BackfillRun, WelcomeCampaign
from customers.terminal.base import INTERRUPTED, NOT_WELL, WELL, BackfillCommand
from customers.terminal.output import TerminalProgress
from customers.terminal.welcome import QUEUE_AWAY, CampaignProgress, print_campaign, print_recipients
from customers.terminal.welcome_options import (
    WelcomeOptions,
    add_welcome_options,
    beforehand,
    read_welcome_options,
    require_mail,
    require_sender,
)
from customers.terminal.welcome_writing import written


class Command(BackfillCommand):
    help = (
        "Send a magic link to each customer that a run imported, in paced batches, never twice by accident."
    )
    requires_system_checks = ()  # what mail needs is checked here, with exit code 2

    def add_options(self, parser: CommandParser) -> None:
        add_welcome_options(parser)

    def work(self, **options: Any) -> int:
        chosen = read_welcome_options(options)
        run = find_run(chosen.run_id)
        if said := written(chosen, run.lago_timezone):
            self.say(said)
            return WELL
        if chosen.test_to:
            return self._try(run, chosen.test_to, chosen.languages)
        return self._invite(run, chosen)

    def _invite(self, run: BackfillRun, chosen: WelcomeOptions) -> int:
        json = self.format == "json"
        if not chosen.status:
            require_answer()
        for line in beforehand():
            self.say(line)
        standing = standing_of(run)
        if gaps := standing.sentence or standing.waiting_sentence:
            self.say(f"{gaps} Only customers whose rows are in are invited.")
        if chosen.status:
            campaign = welcome.latest_campaign(run)
            if campaign is None:
                return print_recipients(
                    self.out, welcome.preview_recipients(run, chosen.choice), run, json=json
                )
            return print_campaign(self.out, welcome.status(campaign), json=json)
        require_sender(inline=chosen.inline)
        started = welcome.start_campaign(
            run, self.actor, choice=chosen.choice, enqueue=not chosen.inline,
            batch_size=chosen.batch_size, delay_ms=chosen.delay_ms,
        )  # fmt: skip
        if started.campaign is None:
            return print_recipients(self.out, started.recipients, run, json=json)
        if started.joined:
            self.say("These mails are under way already; going on with them.")
        if not chosen.inline and not queueing.answers():
            self.say(QUEUE_AWAY)
            print_campaign(self.out, welcome.status(started.campaign), json=json)
            return NOT_WELL
        return self._follow(started.campaign, inline=chosen.inline, quiet=chosen.quiet, json=json)

    def _try(self, run: BackfillRun, address: str, languages: Sequence[str]) -> int:
        require_mail()
        for language in languages:
            if problem := send_to_oneself(run, address, language, self.actor):
                self.say(problem)
                return NOT_WELL
        self.say("The mail server took it. Its link leads nowhere, and nobody else got a mail.")
        return WELL

    def _follow(self, campaign: WelcomeCampaign, *, inline: bool, quiet: bool, json: bool) -> int:
        with self.stop_on_signals() as stop, TerminalProgress(self.err, quiet=quiet) as bar:
            hear = CampaignProgress(bar, self.err, watching=not inline).hear
            last = (
                send_here(campaign, self.actor, stop, hear) if inline else watch_worker(campaign, stop, hear)
            )
        code = print_campaign(self.out, last, json=json)
        return INTERRUPTED if stop.interrupted and last.status == WelcomeCampaign.Status.RUNNING else code
