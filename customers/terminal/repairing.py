"""A repair at a terminal: what it would do, what it leaves to people, and what became of it."""

from collections import Counter
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console

from auditlog.people import all_with_names, with_names
from customers.backfill.repair import Advice, Doing, RepairPlan, RepairReport
from customers.backfill.steps import label
from customers.terminal.output import plain_table
from customers.terminal.reconciling import print_unfinished
from customers.terminal.settling import add_no_wait, print_settling
from kernel.wording import counted, some_of
from polaris.sync import Synced

SHOWN = 200  # lines of each kind; --format json has them all
EXAMPLES = 3


def add_repair_options(parser: CommandParser) -> None:
    add = parser.add_argument
    add("--run-id", required=True, metavar="ID")
    add("--dry-run", action="store_true", help="say what would be repaired; change nothing")
    add(
        "--leave-out", nargs="+", type=int, default=[], metavar="LINE",
        help="leave the rows of these lines as they are; --dry-run names them",
    )  # fmt: skip
    add("--noinput", action="store_true", help="do not ask")
    add_no_wait(parser)


def print_plan(console: Console, plan: RepairPlan) -> None:
    console.print(f"A repair of the run {plan.run.run_id} over {plan.run.input_name}\n", style="bold")
    if plan.is_well:
        console.print("There is nothing to repair.", style="green")
    if plan.rows:
        _print_doings(console, plan)
    if plan.waiting:
        console.print(plan.waiting_sentence, soft_wrap=True)
    _print_left_out(console, plan)
    _print_advice(console, plan)
    print_unfinished(console, plan.run, plan.standing)
    console.print("No customer, subscription, balance or coupon is ever made or changed by a repair.")


def _print_doings(console: Console, plan: RepairPlan) -> None:
    doings = plan.doings
    console.print(f"To do: {counted(len(doings), 'thing')} in {counted(len(plan.rows), 'row')}")
    table = plain_table("line:", "external_id", "idTag", "what", "to do", "instead of")
    for doing in doings[:SHOWN]:
        table.add_row(
            str(doing.line), doing.external_id, doing.id_tag, label(doing.step), doing.verb, doing.was
        )
    console.print(table)
    _print_more(console, len(doings))
    console.print()


def _print_left_out(console: Console, plan: RepairPlan) -> None:
    """Name what stays as it is, with what was not asked for itself and shares something with it."""
    if not plan.left_out:
        return
    named = [f"line {row.planned.line} ({row.planned.wanted.external_id})" for row in plan.left_out]
    console.print(f"Left out, as asked: {some_of(named, SHOWN)}\n", style="yellow", soft_wrap=True)


def _print_advice(console: Console, plan: RepairPlan) -> None:
    if not plan.advice:
        return
    console.print("Not repaired, as somebody has to decide:", style="yellow")
    table = plain_table("line:", "external_id", "what", "divergence", "expected", "found")
    for one in plan.advice[:SHOWN]:
        found = one.found
        table.add_row(
            str(found.line), found.external_id, label(found.step), found.divergence.kind,
            found.divergence.expected, found.divergence.found,
        )  # fmt: skip
    console.print(table)
    _print_more(console, len(plan.advice))
    console.print("\nWhat that means, and what to do:")
    told = _told(plan)
    sentences = all_with_names(f"{means} {todo}".strip() for _, means, todo in told)
    for (kind, *_), lines, sentence in zip(told, told.values(), sentences, strict=True):
        named = ", ".join(lines[:EXAMPLES]) + (", …" if len(lines) > EXAMPLES else "")
        console.print(f"  {kind} (line {named}): {sentence}", soft_wrap=True)
    console.print()


def _told(plan: RepairPlan) -> dict[tuple[str, str, str], list[str]]:
    told: dict[tuple[str, str, str], list[str]] = {}
    for one in plan.advice:
        key = (f"{label(one.found.step)} {one.found.divergence.kind}", one.means, one.todo)
        told.setdefault(key, []).append(str(one.found.line))
    return told


def _print_more(console: Console, number: int) -> None:
    if number > SHOWN:
        console.print(f"… and {number - SHOWN:,} more (--format json gives them all)")


def print_repair(console: Console, report: RepairReport, command: str) -> None:
    run_id = report.plan.run.run_id
    if report.status == "nothing":
        why = "all of it was left out" if report.plan.left_out else "nothing that could be repaired safely"
        console.print(f"Run {run_id}: {why}.")
    elif report.log_path is None:
        console.print(f"Stopped before it began ({with_names(report.reason)}). Nothing was repaired.")
        return
    else:
        counts = ", ".join(f"{number:,} {word}" for word, number in sorted(report.counts.items()))
        reason = f" ({with_names(report.reason)})" if report.reason else ""
        console.print(f"Run {run_id}: {report.status}{reason}: {counts or 'nothing yet'}")
        for line, external_id, why in report.failures[:SHOWN]:
            console.print(f"  line {line} {external_id}: {why}", style="red", soft_wrap=True)
        console.print(f"Log {report.log_path}", soft_wrap=True)
        print_settling(console, report.settling)
    if report.plan.waiting and report.settling.synced != Synced.COMPLETED:
        console.print(report.plan.waiting_sentence, soft_wrap=True)
    _print_left_out(console, report.plan)
    _print_advice(console, report.plan)
    if report.status in ("repaired", "nothing"):
        console.print(f"To look again: python manage.py backfill_reconcile --run-id {run_id}")
    else:
        console.print(f"To go on: {command}", soft_wrap=True)


def plan_json(plan: RepairPlan) -> dict[str, Any]:
    status = "nothing" if not plan.rows else "would_repair"
    return {"run_id": plan.run.run_id, "dry_run": True, "status": status, **_plan(plan)}


def repair_json(report: RepairReport) -> dict[str, Any]:
    return {
        "run_id": report.plan.run.run_id,
        "dry_run": False,
        "status": report.status,
        "reason": report.reason or None,
        **_plan(report.plan),
        "counts": dict(report.counts),
        "failures": [
            {"line": line, "external_id": external_id, "why": why}
            for line, external_id, why in report.failures
        ],
        "settling_in": report.settling.as_json(),
        "log": str(report.log_path) if report.log_path else None,
        "seconds": round(report.seconds, 3),
    }


def _plan(plan: RepairPlan) -> dict[str, Any]:
    return {
        "import": plan.standing.as_json(),
        "things": dict(Counter(doing.verb.value for doing in plan.doings)),
        "do": [_doing(doing) for doing in plan.doings],
        "left_out": [_doing(doing) for row in plan.left_out for doing in row.doings],
        "advice": [_advice(one) for one in plan.advice],
        "waiting": [{"line": one.line, "external_id": one.external_id} for one in plan.waiting],
    }


def _doing(doing: Doing) -> dict[str, Any]:
    return {
        "line": doing.line, "external_id": doing.external_id, "step": doing.step, "do": doing.verb.value,
        "id_tag": doing.id_tag, "instead_of": doing.was or None,
    }  # fmt: skip


def _advice(one: Advice) -> dict[str, Any]:
    found = one.found
    return {
        "line": found.line, "external_id": found.external_id, "step": found.step, "adopted": found.adopted,
        "kind": found.divergence.kind, "expected": found.divergence.expected, "found": found.divergence.found,
        "means": one.means, "todo": one.todo,
    }  # fmt: skip
