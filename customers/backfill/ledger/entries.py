"""Rows of the ledger with their steps, as plain values: objects of a model take five times as much of all."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from customers.models import BackfillStep, as_array

EMPTY = "{}"
ROWS = (
    "SELECT id, line, external_id, outcome, problems, warnings, settled_at, user_id, mapping_id"
    " FROM customers_backfillrow WHERE run_id = %s AND line = ANY(%s)"
)
SELECT = (
    "SELECT row_id, id, name, state, ref, undo, code, {} FROM {} WHERE row_id = ANY(%s::bigint[]) ORDER BY id"
)
WITH_TIMES = SELECT.format("intended_at, settled_at", BackfillStep._meta.db_table)
WITHOUT_TIMES = SELECT.format("NULL, NULL", BackfillStep._meta.db_table)


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


def rows_of(run_pk: int, lines: Sequence[int]) -> dict[int, LedgerRow]:
    """Read rows of a run with their steps, by line."""
    with connection.cursor() as cursor:
        cursor.execute(ROWS, [run_pk, list(lines)])
        found = [
            LedgerRow(pk, line, who, outcome, json.loads(problems), json.loads(warnings), at, user, mapping)
            for pk, line, who, outcome, problems, warnings, at, user, mapping in cursor.fetchall()
        ]
    steps = steps_of(row.id for row in found)
    for row in found:
        row.steps = steps.get(row.id, {})
    return {row.line: row for row in found}


def steps_of(rows: Iterable[int], *, with_times: bool = True) -> Mapping[int, dict[str, LedgerStep]]:
    """Read the steps of rows, by the key of the row and their names, in one query.

    Written out: for hundreds of thousands of steps, most of the time went into what Django does to values.
    Times cost as much as all other values together; who does not write steps can do without.
    """
    found: dict[int, dict[str, LedgerStep]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(WITH_TIMES if with_times else WITHOUT_TIMES, [as_array(rows)])
        for row, pk, name, state, ref, undo, code, intended_at, settled_at in cursor.fetchall():
            known = {} if undo == EMPTY else json.loads(undo)
            found[row][name] = LedgerStep(pk, name, state, ref, known, code, intended_at, settled_at)
    return found
