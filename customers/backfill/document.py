"""The JSON document of `backfill_customers`. It is made piece by piece: a large file has a large report."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.report import Report
from customers.backfill.ledger.problems import as_json
from customers.backfill.money.open_usage import plain
from kernel import Bill, Problem
from kernel.columns import OPEN_USAGE
from kernel.invoice_columns import LOCALE


def document(report: Report) -> Iterator[str]:
    """Return the report as the text of one JSON object, in pieces."""
    return with_many(head_of(report), "rows", (row_of(report, row) for row in report.plan.rows))


def with_many(value: Mapping[str, Any], name: str, items: Iterable[Any]) -> Iterator[str]:
    """Return an object as text, in pieces, whose last value is a list too long to be held at once."""
    yield json.dumps(value, ensure_ascii=False, indent=2, default=str)[:-2] + f',\n  "{name}": ['
    number = 0
    for number, item in enumerate(items, 1):
        text = json.dumps(item, ensure_ascii=False, default=str)  # in one line, as only that is quick
        yield f"{'' if number == 1 else ','}\n    {text}"
    yield "\n  ]\n}\n" if number else "]\n}\n"


def refusal(message: str, hint: str, problems: tuple[Problem, ...] = ()) -> dict[str, Any]:
    """Return what a command prints that could not start."""
    told = [as_json(problem) for problem in problems] or [
        as_json(Problem("could_not_start", None, message, hint))
    ]
    return {"run_id": None, "status": "could_not_start", "problems": told}


def stopped(status: str, run_id: str | None, message: str, hint: str) -> dict[str, Any]:
    """Return what a command prints that ended before it had anything to report: what is done is recorded."""
    told = as_json(Problem("stopped_on_the_way", None, message, hint))
    return {"run_id": run_id, "status": status, "problems": [told]}


def counts(report: Report) -> Mapping[str, int]:
    """Count rows by what is planned or, after a run, by what was done (`pending`: not reached).

    `waiting` are the rows of customers after the first ones, where only those were to go in.
    ."""
    if report.run is None:
        return report.plan.counts
    done = dict.fromkeys(["created", "completed", "skipped", "failed", "pending"], 0)
    if report.canary:
        done["waiting"] = 0
    for row in report.plan.rows:
        done[_action(report, row)] += 1
    return done


def head_of(report: Report) -> dict[str, Any]:
    """Return all but the rows."""
    target = report.systems.target
    info = report.info
    steve = report.systems.steve_url
    return {
        "run_id": report.run.run_id if report.run else None,
        "dry_run": report.dry_run,
        "status": report.status,
        "reason": report.reason or None,
        "continues": report.continues or None,
        "input": {
            "name": info.name,
            "sha256": info.sha256,
            "rows": len(report.plan.rows),
            "encoding": info.encoding,
            "delimiter": info.delimiter,
            "mapping": report.mapped.as_json() if report.mapped else None,
        },
        "target": {
            "lago": {
                "organization": target.organization.name,
                "url": target.url,
                "version": target.version,
                "timezone": report.systems.timezone.key,
            },
            "steve": {"url": steve} if steve else None,
            "platform": {"database": platform} if (platform := report.systems.platform_place) else None,
        },
        "counts": counts(report),
        "canary": _canary(report),
        "billing": [line.as_json() for line in report.billing],
        "invoices": report.invoices.as_json(),
        "invoiced_today": _past(report),
        **(report.before.in_all.as_json() if report.before else {}),
        **({"differences": report.differences.as_json()} if report.differences else {}),
        **({"open_usage": report.open_usage.as_json()} if report.open_usage else {}),
        "totals": [total.as_json() for total in report.totals],
        "details": [one.as_json() for one in report.details],
        "expected": [one.as_json() for one in report.expected],
        **({"reclaimed": report.reclaim.as_json()} if report.reclaim else {}),
        "problems": [],
        "warnings": [as_json(warning) for warning in report.cautions],
        "log": str(report.log_path) if report.log_path else None,
        "settling_in": report.settling.as_json(),
        "seconds": round(report.seconds, 3) if report.run else None,
    }


def _canary(report: Report) -> dict[str, Any] | None:
    """Say who goes in first, and what they alone will bill; `billing` beside it is of the whole file."""
    if report.canary is None:
        return None
    return {**report.canary.as_json(), "billing": [line.as_json() for line in report.billing_first]}


def _past(report: Report) -> dict[str, Any] | None:
    """Say what would be invoiced today for days that are over, and whether that was accepted."""
    past = report.plan.past
    return {**past.as_json(), "accepted": report.plan.accepted is not None} if past else None


def _bill(bill: Bill | None) -> dict[str, Any] | None:
    if bill is None:
        return None
    return {
        "date": bill.day.isoformat(),
        "amount_cents": bill.amount_cents,
        "base_cents": bill.base_cents,
        "fixed_cents": bill.fixed_cents,
        "currency": bill.currency,
        "from": bill.first.isoformat(),
        "to": bill.last.isoformat(),
    }


def _action(report: Report, row: PlannedRow) -> str:
    if report.run is None:
        return row.action.value
    if report.is_waiting(row):
        return "waiting"
    settled = report.outcomes.get(row.line)
    return settled.outcome if settled else "pending"


def row_of(report: Report, row: PlannedRow) -> dict[str, Any]:
    """Return what the document says of a row."""
    settled = report.outcomes.get(row.line)
    steps = settled.steps if settled else row.actions
    return {
        "line": row.line,
        "external_id": row.wanted.external_id,
        "action": _action(report, row),
        "steps": dict(steps),
        "first_invoice": _bill(row.bills.first if row.bills else None),
        "second_invoice": _bill(row.bills.second if row.bills else None),
        **_beside(report, row),
        "problems": [as_json(problem) for problem in report.problems_of(row)],
        "warnings": [as_json(w) for w in row.warnings],
    }


def _beside(report: Report, row: PlannedRow) -> dict[str, Any]:
    """Tell what only files with such columns say: language, the old provider's bills, what is open of a card.

    As with invoices, the further cards of a customer have null for bills.
    """
    found: dict[str, Any] = {}
    if locale := LOCALE.of(row.wanted):
        found["locale"] = locale
    if report.before:
        before = report.before.by_line.get(row.line)
        found["billed"] = before.as_json() if before else None
        found["starts_on"] = row.wanted.starts_on.isoformat() if row.wanted.starts_on else None
    if report.differences:
        one = report.differences.by_line.get(row.line)
        found["difference"] = one.as_json() if one else None
    if report.open_usage:
        kwh = OPEN_USAGE.of(row.wanted)
        found[OPEN_USAGE.name] = None if kwh is None else plain(kwh)
    return found
