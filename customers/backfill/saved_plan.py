"""A plan in a file: saved by a dry-run, and an import's consent as long as the plan made anew agrees with it.

It holds no personal data, and yet says whom an operator moves when: readable by its owner only.
"""

import json
import os
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from customers.backfill.engine.agreed import VERSION, First, PlanFacts, RowFacts, sums_of
from customers.backfill.engine.agreeing import compare
from customers.backfill.engine.been import work_of
from customers.backfill.engine.report import Report
from customers.backfill.refused import Refused
from customers.models import BackfillRun
from kernel.whole_file import whole_file

MAX_BYTES = 512 * 2**20
SAVE_ANEW = "Look at what changed, and save the plan anew with --dry-run --save-plan FILE."


def check_place(path: Path, source: Path, *, force: bool) -> None:
    """Find out beforehand whether a plan can be saved there; raise Refused."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise Refused(f"{path.name}: nothing can be written there.", "Name a file in a folder that is there.")
    if path.exists() and source.exists() and path.samefile(source):
        raise Refused(f"{path.name}: this is the input file.", "Choose another name.")
    if path.exists() and not force:
        raise Refused(f"{path.name} is there already.", "Choose another name, or say --force.")


def save(path: Path, report: Report) -> PlanFacts:
    """Write the plan whole or not at all, readable by its owner only; raise Refused."""
    facts = PlanFacts.of(report)
    try:
        with whole_file(path) as stream, TextIOWrapper(stream, encoding="utf-8") as text:
            json.dump(_document(facts, report.info.name), text, ensure_ascii=False, indent=1)
    except OSError as error:
        raise Refused(f"{path.name}: the plan cannot be saved ({error.strerror}).") from error
    return facts


def _document(facts: PlanFacts, name: str) -> dict[str, Any]:
    sums = sums_of(facts.rows.values()).items()
    return {
        "version": VERSION,
        "digest": facts.digest(),
        "input": {"name": name, "sha256": facts.sha256, "rows": len(facts.rows)},
        "about": dict(facts.about),
        "counts": facts.counts(),
        "sums": {name: {"number": number, "amount_cents": cents} for name, (number, cents) in sums},
        "rows": [_row(line, row) for line, row in sorted(facts.rows.items())],
    }


def _row(line: int, row: RowFacts) -> dict[str, Any]:
    first = row.first
    return {
        "line": line,
        "external_id": row.external_id,
        "action": row.action,
        "codes": [*row.codes],
        "first_invoice": {
            "date": first.day,
            "base_cents": first.base_cents,
            "fixed_cents": first.fixed_cents,
            "currency": first.currency,
        }
        if first
        else None,
        "sums": [[*one] for one in row.sums],
    }


def read(path: Path) -> PlanFacts:
    """Read a saved plan; raise Refused if it is none, or not as it was saved."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise Refused(
            f"{path.name}: the plan cannot be read ({error.strerror}).", "Check the path."
        ) from None
    try:
        told = json.loads(data)
        version = told["version"]
        facts = PlanFacts(told["about"], {row["line"]: _facts(row) for row in told["rows"]})
        is_whole = facts.digest() == told["digest"] and facts.sha256 == told["input"]["sha256"]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Refused(f"{path.name} is no saved plan.", "--save-plan FILE writes one.") from None
    if version != VERSION:
        raise Refused(f"{path.name} was saved by another version.", SAVE_ANEW)
    if not is_whole:
        raise Refused(f"{path.name} was changed after it was saved.", SAVE_ANEW)
    return facts


def _facts(row: Mapping[str, Any]) -> RowFacts:
    told = row["first_invoice"]
    first = First(told["date"], told["base_cents"], told["fixed_cents"], told["currency"]) if told else None
    sums = tuple((name, cents) for name, cents in row["sums"])
    return RowFacts(row["external_id"], row["action"], tuple(row["codes"]), first, sums)


class Saved:
    """An import's consent: the plan made anew is the one that was saved."""

    def __init__(self, name: str, facts: PlanFacts) -> None:
        self._name, self._facts = name, facts

    def check(self, planned: Report, run: BackfillRun | None) -> None:
        changes = compare(self._facts, PlanFacts.of(planned), work_of(run))
        if changes:
            raise Refused(f"This is not the plan in {self._name} any more: {changes.sentence()}.", SAVE_ANEW)

    def hold(self, run: BackfillRun) -> None:
        """Leave nothing behind: whoever continues the run has the file, or goes without it."""
