"""What somebody confirmed with a preview: an import's consent as long as each plan costs what it said."""

from collections.abc import Mapping
from typing import Any

from billing.values import Plan
from customers.backfill import stored_preview
from customers.backfill.engine.report import Report
from customers.backfill.refused import Refused
from customers.backfill.source import lines_named
from customers.models import BackfillRun, BackfillUpload
from kernel.money import written

PRICE = ("amount_cents", "currency", "interval", "pay_in_advance")


class PreviewedPrices:
    """`way` says what to do about another price."""

    def __init__(self, upload: BackfillUpload, way: str) -> None:
        self._told = stored_preview.unpack(upload).head["billing"] if upload.preview else []
        self._way = way

    def check(self, planned: Report, run: BackfillRun | None) -> None:
        for line in self._told:
            plan = planned.systems.target.plans.get(line["plan_code"])
            # One that is gone, the plan of the run names with its rows.
            if plan and (now := _price_of(plan)) != (was := {name: line[name] for name in PRICE}):
                raise Refused(
                    f"The plan {plan.code} costs something else now than the preview said: "
                    f"{_words(was)} → {_words(now)}{_where(planned, plan)}.",
                    self._way,
                )

    def hold(self, run: BackfillRun) -> None:
        """Leave nothing behind: the preview stays with its run."""


def _price_of(plan: Plan) -> dict[str, Any]:
    return {
        "amount_cents": plan.amount_cents,
        "currency": plan.amount_currency,
        "interval": plan.interval,
        "pay_in_advance": plan.pay_in_advance,
    }


def _words(price: Mapping[str, Any]) -> str:
    cents = price["amount_cents"]
    amount = "no amount" if cents is None else written(cents, price["currency"])
    when = " in advance" if price["pay_in_advance"] else ""
    return f"{amount} {price['interval'] or ''}".strip() + when


def _where(planned: Report, plan: Plan) -> str:
    rows = (row for row in planned.plan.to_do() if row.wanted.plan_code == plan.code)
    lines = [row.line for row in rows]
    return f" ({lines_named(lines)})" if lines else ""
