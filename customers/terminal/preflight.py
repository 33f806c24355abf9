"""A preflight at a terminal."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from customers.backfill.preflight import Finding, State, verdict
from customers.terminal.output import plain_table
from kernel.wording import counted

MARKS = {State.OK: ("✓", "green"), State.WARNING: ("warning", "yellow"), State.STOP: ("STOP", "red bold")}


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    table = plain_table("", "system", "check", "what was found, and what to do")
    for finding in findings:
        mark = MARKS[finding.state]
        told = Text(finding.found)
        if finding.remedy:
            told.append("\n→ ", "bold").append(finding.remedy, "")
        table.add_row(Text(*mark), finding.system, finding.name, told)
    console.print(table)


def print_verdict(console: Console, findings: Sequence[Finding]) -> None:
    """Say in the last line whether the night can begin."""
    numbers = Counter(finding.state for finding in findings)
    warnings = counted(numbers[State.WARNING], "warning")
    console.print()
    match verdict(findings):
        case State.STOP:
            console.print(f"{numbers[State.STOP]:,} would stop the night; {warnings}.", style="red bold")
        case State.WARNING:
            console.print(f"Nothing would stop the night; {warnings}.", style="yellow")
        case State.OK:
            console.print("All is well.", style="green")
