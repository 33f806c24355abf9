"""What somebody agrees to with a plan: what of it decides what is made and what is billed. Pure.

A plan that is saved at the terminal and one that is approved in the console are the same thing, told here.
It holds no personal data: lines, external_ids, codes, days and amounts.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.report import Report
from kernel import Action, Bill, Step
from kernel.money import written

VERSION = 1
FIRST, SECOND = "first invoices", "second invoices"
# The others say how fast it is done, or by which name something is called.
DECIDING = (
    "skip_existing", "allow_partial", "date_format", "decimal_mark", "billing_time", "billed_until",
    "start_after_billed", "allow_second_currency", "hidden_rows", "mapping",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class First:
    """The first invoice of a customer, with its days."""

    day: str
    base_cents: int
    fixed_cents: int
    currency: str

    @classmethod
    def of(cls, bill: Bill) -> Self:
        return cls(bill.day.isoformat(), bill.base_cents, bill.fixed_cents, bill.currency)

    def __str__(self) -> str:
        return f"{self.day} {written(self.base_cents + self.fixed_cents, self.currency)}"


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What of a row is agreed to. `sums`: what it adds to each sum, under its name; None is no money."""

    external_id: str
    action: str
    codes: tuple[str, ...] = ()
    first: First | None = None
    sums: tuple[tuple[str, int | None], ...] = ()

    @classmethod
    def of(cls, row: PlannedRow, steps: Iterable[Step]) -> Self:
        codes = sorted({problem.code for problem in (*row.problems, *row.warnings)})
        bill = row.bills.first if row.bills and row.is_to_do else None
        sums = tuple(_sums(row, steps)) if row.is_to_do else ()
        return cls(
            row.wanted.external_id, row.action.value, tuple(codes), First.of(bill) if bill else None, sums
        )

    @classmethod
    def kept(cls, told: Sequence[Any]) -> Self:
        external_id, action, codes, first, sums = told
        return cls(
            external_id,
            action,
            tuple(codes),
            First(*first) if first else None,
            tuple((name, cents) for name, cents in sums),
        )

    def as_json(self) -> list[Any]:
        first = self.first
        told = [first.day, first.base_cents, first.fixed_cents, first.currency] if first else None
        return [self.external_id, self.action, [*self.codes], told, [[*one] for one in self.sums]]


def _sums(row: PlannedRow, steps: Iterable[Step]) -> Iterator[tuple[str, int | None]]:
    """Return what a row adds up to: invoices of what is new, once for each customer, and what is counted."""
    for step in steps:
        if not row.means(step.name, Action.CREATE):
            continue
        if step.costs and row.owner_line is None and row.bills:
            for name, bill in ((FIRST, row.bills.first), (SECOND, row.bills.second)):
                if bill:
                    yield f"{name} {bill.currency}", bill.amount_cents
        if step.is_counted:
            count = step.count(row.wanted)
            yield f"{step.plural()} {count.under}", count.amount_cents


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """`about`: the file, how it is read, and the world that it goes into. `rows` are by line."""

    about: Mapping[str, Any]
    rows: Mapping[int, RowFacts]

    @classmethod
    def of(cls, report: Report) -> Self:
        steps = report.systems.steps
        return cls(_about(report), {row.line: RowFacts.of(row, steps) for row in report.plan.rows})

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> Self:
        return cls(told["about"], {line: RowFacts.kept(row) for line, *row in told["rows"]})

    def as_json(self) -> dict[str, Any]:
        rows = [[line, *row.as_json()] for line, row in sorted(self.rows.items())]
        return {"about": dict(self.about), "rows": rows}

    def digest(self) -> str:
        """Return the SHA-256 that names this plan, whoever made it and when."""
        text = json.dumps([VERSION, self.as_json()], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def sha256(self) -> str:
        found: str = self.about["sha256"]
        return found

    def counts(self) -> dict[str, int]:
        counted = Counter(row.action for row in self.rows.values())
        return {action: counted[action] for action in ("create", "complete", "skip", "fail")}


def sums_of(rows: Iterable[RowFacts]) -> dict[str, tuple[int, int | None]]:
    """Add up what rows add to each sum: how many of it, and how much money; None is no money."""
    found: dict[str, tuple[int, int | None]] = {}
    for name, cents in (one for row in rows for one in row.sums):
        number, all_cents = found.get(name, (0, None))
        found[name] = number + 1, all_cents if cents is None else (all_cents or 0) + cents
    return dict(sorted(found.items()))


def _about(report: Report) -> dict[str, Any]:
    info, systems = report.info, report.systems
    return {
        "sha256": info.sha256,
        "read as": [info.format, info.encoding, info.delimiter],
        "options": _deciding(report.options),
        "Lago": [systems.target.organization.lago_id, systems.target.url],
        "systems": dict(systems.world),
    }


def _deciding(options: Options) -> dict[str, Any]:
    """Return the options that decide what is made. How invoices of today are accepted, the rows tell."""
    known = options.as_json()
    accepts = bool(options.accept_invoices_today)
    return {**{name: known[name] for name in DECIDING}, "accept_invoices_today": accepts}
