"""The first customers of a file: they are brought in whole, and the others wait for somebody's word. Pure."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from customers.backfill.engine.plan import Plan, PlannedRow


@dataclass(frozen=True, slots=True)
class Canary:
    """`plan` is of these customers' rows alone, wherever they stand in the file.

    `lines` are by customer, in the order of the file. Of those who wait, only rows to be done are counted as
    customers; `waiting_rows` are all rows that the run leaves untouched.
    """

    first: int
    plan: Plan
    lines: Mapping[str, list[int]]
    waiting_rows: int
    waiting_customers: int
    _numbers: frozenset[int] = field(repr=False)

    def has(self, row: PlannedRow) -> bool:
        return row.line in self._numbers

    def as_json(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "customers": [{"external_id": who, "lines": lines} for who, lines in self.lines.items()],
            "rows": len(self._numbers),
            "waiting_customers": self.waiting_customers,
            "waiting_rows": self.waiting_rows,
        }


def canary_of(plan: Plan, first: int | None, begun: Collection[str]) -> Canary | None:
    """Choose the first customers that there is anything to do for; None where nobody would have to wait.

    `begun` are the customers that the run has begun with already. They stay, and count: so an attempt that
    goes on with another one never lets in more than were asked for.
    """
    if first is None:
        return None
    others = [who for who in customers_to_do(plan.rows) if who not in begun]
    room = max(first - len(begun), 0)
    if len(others) <= room:
        return None
    chosen = {*begun, *others[:room]}
    rows = [row for row in plan.rows if row.wanted.external_id in chosen]
    lines: dict[str, list[int]] = {}
    for row in rows:
        lines.setdefault(row.wanted.external_id, []).append(row.line)
    return Canary(
        first=first,
        plan=replace(plan, rows=rows),
        lines=lines,
        waiting_rows=len(plan.rows) - len(rows),
        waiting_customers=len(others) - room,
        _numbers=frozenset(row.line for row in rows),
    )


def customers_to_do(rows: Iterable[PlannedRow]) -> list[str]:
    """Return those for whom there is anything to do, by where the file first names them."""
    to_do: dict[str, bool] = {}
    for row in rows:
        to_do[row.wanted.external_id] = to_do.get(row.wanted.external_id, False) or row.is_to_do
    return [who for who, is_any in to_do.items() if is_any]
