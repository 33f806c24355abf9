"""What an import will cost the customers, per plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from billing.values import Plan as LagoPlan
from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.steps import kinds
from kernel import Action


@dataclass(slots=True)
class BillingLine:
    """New subscriptions on one plan. `starts_today`: a plan paid in advance is invoiced at once."""

    plan_code: str
    rows: int
    interval: str | None
    amount_cents: int | None
    currency: str | None
    pay_in_advance: bool
    starts_in_past: int = 0
    starts_today: int = 0
    starts_in_future: int = 0

    @property
    def sum_cents(self) -> int | None:
        """What all of them pay per period."""
        return None if self.amount_cents is None else self.amount_cents * self.rows


def billing_lines(plan: Plan, plans: Mapping[str, LagoPlan], today: date) -> list[BillingLine]:
    lines: dict[str, BillingLine] = {}
    costly = [kind.name for kind in kinds().values() if kind.costs]
    for row in plan.to_do():
        if any(row.means(name, Action.CREATE) for name in costly):
            lago_plan = plans[row.wanted.plan_code]
            _count(row, lines.setdefault(lago_plan.code, _line(lago_plan)), today)
    return [lines[code] for code in sorted(lines)]


def _line(plan: LagoPlan) -> BillingLine:
    return BillingLine(
        plan.code, 0, plan.interval, plan.amount_cents, plan.amount_currency, plan.pay_in_advance
    )


def _count(row: PlannedRow, line: BillingLine, today: date) -> None:
    start = row.wanted.start_date
    line.rows += 1
    if start is None or start < today:
        line.starts_in_past += 1
    elif start == today:
        line.starts_today += 1
    else:
        line.starts_in_future += 1
