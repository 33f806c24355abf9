"""What an import will cost the customers, per plan."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from billing.values import Plan as LagoPlan
from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.money.billed_before import BilledBefore, Sums
from customers.backfill.money.invoices import Dated, by_date, newly_billed
from kernel import Bills

PLAIN = (
    "plan_code", "rows", "interval", "amount_cents", "currency", "pay_in_advance",
    "starts_in_past", "starts_today", "starts_in_future",
)  # fmt: skip


@dataclass(slots=True)
class BillingLine:
    """New subscriptions on one plan: how many, when they start, and their first invoices by date.

    `whole_cents`: what one of them costs for a whole period, with fixed charges; None if it cannot be told.
    """

    plan_code: str
    rows: int
    interval: str | None
    amount_cents: int | None
    currency: str | None
    pay_in_advance: bool
    starts_in_past: int = 0
    starts_today: int = 0
    starts_in_future: int = 0
    whole_cents: int | None = None
    first_invoices: Sequence[Dated] = ()
    at_once: Sequence[Dated] = ()
    before: Sums | None = None  # where the file says until when the old provider has billed

    def as_json(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in PLAIN},
            "first_invoices": [one.as_json() for one in self.first_invoices],
            "at_once": [one.as_json() for one in self.at_once],
            "sum_cents": self.sum_cents,
            "whole_cents": self.whole_cents,
            **(self.before.as_json() if self.before else {}),
        }

    @property
    def sum_cents(self) -> int | None:
        """What all of them pay per period."""
        return None if self.amount_cents is None else self.amount_cents * self.rows


def billing_lines(
    plan: Plan, plans: Mapping[str, LagoPlan], today: date, before: BilledBefore | None = None
) -> list[BillingLine]:
    """Count what is new by plan. `today` is the day in which starts are meant."""
    lines: dict[str, BillingLine] = {}
    bills: defaultdict[str, list[Bills]] = defaultdict(list)
    for row in newly_billed(plan):
        lago_plan = plans[row.wanted.plan_code]
        _count(row, lines.setdefault(lago_plan.code, _line(lago_plan)), today)
        if row.bills:
            bills[lago_plan.code].append(row.bills)
    for code, line in lines.items():
        line.whole_cents = next((one.whole_cents for one in bills[code] if one.whole_cents is not None), None)
        line.first_invoices = by_date(one.first for one in bills[code])
        line.before = before.by_plan.get(code, Sums()) if before else None
        line.at_once = by_date(bill for one in bills[code] for bill in (*one.today, *one.tonight))
    return [lines[code] for code in sorted(lines)]


def _line(plan: LagoPlan) -> BillingLine:
    return BillingLine(
        plan.code, 0, plan.interval, plan.amount_cents, plan.amount_currency, plan.pay_in_advance
    )


def _count(row: PlannedRow, line: BillingLine, today: date) -> None:
    start = row.wanted.starts_on
    line.rows += 1
    if start is None or start < today:
        line.starts_in_past += 1
    elif start == today:
        line.starts_today += 1
    else:
        line.starts_in_future += 1
