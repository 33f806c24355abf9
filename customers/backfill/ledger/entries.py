"""Rows of the ledger with their steps, as plain values: objects of a model take five times as much of all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from customers.models import BackfillStep

ROW_FIELDS = (
    "id", "line", "external_id", "outcome", "problems", "warnings", "settled_at", "user_id", "mapping_id",
)  # fmt: skip
STEP_FIELDS = ("id", "name", "state", "ref", "undo", "code", "intended_at", "settled_at")


@dataclass(slots=True)
class LedgerStep:
    """A `BackfillStep`, but for its row."""

    id: int
    name: str
    state: str
    ref: str
    undo: dict[str, Any]
    code: str
    intended_at: datetime | None
    settled_at: datetime | None


@dataclass(slots=True)
class LedgerRow:
    """What of a `BackfillRow` changes, and what it is known by. `steps` are by name."""

    id: int
    line: int
    external_id: str
    outcome: str
    problems: list[Any]
    warnings: list[Any]
    settled_at: datetime | None
    user_id: int | None
    mapping_id: int | None
    steps: dict[str, LedgerStep] = field(default_factory=dict)


def steps_of(rows: Iterable[int]) -> Mapping[int, dict[str, LedgerStep]]:
    """Read the steps of rows, by the key of the row and their names, in one query."""
    found: dict[int, dict[str, LedgerStep]] = defaultdict(dict)
    steps = BackfillStep.objects.filter(row_id__in=list(rows)).order_by("id")
    for row, *values in steps.values_list("row_id", *STEP_FIELDS):
        step = LedgerStep(*values)
        found[row][step.name] = step
    return found
