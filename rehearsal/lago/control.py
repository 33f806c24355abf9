"""Lago's own controls below /sandbox, beside those that every stand-in has.

GET state, journal, jobs, webhooks; POST reset, clock, jobs/hold, jobs/run, jobs/release, webhooks/hold,
webhooks/release, plans, coupons, metrics, organization.
"""

from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import timedelta
from functools import partial

from rehearsal.lago.clock import seconds
from rehearsal.lago.exchange import LagoExchange
from rehearsal.lago.prepaid.coupons import CouponSpec, parse_coupon, put_coupons
from rehearsal.lago.seeds import PlanSpec, parse_plan, put_metrics, put_plans
from rehearsal.lago.snapshot import snapshot
from rehearsal.lago.subscriptions.calendar import tick
from rehearsal.lago.subscriptions.dates import instant
from rehearsal.lago.tables import Metric
from rehearsal.lago.world import FOUNDED, Organization
from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.steering import Controls

Action = Callable[[LagoExchange, Json], Json]


def controls(exchange: LagoExchange) -> Controls:
    return {name: partial(action, exchange) for name, action in ACTIONS.items()}


def _state(exchange: LagoExchange, body: Json) -> Json:
    return snapshot(exchange.lago.world, live=_flag(body, "live"), volatile=_flag(body, "volatile"))


def _flag(body: Json, name: str) -> bool:
    return str(body.get(name, "")).lower() in ("1", "true")


def _journal(exchange: LagoExchange, body: Json) -> Json:
    """Return what was billed, oldest first, with ids and times."""
    journal = exchange.lago.world.journal
    return {
        "invoices": [asdict(row) | {"issued_at": seconds(row.issued_at)} for row in journal.invoices],
        "credit_notes": [asdict(row) | {"issued_at": seconds(row.issued_at)} for row in journal.credit_notes],
    }


def _reset(exchange: LagoExchange, body: Json) -> Json:
    """Begin again: no rows, no faults, an empty request log, real time."""
    exchange.lago.begin()
    exchange.faults.clear()
    exchange.log.reset()
    return {}


def _clock(exchange: LagoExchange, body: Json) -> Json:
    """Set the time (`at`, standing still with `frozen`), have it `right`, or move it (`advance_s`)."""
    clock = exchange.lago.world.clock
    if _flag(body, "right"):
        clock.go_right()
    if "at" in body:
        at = instant(body["at"])
        if at is None:
            raise ValueError("at is not an ISO 8601 instant")
        clock.set(at, frozen=bool(body.get("frozen", False)))
    clock.advance(timedelta(seconds=float(body.get("advance_s", 0))))
    tick(exchange.lago.world)  # what is due by now happens
    return {"now": seconds(clock.now())}


def _jobs(exchange: LagoExchange, body: Json) -> Json:
    jobs = exchange.lago.world.jobs
    waiting = [{"name": job.name, "subject": job.subject} for job in jobs.waiting()]
    return {"held": jobs.held, "waiting": waiting}


def _hold_jobs(exchange: LagoExchange, body: Json) -> Json:
    exchange.lago.world.jobs.held = True
    return _jobs(exchange, body)


def _run_jobs(exchange: LagoExchange, body: Json) -> Json:
    return {"ran": exchange.lago.world.jobs.run()}


def _release_jobs(exchange: LagoExchange, body: Json) -> Json:
    exchange.lago.world.jobs.held = False
    return _run_jobs(exchange, body)


def _webhooks(exchange: LagoExchange, body: Json) -> Json:
    """Return what waits to be told, and what was told to whom, oldest first."""
    webhooks = exchange.lago.world.webhooks
    waiting = [{"webhook_type": it.webhook_type, "external_id": it.key} for it in webhooks.waiting]
    return {
        "held": webhooks.held,
        "waiting": waiting,
        "deliveries": [asdict(delivery) for delivery in webhooks.deliveries],
    }


def _hold_webhooks(exchange: LagoExchange, body: Json) -> Json:
    exchange.lago.world.webhooks.held = True
    return _webhooks(exchange, body)


def _release_webhooks(exchange: LagoExchange, body: Json) -> Json:
    exchange.lago.world.webhooks.release()
    return _webhooks(exchange, body)


def _plans(exchange: LagoExchange, body: Json) -> Json:
    """Add or change plans, each given as text (as on the command line) or as an object."""
    specs = [parse_plan(one) if isinstance(one, str) else PlanSpec(**one) for one in body["plans"]]
    put_plans(exchange.lago.world, specs)
    return {}


def _coupons(exchange: LagoExchange, body: Json) -> Json:
    """Add or change coupons, each given as text (as on the command line) or as an object."""
    specs = [parse_coupon(one) if isinstance(one, str) else CouponSpec(**one) for one in body["coupons"]]
    put_coupons(exchange.lago.world, specs)
    return {}


def _metrics(exchange: LagoExchange, body: Json) -> Json:
    """Replace the billable metrics."""
    put_metrics(exchange.lago.world, [Metric(created_at=FOUNDED, **one) for one in body["metrics"]])
    return {}


def _organization(exchange: LagoExchange, body: Json) -> Json:
    """Change settings of the organization: name, time zones, currency, version, permissions…"""
    organization = exchange.lago.world.organization
    known = {one.name for one in fields(Organization)}
    if not body.keys() <= known:
        raise ValueError(f"settable: {', '.join(sorted(known))}")
    for name, value in body.items():
        setattr(organization, name, value)
    return asdict(organization)


ACTIONS: dict[tuple[str, str], Action] = {
    ("GET", "state"): _state,
    ("GET", "journal"): _journal,
    ("POST", "reset"): _reset,
    ("POST", "clock"): _clock,
    ("GET", "jobs"): _jobs,
    ("POST", "jobs/hold"): _hold_jobs,
    ("POST", "jobs/run"): _run_jobs,
    ("POST", "jobs/release"): _release_jobs,
    ("GET", "webhooks"): _webhooks,
    ("POST", "webhooks/hold"): _hold_webhooks,
    ("POST", "webhooks/release"): _release_webhooks,
    ("POST", "plans"): _plans,
    ("POST", "coupons"): _coupons,
    ("POST", "metrics"): _metrics,
    ("POST", "organization"): _organization,
}
