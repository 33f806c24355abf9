"""A reconciliation at a terminal."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from customers.backfill.ledger.problems import as_json
from customers.backfill.ledger.standing import Standing
from customers.backfill.reconcile import Reconciliation, grouped
from customers.backfill.steps import plural
from customers.models import BackfillRun
from customers.terminal.output import plain_table, print_cautions

SHOWN = 200  # lines of divergences; --format json has them all


def print_reconciliation(console: Console, result: Reconciliation) -> None:
    outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(result.rows.items()))
    told = f" ({outcomes})" if outcomes else ""
    console.print(f"Run {result.run.run_id}: {result.standing.rows} of the file{told}\n")
    table = plain_table("", "expected:", "as recorded:", "diverging:", "made by the run:", "adopted:")
    for name, count in result.steps.items():
        table.add_row(
            plural(name),
            *(f"{number:,}" for number in (count.expected, count.agreeing)),
            Text(f"{count.diverging:,}", style="red bold" if count.diverging else ""),
            *(f"{number:,}" for number in (count.created, count.adopted)),
        )
    console.print(table)
    console.print()
    if result.invoiced.number:
        console.print(f"{result.invoiced.sentence}\n", style="yellow", soft_wrap=True)
    print_cautions(console, result.cautions)
    if result.found:
        _print_divergences(console, result)
        _print_repair(console, result)
    if result.remarks:
        _print_remarks(console, result)
    if result.run.status == BackfillRun.Status.REVERTED:
        console.print("The run was reverted: nothing that it made is expected any more.")
    elif result.is_well:
        console.print("Nothing diverges.", style="green")
    print_unfinished(console, result.run, result.standing)


def print_unfinished(console: Console, run: BackfillRun, standing: Standing) -> None:
    """Tell of an import that is not finished: no verdict over it can be a good one. To wait is none."""
    if standing.waiting:
        console.print(standing.waiting_sentence, soft_wrap=True)
    if standing.is_finished:
        return
    console.print(standing.sentence, style="yellow bold", soft_wrap=True)
    console.print(f"What to do next: python manage.py backfill_runs {run.run_id}", soft_wrap=True)


def _print_divergences(console: Console, result: Reconciliation) -> None:
    table = plain_table("line:", "external_id", "step", "divergence", "expected", "found")
    groups = grouped(result.found)
    for group in groups[:SHOWN]:
        one = group.found
        kind = one.divergence.kind + (" (adopted)" if one.adopted else "")
        kind += f" ({group.number:,} rows)" if group.number > 1 else ""
        table.add_row(
            group.lines, group.external_ids, one.step, Text(kind, style="red"),
            one.divergence.expected, one.divergence.found,
        )  # fmt: skip
    console.print(table)
    if more := sum(group.number for group in groups[SHOWN:]):
        console.print(f"… and {more:,} more (--format json gives them all)")
    console.print("\nWhat to do:")
    remedies = Counter((one.divergence.kind, one.divergence.remedy) for one in result.found)
    for (kind, remedy), number in remedies.most_common():
        console.print(f"  {kind} ({number:,}): {remedy}", soft_wrap=True)


def _print_repair(console: Console, result: Reconciliation) -> None:
    command = f"python manage.py backfill_repair --run-id {result.run.run_id} --dry-run"
    console.print(f"What of that can be repaired safely: {command}", soft_wrap=True)


def _print_remarks(console: Console, result: Reconciliation) -> None:
    console.print("To know:")
    for one in result.remarks[:SHOWN]:
        console.print(f"  line {one.line}, {one.external_id}: {one.what.message}", soft_wrap=True)
    if (more := len(result.remarks) - SHOWN) > 0:
        console.print(f"  … and {more:,} more (--format json gives them all)")
    hints = dict.fromkeys(one.what.hint for one in result.remarks)
    console.print("  " + " ".join(hints) + "\n", soft_wrap=True)


def reconciliation_json(result: Reconciliation) -> dict[str, Any]:
    return {
        "run_id": result.run.run_id,
        "status": result.status,
        "import": result.standing.as_json(),
        "rows": dict(result.rows),
        "invoiced": result.invoiced.as_json(),
        "steps": {
            name: {**asdict(count), "agreeing": count.agreeing} for name, count in result.steps.items()
        },
        "divergences": [
            {"line": one.line, "external_id": one.external_id, "step": one.step, "adopted": one.adopted}
            | asdict(one.divergence)
            for one in result.found
        ],
        "remarks": [
            {"line": one.line, "external_id": one.external_id, "step": one.step} | as_json(one.what)
            for one in result.remarks
        ],
        "warnings": [as_json(caution) for caution in result.cautions],
    }
