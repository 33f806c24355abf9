"""Compare a later export with what is imported."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from customers.backfill.compare import Comparison, Show, Written, compare_file, comparison_json, files_of
from customers.backfill.engine.options import Options
from customers.backfill.ledger.runs import find_run
from customers.backfill.source import FileMapping, open_source, read_mapping
from customers.backfill.systems import connect
from customers.terminal import comparing
from customers.terminal.base import NOT_WELL, WELL, BackfillCommand
from customers.terminal.import_options import known_date_format
from customers.terminal.import_report import print_target
from customers.terminal.output import console


class Command(BackfillCommand):
    help = "Compare a later export with what is imported: joined, left, changed. Writes nothing anywhere."

    def add_options(self, parser: CommandParser) -> None:
        comparing.add_compare_options(parser)

    def work(self, *, mapping: Path | None, write: Path | None, **options: Any) -> int:
        comparing.check_folder(write)
        through = read_mapping(mapping) if mapping else None
        found, show = self._compare(through, **options), Show(options["show_values"])
        files = files_of(found, through) if write else []
        if write:
            comparing.write_files(write, files)
        if self.format == "json":
            self.print_json({**comparison_json(found, show), "files": [str(one.name) for one in files]})
        else:
            comparing.print_comparison(console(self.out), found, show)
        if write:
            self._tell_next(write, files, mapping, options)
        return WELL if found.agrees else NOT_WELL

    def _compare(self, mapping: FileMapping | None, **options: Any) -> Comparison:
        delimiter = {"tab": "\t", "\\t": "\t"}.get(options["delimiter"] or "", options["delimiter"])
        source = open_source(
            options["input"],
            encoding=options["encoding"],
            delimiter=delimiter,
            hidden_rows=options["hidden_rows"],
            mapping=mapping,
        )
        chosen = Options.through(
            mapping, date_format=known_date_format(options["date_format"]), decimal_mark=None
        )
        run = find_run(options["run_id"]) if options["run_id"] else None
        with connect() as systems:
            print_target(console(self.err), systems, self.database)
            return compare_file(source, systems, chosen, now=timezone.now(), run=run)

    def _tell_next(
        self, folder: Path, files: list[Written], mapping: Path | None, options: dict[str, Any]
    ) -> None:
        reading = ["--mapping", str(mapping)] if mapping else []
        for name in ("encoding", "delimiter", "date_format"):
            if options[name]:
                reading += [f"--{name.replace('_', '-')}", options[name]]
        for told in comparing.next_commands(folder, files, reading):
            self.say(told)
