"""What `backfill_mapping suggest` says of its proposal. Nothing of it names a person or a whole card."""

import shlex
from pathlib import Path
from typing import Any

from rich.console import Console

from customers.backfill.mappings.draft import undecided_keys
from customers.backfill.mappings.suggesting import Suggestion
from customers.backfill.mappings.table import Table
from customers.backfill.mappings.writing import shown
from customers.terminal.mapping_suggest import Plans
from customers.terminal.output import plain_table
from kernel.wording import counted


def print_suggestion(
    console: Console, table: Table, found: Suggestion, plans: Plans, source: Path, output: Path | None
) -> None:
    """Say what was recognised, what has to be decided, and what to do next."""
    console.print(_about(table))
    if plans.why_not:
        console.print(f"Lago was not asked for its plans: {plans.why_not}")
    lines = plain_table("field", "comes from")
    for name, origin in found.document.get("fields", {}).items():
        lines.add_row(name, _origin(origin))
    if lines.row_count:
        console.print(lines)
    if not found.undecided:
        console.print("Nothing is left to decide.")
    else:
        console.print(f"To be looked at ({len(found.undecided)}):")
    for sentence in found.undecided:
        console.print(f"  {sentence}")
    console.print(_next(found, source, output), soft_wrap=True)


def as_json(table: Table, found: Suggestion, plans: Plans, output: Path | None, text: str) -> dict[str, Any]:
    """Return the proposal for a program; `mapping` is the text of the file."""
    return {
        "input": {
            "name": table.name,
            "rows": table.rows,
            "columns": [*table.header],
            "header_line": table.header_line,
            "sheet": table.sheet or None,
            "encoding": table.encoding,
            "delimiter": table.delimiter,
        },
        "output": str(output) if output else None,
        "lago": {"plans": [*plans.codes], "not_asked": plans.why_not or None},
        "certain": found.document,
        "guesses": {
            name: [{"column": column, "why": why} for column, why in some]
            for name, some in found.guesses.items()
        },
        "tariffs": {
            value: [{"plan_code": code, "likeness": how} for code, how in like]
            for value, like in found.tariffs.items()
        },
        "undecided": [*found.undecided],
        "to_fill_in": {key: [*lines] for key, lines in undecided_keys(found).items()},
        "mapping": text,
    }


def _about(table: Table) -> str:
    parts = [counted(table.rows, "row"), counted(len(table.header), "column")]
    if table.header_line:
        parts.append(f"header on line {table.header_line}")
    if table.sheet:
        parts.append(f"sheet {shown(table.sheet)}")
    if table.form.list:
        parts.append(f"list {shown(table.form.list)}")
    return f"{table.name}: {', '.join(parts)}."


def _origin(origin: Any) -> str:
    if isinstance(origin, str):
        return shown(origin)
    return " and ".join(map(shown, origin.get("columns") or [origin["column"]]))


def _next(found: Suggestion, source: Path, output: Path | None) -> str:
    place = shlex.quote(str(output)) if output else "FILE.toml"
    words = ["python", "manage.py", "backfill_customers", "--dry-run", "--input", str(source), "--mapping"]
    command = f"{shlex.join(words)} {place}"
    if not found.questions:
        return f"Next: {command}"
    marks = counted(len(found.questions), "question mark")
    return f"Next: put what is meant in place of {marks}, then {command}"
