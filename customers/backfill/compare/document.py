"""A comparison as one JSON document; people's data masked unless they are asked for."""

from typing import Any

from customers.backfill.compare.compared import Comparison
from customers.backfill.compare.showing import Show
from customers.backfill.compare.values import Difference, Price
from customers.backfill.compare.words import to_do
from customers.backfill.ledger.problems import as_json
from kernel import Bill


def comparison_json(found: Comparison, show: Show) -> dict[str, Any]:
    return {
        "run_id": found.run.run_id if found.run else None,
        "status": found.status,
        "input": {
            "name": found.info.name,
            "sha256": found.info.sha256,
            "rows": found.read.rows,
            "customers": len(found.read.customers),
            "mapping": found.mapped.as_json() if found.info.mapping else None,
        },
        "imported": found.number,
        "same": found.found.same,
        "counts": {kind.value: number for kind, number in found.found.counts.items()},
        "sums": [
            {"kind": one.kind.value, "currency": one.currency, "interval": one.interval}
            | {"customers": one.customers, "amount_cents": one.cents}
            for one in found.sums
        ],
        "first_invoices": [one.as_json() for one in found.first_invoices],
        "differences": [_difference(one, show) for one in found.found.differences],
        "problems": [
            {"line": one.line, "external_id": one.external_id, **as_json(one.problem)}
            for one in found.read.flaws
        ],
        "remarks": [
            {"external_id": one.external_id, "line": one.line, "message": one.text}
            | dict(zip(("imported", "in_file"), show.remark(one), strict=True))
            for one in found.found.remarks
        ],
        "warnings": list(found.cautions),
    }


def _difference(one: Difference, show: Show) -> dict[str, Any]:
    was, now = show.values(one)
    return {
        "kind": one.kind.value,
        "external_id": one.external_id,
        "lines": list(one.lines),
        "imported": was,
        "in_file": now,
        "other_customer": one.other or None,
        "note": one.note,
        "runs": list(one.runs),
        "costs": {
            "before": _price(one.cost.was),
            "after": _price(one.cost.now),
            "first_invoice": _bill(one.cost.first),
            "second_invoice": _bill(one.cost.second),
        },
        "to_do": to_do(one.kind),
    }


def _price(price: Price | None) -> dict[str, Any] | None:
    if price is None:
        return None
    return {
        "plan_code": price.plan_code,
        "amount_cents": price.cents,
        "currency": price.currency,
        "interval": price.interval,
    }


def _bill(bill: Bill | None) -> dict[str, Any] | None:
    if bill is None:
        return None
    return {"date": bill.day.isoformat(), "amount_cents": bill.amount_cents, "currency": bill.currency}
