"""The first rows as they were read, and a sample of what looks unusual: for a terminal, if asked."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from customers.backfill.engine.report import Report
from customers.backfill.samples import Shown, first_rows, headings, unusual_rows
from customers.backfill.source import SourceError


def print_values(console: Console, report: Report) -> None:
    """Show names and cards to whoever asked for them; nothing else ever prints them."""
    try:
        rows = [*report.given]
    except SourceError as error:  # the file was changed since
        console.print(str(error), style="yellow", soft_wrap=True)
        return
    names = headings(rows)
    _print_rows(console, "The first rows as they were read", names, first_rows(rows))
    flawed = {row.line: [one.code for one in (*row.problems, *row.warnings)] for row in report.plan.rows}
    _print_rows(console, "Some that look unusual", names, unusual_rows(rows, flawed))


def _print_rows(console: Console, title: str, names: tuple[str, ...], rows: Shown) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in ("line", *names, ""):
        table.add_column(name, overflow="fold")
    for line, values, codes in rows:
        table.add_row(str(line), *(Text(value) for value in values), Text(codes, style="yellow"))
    console.print(table)
