"""The verdict at a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from customers.backfill.verify import Check, LiveTest, verdict_of, what_it_writes
from customers.models import BackfillRun

MARKS = {True: ("passed ", "green"), False: ("FAILED ", "red bold"), None: ("skipped", "dim")}


def announcement(test: LiveTest) -> str:
    """Say what a live test writes, and where."""
    return what_it_writes(test.id_tag, test.charge_box_id, test.external_id)


def print_check(console: Console, check: Check) -> None:
    mark = MARKS[check.passed]
    text = Text.assemble(mark, "  ", f"{check.name}: {check.compared}" if check.compared else check.name)
    if check.detail:
        text.append(f" ({check.detail})", style="" if check.passed else mark[1])
    console.print(text, soft_wrap=True)


def print_verdict(console: Console, checks: Sequence[Check], *, interrupted: bool) -> None:
    """Say go or no go, in the last line; what was broken off is neither."""
    failed = [check.name for check in checks if check.passed is False]
    left_out = [check.name for check in checks if check.passed is None]
    console.print()
    if failed:
        console.print(f"NO GO: {', '.join(failed)}", style="red bold", soft_wrap=True)
    elif interrupted:
        console.print("No verdict: stopped before all was checked.", style="yellow")
    else:
        rest = f" (not checked: {', '.join(left_out)})" if left_out else ""
        console.print(Text.assemble(("GO", "green bold"), rest), soft_wrap=True)
    for check in checks:
        if check.news:
            console.print(check.news, style="yellow", soft_wrap=True)


def verdict_json(run: BackfillRun, checks: Sequence[Check], *, interrupted: bool) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "verdict": verdict_of(checks, interrupted=interrupted),
        "checks": [asdict(check) for check in checks],
    }
