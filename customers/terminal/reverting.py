"""A revert at a terminal: its plan in three buckets, and what became of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console

from auditlog.people import with_names
from customers.backfill.ledger.problems import as_json
from customers.backfill.revert import SHARED, Choice, RevertPlan, RevertReport
from customers.backfill.steps import in_order, leavable, plural
from customers.terminal.output import plain_table, print_cautions
from customers.terminal.settling import add_no_wait, print_settling
from kernel.wording import counted, some_of

NAMED = 3  # of many things with one reason
SHOWN = 50  # lines of each kind; the manifest and --format json have them all


def add_revert_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--run-id", required=True, metavar="ID")
    add("--dry-run", action="store_true", help="say what would be removed; remove nothing")
    who = parser.add_mutually_exclusive_group()
    who.add_argument(
        "--external-id",
        nargs="+",
        metavar="E",
        help="take back these customers alone; the run stays what it is for the others",
    )
    who.add_argument(
        "--only", type=Path, metavar="FILE",
        help="the same of a file that names them in a column external_id",
    )  # fmt: skip
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--keep-active", action="store_true", help="leave customers whole who were active since"
    )
    choice.add_argument(
        "--discard-activity", action="store_true", help="remove them too, with all they added since"
    )
    add(
        "--without",
        action="append",
        choices=list(leavable()),
        default=[],
        help="leave what the run made in this system there: it is gone for ever, or must not be touched",
    )
    add(
        "--reclaim",
        action="store_true",
        help="after a restored backup: take what the run's log names into the ledger again, and then back",
    )
    add("--workers", action="store_true", help="plan here, and have the workers do it together")
    add("--noinput", action="store_true", help="do not ask")
    add_no_wait(parser)


def print_plan(console: Console, plan: RevertPlan, choice: Choice, expected: Sequence[str] = ()) -> None:
    whose = "" if plan.chosen is None else f"{counted(len(plan.chosen), 'chosen customer')} of "
    title = f"A revert of {whose}the run {plan.run.run_id} over {plan.run.input_name}\n"
    console.print(title, style="bold")
    if chosen_sentence := _going_on(plan):
        console.print(f"{chosen_sentence}\n", style="yellow", soft_wrap=True)
    _print_standing(console, plan)
    print_cautions(console, plan.cautions)
    if plan.is_empty:
        console.print(f"There is nothing to remove: {plan.why_empty('the run')}.")
        return
    table = plain_table("", "to remove:", "kept:", "gone already:")
    remove, keep, gone = _buckets(plan, choice)
    for name in reversed(in_order({*remove, *keep, *gone})):
        table.add_row(plural(name), *(f"{bucket[name]:,}" for bucket in (remove, keep, gone)))
    console.print(table)
    for sentence in expected:
        console.print(sentence)
    _print_left_out(console, plan)
    if number := plan.tally.failing:
        rows = counted(number, "row")
        console.print(
            f"\n{rows} cannot be taken back now, as said above: a revert would fail there.", style="yellow"
        )
    _print_active(console, plan)
    if plan.active and not choice.is_made:
        console.print("\nA revert would stop here. Choose:", style="yellow")
        console.print("  --keep-active        keeps these customers, and removes all others")
        console.print("  --discard-activity   removes them too, with all they added since")
    console.print("\nNothing was removed. No subscription would be ended with an invoice or a credit note.")


def _going_on(plan: RevertPlan) -> str:
    """Say that customers are among the chosen whom nobody named now: their revert has begun."""
    begun = len(plan.run.taking_back)
    if plan.chosen is None or not begun:
        return ""
    return f"{counted(begun, 'customer')} of them are named by a revert that is not through; it goes on."


def _print_standing(console: Console, plan: RevertPlan) -> None:
    """Say what the revert stands on: it takes back as much as the import had made."""
    if plan.standing.waiting:
        console.print(f"{plan.standing.waiting_sentence}\n", soft_wrap=True)
    if plan.standing.sentence:
        console.print(f"{plan.standing.sentence}\n", style="yellow", soft_wrap=True)


def _print_left_out(console: Console, plan: RevertPlan) -> None:
    if not plan.left_out:
        return
    for sentence in plan.left_out_sentences():
        console.print(f"\n{sentence}", style="yellow", soft_wrap=True)


def _buckets(plan: RevertPlan, choice: Choice) -> tuple[Counter[str], Counter[str], Counter[str]]:
    remove = plan.goes(with_active=choice.discard_activity)
    return remove, plan.tally.stays + (plan.tally.goes - remove), plan.tally.gone


def _print_active(console: Console, plan: RevertPlan) -> None:
    if not plan.active:
        return
    were = "was" if len(plan.active) == 1 else "were"
    console.print(f"\n{counted(len(plan.active), 'customer')} {were} active after the run:", style="yellow")
    table = plain_table("external_id", "what happened")
    for external_id, reasons in list(plan.active.items())[:SHOWN]:
        table.add_row(external_id, "; ".join(reasons))
    console.print(table)
    if len(plan.active) > SHOWN:
        console.print(f"… and {len(plan.active) - SHOWN:,} more")


def print_revert(console: Console, report: RevertReport, command: str) -> None:
    run_id = report.plan.run.run_id
    if report.status == "nothing":
        console.print(f"Nothing to do: {report.plan.why_empty(f'the run {run_id}')}.")
        return
    if report.status == "refused":
        _print_active(console, report.plan)
        console.print(
            "\nNothing was removed. Choose --keep-active (they stay, all others go)", style="yellow"
        )
        console.print("or --discard-activity (they go too, with all they added since).", style="yellow")
        return
    if report.status == SHARED:
        console.print(f"The workers go on. See it with: python manage.py backfill_runs {run_id}")
        return
    if report.manifest is None:
        console.print(f"Stopped before it began ({with_names(report.reason)}). Nothing was removed.")
        return
    counts = (
        ", ".join(f"{number:,} {word}" for word, number in sorted(report.counts.items())) or "nothing yet"
    )
    whose = "" if report.plan.chosen is None else f", {counted(len(report.plan.chosen), 'chosen customer')}"
    reason = f" ({with_names(report.reason)})" if report.reason else ""
    console.print(f"Run {run_id}{whose}: {report.status}{reason}: {counts}")
    _print_things(console, report.failures, "red")
    if report.in_use:
        console.print("These stay and may be used, though nobody pays for them any more:", style="yellow")
        _print_things(console, report.in_use, "yellow")
    console.print(f"Manifest {report.manifest}", soft_wrap=True)
    _print_left_out(console, report.plan)
    print_cautions(console, report.plan.cautions)
    if report.is_well:
        again = " with --skip-existing, as some things were kept" if report.counts["kept"] else ""
        console.print("No invoice and no credit note was made.")
        print_settling(console, report.settling)
        if report.plan.chosen is None:
            console.print(f"The same file can be imported again{again}.")
        else:
            console.print(_of_the_others(report.plan))
    else:
        console.print("What is not removed yet is still there; cards that were stopped already stay so.")
        console.print(f"To go on: {command}", soft_wrap=True)


def _of_the_others(plan: RevertPlan) -> str:
    """Say what the run is now that customers of it are gone."""
    if plan.run.status == plan.run.Status.REVERTED:
        return "They were the last of the run: it is reverted."
    return f"The run is what it was for its other customers: {plan.run.status}."


def _print_things(console: Console, things: Sequence[tuple[int, str, str, str]], style: str) -> None:
    """Name things by line and customer; those of one kind with one reason in one line."""
    groups: dict[tuple[str, str], list[str]] = {}
    for line, external_id, step, why in things:
        groups.setdefault((step, why), []).append(f"line {line} {external_id}")
    for (step, why), which in list(groups.items())[:SHOWN]:
        console.print(f"  {some_of(which, NAMED)} {step}: {why}", style=style, soft_wrap=True)


def plan_json(plan: RevertPlan, choice: Choice, expected: Sequence[str] = ()) -> dict[str, Any]:
    """Return all that the document says, but for the rows."""
    remove, keep, gone = _buckets(plan, choice)
    refused = bool(plan.active) and not choice.is_made
    return {
        "run_id": plan.run.run_id,
        "dry_run": True,
        "chosen": None if plan.chosen is None else sorted(plan.chosen),
        "status": "would_refuse" if refused else "nothing" if plan.is_empty else "would_revert",
        "import": plan.standing.as_json(),
        "remove": dict(remove),
        "keep": dict(keep),
        "gone": dict(gone),
        "expected": list(expected),
        "warnings": [as_json(caution) for caution in plan.cautions],
        "active": {external_id: list(reasons) for external_id, reasons in plan.active.items()},
    }


def plan_rows(plan: RevertPlan) -> Iterator[dict[str, Any]]:
    """Return what the document says of each row."""
    for row in plan.rows:
        yield {
            "line": row.line,
            "external_id": row.external_id,
            "remove": row.goes,
            "keep": row.stays,
            "gone": row.gone,
        }


def revert_json(report: RevertReport) -> dict[str, Any]:
    return {
        "run_id": report.plan.run.run_id,
        "dry_run": False,
        "chosen": None if report.plan.chosen is None else sorted(report.plan.chosen),
        "status": report.status,
        "reason": report.reason or None,
        "import": report.plan.standing.as_json(),
        "counts": dict(report.counts),
        "warnings": [as_json(caution) for caution in report.plan.cautions],
        "active": {external_id: list(reasons) for external_id, reasons in report.plan.active.items()},
        "failures": [
            {"line": line, "external_id": external_id, "step": step, "why": why}
            for line, external_id, step, why in report.failures
        ],
        "settling_in": report.settling.as_json(),
        "in_use": [
            {"line": line, "external_id": external_id, "step": step, "why": why}
            for line, external_id, step, why in report.in_use
        ],
        "manifest": str(report.manifest) if report.manifest else None,
        "seconds": round(report.seconds, 3),
    }
