"""The control interface below /sandbox: look into the sandbox and steer it, over HTTP or from Python.

GET state, journal, requests, jobs, faults, held; POST reset, requests/reset, faults, faults/clear, release,
clock, jobs/hold, jobs/run, jobs/release, plans, metrics, organization.
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import timedelta

from rehearsal.lago.clock import seconds
from rehearsal.lago.exchange import Exchange
from rehearsal.lago.seeds import FOUNDED, PlanSpec, parse_plan, put_metrics, put_plans
from rehearsal.lago.snapshot import snapshot
from rehearsal.lago.subscriptions.calendar import tick
from rehearsal.lago.subscriptions.dates import instant
from rehearsal.lago.tables import Metric
from rehearsal.lago.world import Organization
from rehearsal.stand_in.faults import fault, parse_fault
from rehearsal.stand_in.messages import Json

Action = Callable[[Exchange, Json], Json]
PREFIX = "/sandbox/"
POLL_S = 0.002


class UnknownControlError(Exception):
    """There is no such control; the message names those there are."""


async def control(exchange: Exchange, method: str, name: str, body: Json) -> Json:
    """Carry out one control; raise UnknownControlError, or ValueError or TypeError for a senseless body."""
    if (method, name) == ("GET", "held"):
        return await _held(exchange, float(body.get("timeout_s", 0)))
    action = ACTIONS.get((method, name))
    if action is None:
        raise UnknownControlError(", ".join(f"{verb} {PREFIX}{path}" for verb, path in ACTIONS))
    return action(exchange, body)


async def _held(exchange: Exchange, timeout_s: float) -> Json:
    """Wait until a pausing fault holds a call, at most so long, and name the held calls by number."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not exchange.faults.held() and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(POLL_S)
    return {"held": exchange.faults.held()}


def _state(exchange: Exchange, body: Json) -> Json:
    return snapshot(exchange.lago.world, live=_flag(body, "live"), volatile=_flag(body, "volatile"))


def _flag(body: Json, name: str) -> bool:
    return str(body.get(name, "")).lower() in ("1", "true")


def _journal(exchange: Exchange, body: Json) -> Json:
    """Give what was billed, oldest first, with ids and times."""
    journal = exchange.lago.world.journal
    return {
        "invoices": [asdict(row) | {"issued_at": seconds(row.issued_at)} for row in journal.invoices],
        "credit_notes": [asdict(row) | {"issued_at": seconds(row.issued_at)} for row in journal.credit_notes],
    }


def _requests(exchange: Exchange, body: Json) -> Json:
    return exchange.log.json()


def _reset_requests(exchange: Exchange, body: Json) -> Json:
    exchange.log.reset()
    return {}


def _reset(exchange: Exchange, body: Json) -> Json:
    """Begin again: no rows, no faults, an empty request log, real time."""
    exchange.lago.begin()
    exchange.faults.clear()
    exchange.log.reset()
    return {}


def _faults(exchange: Exchange, body: Json) -> Json:
    return {"faults": [one.json() for one in exchange.faults.all]}


def _add_fault(exchange: Exchange, body: Json) -> Json:
    exchange.faults.all.append(parse_fault(body["spec"]) if "spec" in body else fault(body))
    return _faults(exchange, body)


def _clear_faults(exchange: Exchange, body: Json) -> Json:
    exchange.faults.clear()
    return {}


def _release(exchange: Exchange, body: Json) -> Json:
    exchange.faults.release()
    return {}


def _clock(exchange: Exchange, body: Json) -> Json:
    """Set the time (`at`, standing still with `frozen`) or move it (`advance_s`); due jobs run."""
    clock = exchange.lago.world.clock
    if "at" in body:
        at = instant(body["at"])
        if at is None:
            raise ValueError("at is not an ISO 8601 instant")
        clock.set(at, frozen=bool(body.get("frozen", False)))
    clock.advance(timedelta(seconds=float(body.get("advance_s", 0))))
    tick(exchange.lago.world)
    return {"now": seconds(clock.now())}


def _jobs(exchange: Exchange, body: Json) -> Json:
    jobs = exchange.lago.world.jobs
    waiting = [{"name": job.name, "subject": job.subject} for job in jobs.waiting()]
    return {"held": jobs.held, "waiting": waiting}


def _hold_jobs(exchange: Exchange, body: Json) -> Json:
    exchange.lago.world.jobs.held = True
    return _jobs(exchange, body)


def _run_jobs(exchange: Exchange, body: Json) -> Json:
    return {"ran": exchange.lago.world.jobs.run()}


def _release_jobs(exchange: Exchange, body: Json) -> Json:
    exchange.lago.world.jobs.held = False
    return _run_jobs(exchange, body)


def _plans(exchange: Exchange, body: Json) -> Json:
    """Add or change plans, each given as text (as on the command line) or as an object."""
    specs = [parse_plan(one) if isinstance(one, str) else PlanSpec(**one) for one in body["plans"]]
    put_plans(exchange.lago.world, specs)
    return {}


def _metrics(exchange: Exchange, body: Json) -> Json:
    """Replace the billable metrics."""
    put_metrics(exchange.lago.world, [Metric(created_at=FOUNDED, **one) for one in body["metrics"]])
    return {}


def _organization(exchange: Exchange, body: Json) -> Json:
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
    ("GET", "requests"): _requests,
    ("POST", "requests/reset"): _reset_requests,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("POST", "faults/clear"): _clear_faults,
    ("POST", "release"): _release,
    ("POST", "clock"): _clock,
    ("GET", "jobs"): _jobs,
    ("POST", "jobs/hold"): _hold_jobs,
    ("POST", "jobs/run"): _run_jobs,
    ("POST", "jobs/release"): _release_jobs,
    ("POST", "plans"): _plans,
    ("POST", "metrics"): _metrics,
    ("POST", "organization"): _organization,
}
