"""What is kept of what the worker did with a run, for people to read: counts whole, lists cut off."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from charging.ocpp_session import Session
from customers.backfill.ledger.problems import as_json
from customers.backfill.reconcile import Group, Reconciliation, grouped
from customers.backfill.repair import Advice, Doing, RepairPlan, RepairReport
from customers.backfill.revert import RevertPlan, RevertReport
from customers.backfill.revert.report import Came
from customers.backfill.verify import Check

KEPT = 1_000  # entries of a list

Result = dict[str, Any]


def of_reconciliation(result: Reconciliation) -> Result:
    steps = {name: asdict(count) | {"agreeing": count.agreeing} for name, count in result.steps.items()}
    divergences = [_group(group) for group in grouped(result.found)[:KEPT]]
    return {
        "rows": dict(result.rows),
        "waiting": result.standing.waiting_sentence,
        "unfinished": result.standing.sentence,
        "steps": steps,
        "divergences": divergences,
        "divergences_total": len(result.found),
        "remarks": [
            {"line": one.line, "external_id": one.external_id} | as_json(one.what)
            for one in result.remarks[:KEPT]
        ],
        "remarks_total": len(result.remarks),
        "invoiced": result.invoiced.sentence,
    }


def _group(group: Group) -> Result:
    one = group.found
    named: Result = {"line": group.lines, "external_id": group.external_ids, "number": group.number}
    return named | {"step": one.step, "adopted": one.adopted} | asdict(one.divergence)


def of_revert_plan(plan: RevertPlan) -> Result:
    """Sort things into the three buckets, those of customers who were active afterwards apart."""
    buckets = {
        "remove": plan.goes(with_active=False),
        "active": plan.of_active.goes,
        "kept": plan.tally.stays,
        "gone": plan.tally.gone,
        "reasons": plan.tally.reasons,  # left_out tells the rest
    }
    return {
        "empty": plan.is_empty,
        "waiting": plan.standing.waiting_sentence,
        "why_empty": plan.why_empty("the run") if plan.is_empty else "",
        "unfinished": plan.standing.sentence,
        "left_out": plan.left_out_sentences(),
        "buckets": {name: dict(counted) for name, counted in buckets.items()},
        "active": {external_id: list(why) for external_id, why in list(plan.active.items())[:KEPT]},
        "active_total": len(plan.active),
        "chosen": sorted(plan.chosen or ())[:KEPT],
        "chosen_total": None if plan.chosen is None else len(plan.chosen),
        "going_on": len(plan.run.taking_back),
    }


def of_revert(report: RevertReport) -> Result:
    chosen = report.plan.chosen
    chosen_total = None if chosen is None else len(chosen)
    return of_came(report, report.status, active_total=len(report.plan.active), chosen_total=chosen_total)


def of_came(came: Came, outcome: str, *, active_total: int, chosen_total: int | None) -> Result:
    """Keep what came of a revert, whoever did it."""
    return {
        "outcome": outcome,
        "counts": dict(came.counts),
        "failures": [list(failure) for failure in came.failures[:KEPT]],
        "in_use": [list(one) for one in came.in_use[:KEPT]],
        "active_total": active_total,
        "chosen_total": chosen_total,
        "seconds": round(came.seconds, 1),
    }


def of_repair_plan(plan: RepairPlan) -> Result:
    """Keep what would be done, and by key all of it: nothing else is done once it is confirmed."""
    doings = [(row.group, doing) for row in plan.rows for doing in row.doings]
    return {
        "do": [_doing(doing) | {"group": group} for group, doing in doings[:KEPT]],
        "do_total": len(doings),
        "rows": len(plan.rows),
        "keys": sorted(plan.keys),
        "digest": plan.digest,
        "advice": [_advice(one) for one in plan.advice[:KEPT]],
        "advice_total": len(plan.advice),
        "waiting": plan.waiting_sentence,
        "unfinished": plan.standing.sentence,
    }


def _doing(doing: Doing) -> Result:
    return asdict(doing) | {"verb": doing.verb.value}


def _advice(one: Advice) -> Result:
    found = one.found
    named: Result = {"line": found.line, "external_id": found.external_id, "step": found.step}
    told = {"kind": found.divergence.kind, "expected": found.divergence.expected}
    return named | told | {"found": found.divergence.found, "means": one.means, "todo": one.todo}


def shown_of(result: Mapping[str, Any]) -> set[str]:
    """Return the keys of what a look showed, all of it."""
    return set(result.get("keys", ()))


def of_repair(report: RepairReport, before: Mapping[str, Any]) -> Result:
    """Keep what became of it; `before` is what earlier slices did."""
    counts = Counter(before.get("counts", {}))
    counts.update(report.counts)
    return {
        "outcome": report.status,
        "counts": dict(counts),
        "failures": [list(failure) for failure in report.failures[:KEPT]],
        "left_out": len(report.plan.left_out),
        "advice_total": len(report.plan.advice),
    }


def of_checks(checks: Iterable[Check], verdict: str) -> Result:
    """Keep the checks of a verification, and what they come to."""
    return {"verdict": verdict, "checks": [asdict(check) for check in checks]}


def checks_of(result: Mapping[str, Any]) -> list[Check]:
    return [Check(**kept) for kept in result.get("checks", [])]


def of_session(session: Session) -> Result:
    """Keep a test session, so that another worker can go on looking for its energy."""
    times = {"started_at": session.started_at.isoformat(), "stopped_at": session.stopped_at.isoformat()}
    return asdict(session) | times | {"clock_ahead": session.clock_ahead.total_seconds()}


def session_of(kept: Mapping[str, Any]) -> Session:
    times = {name: datetime.fromisoformat(kept[name]) for name in ("started_at", "stopped_at")}
    return Session(**{**kept, **times, "clock_ahead": timedelta(seconds=kept["clock_ahead"])})
