"""Show the cards that SteVe refused, and prepare what puts them right."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.cards import as_file, chosen, corrected, look, note_written, stop_wrong
from customers.backfill.ledger.runs import find_run
from customers.backfill.systems import connect
from customers.models import BackfillRun
from customers.terminal import cards
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_report import print_target
from customers.terminal.output import console


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
        if output:
            self._write(run, chosen(board, cards.read_picks(pick, board)), output, dry_run=dry_run)
        if options["stop_wrong"]:
            self._stop_wrong(run, options["stop_wrong"], dry_run=dry_run)
        since = corrected(run)
        if self.format == "json":
            self.print_json(cards.board_json(board, since, show))
        elif not output and not options["stop_wrong"]:
            cards.print_board(console(self.out), board, since, show)
        if output or options["stop_wrong"]:
            return WELL
        return NOT_WELL if board.with_owner or board.misspelt else WELL

    def _write(self, run: BackfillRun, corrections: list[Any], output: Path, *, dry_run: bool) -> None:
        content = as_file(run, corrections)
        if dry_run:
            return self.say(f"{len(corrections)} row(s) would be written to {output}. Nothing was written.")
        cards.write_file(output, content)
        note_written(run, corrections, self.actor)
        self.say(f"{len(corrections)} row(s) written to {output}. Look at them, then:")
        return self.say(cards.import_line(run, output))

    def _stop_wrong(self, run: BackfillRun, external_ids: list[str], *, dry_run: bool) -> None:
        wrong = cards.to_stop(external_ids, corrected(run))
        if dry_run or not cards.agreed(self.say, len(wrong)):
            return self.say(f"{len(wrong)} card(s) to switch off. Nothing was switched off.")
        for told in stop_wrong(run, wrong, self.actor):
            self.say(told)
        return None
