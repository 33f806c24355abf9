"""A comparison at a terminal, and the files that come of it; people's data masked unless asked for."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.core.management.base import CommandParser
from rich.console import Console

from customers.backfill.compare import Comparison, Kind, Show, Written, words
from customers.backfill.compare.files import BY_HAND, CARDS, JOINED, LEFT
from customers.backfill.money.invoices import Dated
from customers.backfill.money.words import sum_of
from customers.backfill.refused import Refused
from customers.backfill.source import HIDDEN_ROWS
from customers.terminal.output import plain_table
from kernel.whole_file import whole_file
from kernel.wording import counted

SHOWN = 200  # differences of a kind; --format json and --write have them all


def add_compare_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--input", required=True, type=Path, metavar="FILE", help="the later export")
    add("--mapping", type=Path, metavar="FILE", help="what its columns mean")
    add("--run-id", metavar="ID", help="compare with this run alone, and not with all that stand")
    add("--write", type=Path, metavar="DIR", help="write what comes of it as files into this folder")
    add("--show-values", action="store_true", help="show names, addresses and idTags whole")
    add("--encoding", metavar="NAME", help="of a text file that is neither UTF-8 nor UTF-16")
    add("--delimiter", metavar="CHAR", help="of a text file: , ; or tab")
    add("--hidden-rows", choices=HIDDEN_ROWS, help="what to do with rows that nobody sees in a workbook")
    add("--date-format", metavar="FORMAT", help="of start_date, such as %%d.%%m.%%Y")


# --- files -------------------------------------------------------------------------------------------


def check_folder(folder: Path | None) -> None:
    """Raise Refused if the files cannot be written there, or if there are some of an earlier comparison.

    Those would be taken for the new ones where now there is nothing to be written.
    """
    if folder is None:
        return
    if not folder.is_dir():
        raise Refused(f"{folder} is no folder.", "Make it first, where nobody else can read.")
    found = [path.name for kind in (LEFT, JOINED, CARDS, BY_HAND) for path in folder.glob(f"{kind}[.-]*")]
    if found:
        raise Refused(f"{folder} has {', '.join(sorted(found))} already.", "Name another folder.")


def write_files(folder: Path, files: Sequence[Written]) -> None:
    """Write each whole or not at all, for its owner's eyes; raise Refused."""
    for file in files:
        try:
            with whole_file(folder / file.name) as stream:
                stream.write(file.content)
        except OSError as error:
            raise Refused(f"{file.name}: it cannot be written ({error.strerror}).") from error


def next_commands(folder: Path, files: Sequence[Written], reading: Sequence[str]) -> Iterator[str]:
    """Say what each file is for, in the order of their use. `reading`: how the later export is read."""
    for file in files:
        path, rows = str(folder / file.name), counted(file.number, "row")
        if file.kind == BY_HAND:
            yield f"{file.name}, {rows}: what is to be done by hand"
            continue
        if file.kind == LEFT:
            line = ["backfill_revert", "--run-id", file.run_id, "--only", path]
        else:
            line = ["backfill_customers", "--input", path, *reading]
            line += ["--skip-existing"] if file.kind == CARDS else []
        command = shlex.join(["python", "manage.py", *line, "--dry-run"])
        yield f"{file.name}, {rows}: {command}"


# --- what is said ------------------------------------------------------------------------------------


def print_comparison(console: Console, found: Comparison, show: Show) -> None:
    _print_head(console, found)
    _print_counts(console, found)
    for kind in Kind:
        _print_kind(console, found, kind, show)
    _print_problems(console, found)
    _print_remarks(console, found, show)
    if found.agrees:
        console.print("Nothing differs.", style="green")


def _print_head(console: Console, found: Comparison) -> None:
    customers = counted(len(found.read.customers), "customer")
    against = f"the run {found.run.run_id}" if found.run else "all runs that stand"
    told = f"{found.info.name}: {counted(found.read.rows, 'row')}, {customers}"
    console.print(f"{told}, against {counted(found.number, 'customer')} of {against}", style="bold")
    for sentence in found.mapped.sentences() if found.info.mapping else ():
        console.print(sentence, soft_wrap=True)
    for caution in found.cautions:
        console.print(caution, style="yellow", soft_wrap=True)


def _print_counts(console: Console, found: Comparison) -> None:
    table = plain_table("", "found:")
    table.add_row("As imported", f"{found.found.same:,}")
    for kind, number in found.found.counts.items():
        if number:
            table.add_row(words.TITLES[kind], f"{number:,}")
    console.print(table)
    for one in found.sums:
        console.print(words.sum_sentence(one))
    if found.first_invoices:
        console.print(f"First invoices of who joined: {_dates(found.first_invoices)}", soft_wrap=True)
    if found.sums:
        console.print(words.NET, style="dim", soft_wrap=True)


def _dates(invoices: Sequence[Dated]) -> str:
    days = f"{invoices[0].date} to {invoices[-1].date}" if len(invoices) > 1 else str(invoices[0].date)
    return f"{sum_of(invoices)} in all, {days}"


def _print_kind(console: Console, found: Comparison, kind: Kind, show: Show) -> None:
    some = found.found.of(kind)
    if not some:
        return
    console.print(f"\n{words.TITLES[kind]}: {len(some):,}", style="bold")
    table = plain_table("line:", "external_id", "imported", "in the file", "note")
    for one in some[:SHOWN]:
        was, now = show.values(one)
        lines = ", ".join(str(line) for line in one.lines[:3]) or "—"
        of = f"{was} of {one.other}" if one.other else was
        told = "; ".join(part for part in (words.cost_sentence(one), one.note) if part)
        table.add_row(lines, one.external_id, of, now, told)
    console.print(table)
    if len(some) > SHOWN:
        console.print(f"… and {len(some) - SHOWN:,} more (--format json and --write give them all)")
    console.print(f"→ {words.to_do(kind)}", soft_wrap=True)


def _print_problems(console: Console, found: Comparison) -> None:
    if not found.read.flaws:
        return
    console.print(f"\nCannot be read: {counted(len(found.read.flaws), 'problem')}", style="bold")
    for one in found.read.flaws[:SHOWN]:
        told = f"line {one.line}, {one.external_id or '?'}: {one.problem.code}  {one.problem.message}"
        console.print(f"{told} {one.problem.hint}".strip(), style="red", soft_wrap=True)
    if (more := len(found.read.flaws) - SHOWN) > 0:
        console.print(f"… and {more:,} more (--format json gives them all)")


def _print_remarks(console: Console, found: Comparison, show: Show) -> None:
    if not found.found.remarks:
        return
    console.print("\nTo know:")
    for one in found.found.remarks[:SHOWN]:
        was, now = show.remark(one)
        told = f"  line {one.line}, {one.external_id}: {one.text} Imported: {was}; in the file: {now}."
        console.print(told, soft_wrap=True)
    if (more := len(found.found.remarks) - SHOWN) > 0:
        console.print(f"  … and {more:,} more (--format json gives them all)")
