"""Look at everything that a backfill depends on, before the night."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.preflight import Asked, Finding, State, document, parts, read_people, verdict
from customers.backfill.refused import Refused
from customers.backfill.source import HIDDEN_ROWS, open_source, read_mapping
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.output import console
from customers.terminal.preflight import print_findings, print_verdict
from kernel.days import is_date_format


class Command(BackfillCommand):
    help = "Look at everything that a backfill depends on, and say what to do. Writes nothing."
    needs_database = False

    def add_options(self, parser: CommandParser) -> None:
        add = parser.add_argument
        add("--input", type=Path, metavar="FILE", help="also say what this file means in these surroundings")
        add("--encoding", metavar="NAME", help="of a text file that is neither UTF-8 nor UTF-16")
        add("--delimiter", metavar="CHAR", help="of a text file: , ; or tab")
        add("--hidden-rows", choices=HIDDEN_ROWS, help="what to do with rows that nobody sees in a workbook")
        add("--mapping", type=Path, metavar="FILE", help="what the columns of the file mean")
        add("--date-format", metavar="FORMAT", help="of start_date, such as %%d.%%m.%%Y")

    def work(self, *, input: Path | None, verbosity: int, **reading: Any) -> int:
        asked, findings = self._asked(input, **reading), list[Finding]()
        for part in parts(asked):
            if verbosity:
                self.say(f"Looking at: {part.title} …")
            findings += part.findings(asked)
        if self.format == "json":
            self.print_json(document(findings))
        else:
            print_findings(console(self.out), findings)
            print_verdict(console(self.out), findings)
        return NOT_WELL if verdict(findings) is State.STOP else WELL

    @staticmethod
    def _asked(
        path: Path | None,
        encoding: str | None,
        delimiter: str | None,
        hidden_rows: str | None,
        mapping: Path | None,
        date_format: str | None,
        **rest: Any,
    ) -> Asked:
        if date_format is not None and not is_date_format(date_format):
            raise Refused("--date-format must name year, month and day, such as %d.%m.%Y.")
        if path is None:
            return Asked()
        delimiter = {"tab": "\t", "\\t": "\t"}.get(delimiter or "", delimiter)
        through = read_mapping(mapping) if mapping else None
        source = open_source(
            path, encoding=encoding, delimiter=delimiter, hidden_rows=hidden_rows, mapping=through
        )
        form = through.form.date_format if through else None
        return Asked(read_people(source, date_format or form))
