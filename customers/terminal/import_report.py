"""The report of an import, for people."""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from itertools import islice
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from auditlog.people import with_names
from customers.backfill.document import counts
from customers.backfill.engine.canary import Canary, customers_to_do
from customers.backfill.engine.logged import meant
from customers.backfill.engine.plan import PlannedRow, RowAction
from customers.backfill.engine.report import Report
from customers.backfill.money.billing_lines import BillingLine
from customers.backfill.money.differences import Differences
from customers.backfill.money.open_usage import OpenUsage, written_kwh
from customers.backfill.money.words import days_of, money, sum_of
from customers.backfill.source import lines_named
from customers.backfill.steps import alterations
from customers.backfill.systems import Systems
from customers.terminal.money import (
    beside_lines,
    difference_lines,
    difference_table,
    money_lines,
    open_usage_lines,
)
from customers.terminal.output import warning_line
from customers.terminal.settling import print_settling
from kernel.wording import counted

MANAGE = "python manage.py"
ROWS_SHOWN = 50  # the rest is counted; --format json and --errors have them all
WARNINGS_SHOWN = 3  # of each kind
ALL_OF_THEM = "--verbosity 2 or --format json name each of them."
STYLE = {
    "fail": "red",
    "failed": "red",
    "skip": "dim",
    "skipped": "dim",
    "waiting": "dim",
    "pending": "yellow",
}
BILLS = "What it will bill"
CUSTOMERS_NAMED = 20  # of those who go in first; --format json names them all


def print_target(console: Console, systems: Systems, database: str) -> None:
    """Say first where everything would go; never a key."""
    target = systems.target
    steve = systems.steve_url or "not configured, so idTags are not made there"
    console.print(f"Database {database}", style="dim")
    console.print(
        f"Lago     {target.organization.name} at {target.url} ({target.version or 'version unknown'})",
        style="dim",
    )
    console.print(f"SteVe    {steve}", style="dim")
    for system, address in sorted({(step.system, step.address()) for step in systems.steps}):
        if address and address != systems.steve_url:
            console.print(f"{system:8} {address}", style="dim")
    console.print(f"Days are calendar days in {systems.timezone.key}", style="dim")
    for remark in systems.remarks:
        console.print(remark, style="yellow", soft_wrap=True)


def print_report(console: Console, report: Report, *, verbosity: int = 1) -> None:
    console.print()
    _print_file(console, report)
    _print_rows(console, report, verbosity)
    _print_warnings(console, report, verbosity)
    if report.canary and report.billing:
        console.print(_billing(report.billing_first, "What the first customers will bill"))
        console.print()
    if report.billing:
        title = "What the whole file will bill, those who wait with it" if report.canary else BILLS
        console.print(_billing(report.billing, title, report.open_usage))
    for total in report.totals:
        console.print(total.message)
    for details in report.details:
        console.print(f"{details.message}.", soft_wrap=True)
    for text in (*money_lines(report), *open_usage_lines(report), *beside_lines(report)):
        console.print(text, soft_wrap=True)
    if report.differences:
        _print_differences(console, report.differences)
    for expected in report.expected if report.run is None else ():
        console.print(expected.message)
    console.print(_counts(report))
    print_settling(console, report.settling)


def _print_file(console: Console, report: Report) -> None:
    """Say what was read, and how."""
    info = report.info
    read = f"{counted(len(report.plan.rows), 'row')}, {info.format}{_dialect(report)}"
    console.print(f"{info.name}: {read}", style="bold")
    for sentence in report.mapped.sentences() if report.mapped else ():
        console.print(sentence, soft_wrap=True)
    for warning in report.cautions:
        console.print(f"Warning: {warning.message} {warning.hint}", style="yellow")
    if report.continues:
        console.print(f"This file continues the unfinished run {report.continues}.", style="bold")
    if report.canary:
        _print_canary(console, report.canary, is_run=report.run is not None)
    elif report.options.first:
        _print_nobody_waits(console, report, report.options.first)


def _print_nobody_waits(console: Console, report: Report, first: int) -> None:
    """Say what became of --first where it lets everybody in."""
    if to_do := len(customers_to_do(report.plan.rows)):
        customers = f"there {'is' if to_do == 1 else 'are'} {counted(to_do, 'customer')} to import"
        waits = "Nobody would wait" if report.run is None else "Nobody waits"
        console.print(f"{waits}: {customers}, and --first {first:,} takes all.", style="bold", soft_wrap=True)


def _print_canary(console: Console, canary: Canary, *, is_run: bool) -> None:
    """Name the customers who go in first, with their lines, and say how many wait."""
    customers, rows = counted(len(canary.lines), "customer"), counted(len(canary.plan.rows), "row")
    goes, waits = ("went", "wait") if is_run else ("would go", "would wait")
    console.print(
        f"Only the first customers {goes} in: {customers} with {rows}. The others {waits}: "
        f"{counted(canary.waiting_customers, 'customer')}, {counted(canary.waiting_rows, 'row')}.",
        style="bold",
        soft_wrap=True,
    )
    for who, lines in islice(canary.lines.items(), CUSTOMERS_NAMED):
        console.print(f"  {who} ({lines_named(lines)})", highlight=False, soft_wrap=True)
    if (more := len(canary.lines) - CUSTOMERS_NAMED) > 0:
        console.print(f"  … and {more:,} more (--format json names them all)")


def _print_differences(console: Console, found: Differences) -> None:
    if found.largest:
        console.print(difference_table(found))
    for line in difference_lines(found):
        console.print(line, soft_wrap=True)


def _dialect(report: Report) -> str:
    info = report.info
    names = {",": "comma", ";": "semicolon", "\t": "tab"}
    sheet = f"sheet “{info.sheet}”" if info.sheet else None
    parts = [part for part in (sheet, info.encoding, names.get(info.delimiter or "", info.delimiter)) if part]
    return f" ({', '.join(parts)})" if parts else ""


def _print_rows(console: Console, report: Report, verbosity: int) -> None:
    """Print the rows that need attention, or all of a small file."""
    rows = report.plan.rows
    shown = rows if verbosity > 1 or len(rows) <= ROWS_SHOWN else [r for r in rows if report.problems_of(r)]
    if not shown:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("line", "external_id", "what" if report.run is None else "outcome", "steps and problems"):
        table.add_column(name, justify="right" if name == "line" else "left", overflow="fold")
    for row in shown if verbosity > 1 else shown[:ROWS_SHOWN]:
        word = _word(report, row)
        table.add_row(
            str(row.line),
            row.wanted.external_id,
            Text(word, style=STYLE.get(word, "green")),
            _detail(report, row),
        )
    console.print(table)
    if verbosity <= 1 and len(shown) > ROWS_SHOWN:
        console.print(
            f"… and {len(shown) - ROWS_SHOWN:,} more (--errors FILE or --format json give them all)"
        )
    console.print()


def _word(report: Report, row: PlannedRow) -> str:
    if report.run is None:
        return row.action.value
    if report.is_waiting(row):
        return "waiting"
    settled = report.outcomes.get(row.line)
    return settled.outcome if settled else "pending"


def _detail(report: Report, row: PlannedRow) -> Text:
    problems = report.problems_of(row)
    if problems:
        return Text("\n").join(
            Text.assemble((p.code, "red"), f"  {p.message} ", (p.hint, "dim")) for p in problems
        )
    settled = report.outcomes.get(row.line)
    steps = settled.steps if settled else meant(row)
    if steps and len(set(steps.values())) == 1:
        return Text(f"all {len(steps)} steps: {next(iter(steps.values()))}", style="dim")
    return Text(", ".join(f"{name} {word}" for name, word in steps.items()), style="dim")


def _print_warnings(console: Console, report: Report, verbosity: int) -> None:
    """Print the first few of each kind: a file of future starts has a warning for each row."""
    numbers: Counter[str] = Counter()
    for row in report.plan.rows:
        for warning in row.warnings:
            numbers[warning.code] += 1
            if verbosity > 1:
                told = warning_line(
                    row.line, row.wanted.external_id, warning.code, warning.message, warning.hint
                )
                console.print(told, style="yellow", soft_wrap=True)
            elif numbers[warning.code] <= WARNINGS_SHOWN:
                console.print(f"Warning, line {row.line}: {warning.message} {warning.hint}", style="yellow")
    meanings = alterations(numbers)
    for code, number in numbers.items():
        meaning, more = meanings.get(code, ""), number > WARNINGS_SHOWN
        if more or meaning:
            summary = f"… {code}: {counted(number, 'row')} in all. {meaning}".rstrip()
            console.print(f"{summary} {ALL_OF_THEM}" if more and verbosity <= 1 else summary, style="yellow")


def _billing(lines: Iterable[BillingLine], title: str, usage: OpenUsage | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for name in (
        "plan",
        "new",
        "amount",
        "per",
        "in advance",
        "past",
        "today",
        "future",
        "first invoice",
        "sum",
    ):
        table.add_column(name, justify="left" if name in ("plan", "per", "in advance") else "right")
    if usage:
        table.add_column("open", justify="right")
    for line in lines:
        open_kwh = [written_kwh(usage.by_plan.get(line.plan_code, Decimal()))] if usage else []
        table.add_row(
            line.plan_code,
            f"{line.rows:,}",
            money(line.amount_cents, line.currency),
            line.interval or "?",
            "yes" if line.pay_in_advance else "no",
            f"{line.starts_in_past:,}",
            f"{line.starts_today:,}",
            f"{line.starts_in_future:,}",
            Text(days_of(line.first_invoices), style="red bold" if line.at_once else ""),
            sum_of(line.first_invoices),
            *open_kwh,
        )
    return table


def _counts(report: Report) -> Text:
    numbers = [(word, number) for word, number in counts(report).items() if number or word != "pending"]
    text = Text("\n")
    for position, (word, number) in enumerate(numbers):
        text.append(" · " if position else "")
        text.append(f"{number:,} {word}", style=f"bold {STYLE.get(word, 'green')}" if number else "dim")
    return text


def print_next(console: Console, report: Report, commands: tuple[str, str], errors: Path | None) -> None:
    """Say what makes sense now; the last lines of a report are the ones that are read.

    `commands`: the one that was typed, and the same for all customers.
    """
    console.print()
    after = (
        _after_plan(report, commands[0], errors)
        if report.run is None
        else _after_run(report, commands, errors)
    )
    for line in after:
        console.print(line, soft_wrap=True)


def _after_plan(report: Report, command: str, errors: Path | None) -> Iterable[str]:
    if report.status == "would_fail":
        yield "Nothing was written. Correct the rows above and try again;"
        yield f"{_just_those(errors)}, --allow-partial imports the good ones."
    elif report.dry_run and any(row.is_to_do for row in report.plan.rows):
        yield f"Nothing was written. To do it: {command}"
    elif report.dry_run:
        yield "Nothing was written, and there is nothing to do: everything is already imported."
    else:
        yield f"Stopped before anything was written: {with_names(report.reason)}"


def _just_those(errors: Path | None) -> str:
    return f"{errors} has just those rows" if errors else "--errors FILE writes just those rows"


def _after_run(report: Report, commands: tuple[str, str], errors: Path | None) -> Iterable[str]:
    run_id = report.run.run_id if report.run else ""
    reason = f" ({with_names(report.reason)})" if report.reason else ""
    yield f"Run {run_id}: {report.status}{reason} in {report.seconds:.1f} s"
    yield f"Log {report.log_path}"
    if not report.is_well:
        yield from _to_mend(report, run_id, commands, errors)
    elif not report.canary and all(row.action is RowAction.SKIP for row in report.plan.rows):
        yield "Everything is already imported; nothing was changed."
        yield f"To see that it still stands: {MANAGE} backfill_reconcile --run-id {run_id}"
    else:
        yield f"Next: {MANAGE} backfill_reconcile --run-id {run_id}"
        yield f"Then: {MANAGE} backfill_verify --run-id {run_id}"
        if report.canary:
            yield f"The rest: {commands[1]}"
        else:
            yield f"      {MANAGE} backfill_welcome --run-id {run_id}"
        yield f"Undo: {MANAGE} backfill_revert --run-id {run_id} --dry-run"


def _to_mend(report: Report, run_id: str, commands: tuple[str, str], errors: Path | None) -> Iterable[str]:
    """Tell rows that can be tried again as they are from rows that have to be corrected first."""
    if any(_word(report, row) in ("pending", "failed") for row in report.plan.to_do()):
        yield f"To continue it: {commands[0]}"
    if report.canary:
        yield f"To do the rest as well: {commands[1]}"
    if report.plan.fails:
        yield f"Rows to correct: {_just_those(errors)}; correct them there, and import that file."
    yield f"To take it back: {MANAGE} backfill_revert --run-id {run_id} --dry-run"
