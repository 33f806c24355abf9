"""The verdict at a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from customers.backfill.verify import Check, LiveTest
from customers.models import BackfillRun
from customers.terminal.console import counted
from polaris_backfill.masking import mask_id_tag

MARKS = {True: ("passed ", "green"), False: ("FAILED ", "red bold"), None: ("skipped", "dim")}


def announcement(test: LiveTest) -> str:
    """Say what a live test writes, and where."""
    return (
        f"This charges 1 kWh with {mask_id_tag(test.id_tag)} on the charge box {test.charge_box_id}.\n"
        f"It leaves a session in SteVe and a usage event in Lago, billed to the customer {test.external_id}."
    )


def print_check(console: Console, check: Check) -> None:
    mark = MARKS[check.passed]
    parts = [f"{check.name}: {check.compared}" if check.compared else check.name]
    text = Text.assemble(mark, "  ", parts[0])
    if check.detail:
        text.append(f" ({check.detail})", style="" if check.passed else mark[1])
    console.print(text, soft_wrap=True)


def print_verdict(console: Console, checks: Sequence[Check]) -> None:
    failed = [check for check in checks if check.passed is False]
    console.print()
    if failed:
        console.print(f"NO GO: {', '.join(check.name for check in failed)}", style="red bold")
    else:
        left_out = sum(check.passed is None for check in checks)
        told = f" ({counted(left_out, 'check')} left out)" if left_out else ""
        console.print(Text.assemble(("GO", "green bold"), told))


def verdict_json(run: BackfillRun, checks: Sequence[Check]) -> dict[str, Any]:
    failed = any(check.passed is False for check in checks)
    return {
        "run_id": run.run_id,
        "verdict": "no-go" if failed else "go",
        "checks": [asdict(check) for check in checks],
    }
