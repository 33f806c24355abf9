"""Propose a mapping for an export of another system."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from customers.backfill.mappings.draft import write_draft
from customers.backfill.mappings.suggesting import suggest
from customers.backfill.mappings.table import look_at
from customers.terminal.base import WELL, BackfillCommand
from customers.terminal.mapping_report import as_json, print_suggestion
from customers.terminal.mapping_suggest import (
    ABOUT,
    add_suggest_options,
    ask_for_plans,
    check_output,
    read_columns,
    read_file,
    read_form,
    write_output,
)
from customers.terminal.output import console


class Command(BackfillCommand):
    help = "Propose a mapping for a file of another system, and say what it could not decide."
    needs_database = False

    def add_options(self, parser: CommandParser) -> None:
        add_suggest_options(parser)

    def work(
        self, *, input: Path, output: Path | None, force: bool, column: list[str], **options: Any
    ) -> int:
        form = read_form(options)
        check_output(output, input, force=force)
        table = look_at(input.name, read_file(input), form)
        said = read_columns(column, table)
        plans = ask_for_plans()
        found = suggest(table, plans.codes, said)
        text = write_draft(found, *ABOUT)
        if output:
            write_output(output, text, force=force)
        if self.format == "json":
            self.print_json(as_json(table, found, plans, output, text))
            return WELL
        if not output:
            self.out.write(text)
        print_suggestion(console(self.out if output else self.err), table, found, plans, input, output)
        return WELL
