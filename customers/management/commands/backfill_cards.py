"""Show the cards that SteVe refused, and prepare what puts them right."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.cards import (
    Corrected,
    Correction,
    as_file,
    chosen,
    corrected,
    look,
    note_written,
    stop_wrong,
)
from customers.backfill.ledger.runs import find_run
from customers.backfill.systems import connect
from customers.models import BackfillRun
from customers.terminal import cards
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import console
from kernel import RemoteError
from kernel.wording import counted


class Command(BackfillCommand):
    help = "Show cards that SteVe refused beside cards of a run that look alike, and prepare their import."

    def add_options(self, parser: CommandParser) -> None:
        cards.add_cards_options(parser)

    def work(
        self, *, run_id: str, pick: list[str], output: Path | None, dry_run: bool, **options: Any
    ) -> int:
        cards.check_options(pick, output)
        run, show = find_run(run_id), cards.showing(whole=options["show_values"])
        with connect() as systems:
            print_target(console(self.err), systems, self.database)
            board = look(run, systems)
        corrections = chosen(board, cards.read_picks(pick, board)) if output else []
        wrong = cards.to_stop(options["stop_wrong"], corrected(run))
        if wrong and not dry_run and not cards.agreed(self.say, wrong, show):
            return self.refuse("Not confirmed; nothing was written, and nothing was switched off.")
        if output:
            self._write(run, corrections, output, dry_run=dry_run)
        code = self._switch_off(run, wrong, dry_run=dry_run) if wrong else WELL
        since = corrected(run)
        if self.format == "json":
            self.print_json(cards.board_json(board, since, show))
        elif not output and not wrong:
            cards.print_board(console(self.out), board, since, show)
        if output or wrong:
            return code
        return NOT_WELL if board.with_owner or board.misspelt else WELL

    def _write(self, run: BackfillRun, corrections: list[Correction], output: Path, *, dry_run: bool) -> None:
        content, written = as_file(run, corrections), counted(len(corrections), "row")
        if dry_run:
            return self.say(f"{written} to write to {output}. Nothing was written.")
        cards.write_file(output, content)
        note_written(run, corrections, self.actor)
        self.say(f"{written} written to {output}. Look at it, then:")
        return self.say(cards.import_line(run, output))

    def _switch_off(self, run: BackfillRun, wrong: list[Corrected], *, dry_run: bool) -> int:
        """Switch off each, whatever happens to another; what failed elsewhere is off here already."""
        if dry_run:
            self.say(f"{counted(len(wrong), 'card')} to switch off. Nothing was switched off.")
            return WELL
        code = WELL
        for one in wrong:
            try:
                for told in stop_wrong(run, [one.wrong.pk], self.actor):
                    self.say(told)
            except RemoteError as error:
                whose = one.wrong.user.external_id
                self.say(f"{whose}: The card is off here; elsewhere it is as it was: {error}. {cards.AGAIN}")
                code = NOT_WELL
        return code
