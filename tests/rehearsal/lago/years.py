"""Lago's years in a moment: subscriptions in a world of its own, without HTTP, its clock moved ahead."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from rehearsal.lago.api import Lago
from rehearsal.lago.behaviour import Compat
from rehearsal.lago.journal import Invoice
from rehearsal.lago.params import Call
from rehearsal.lago.seeds import PlanSpec, put_plans
from rehearsal.lago.subscriptions.calendar import tick
from rehearsal.lago.subscriptions.create import create
from rehearsal.lago.world import World


@dataclass(frozen=True, slots=True)
class Billed:
    """An invoice as it was measured: its day, and base and fixed amount; the days of the base amount."""

    day: date
    base_cents: int
    fixed_cents: int
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Wanted:
    plan: PlanSpec
    billing_time: str
    subscription_at: datetime


def play(wanted: Iterable[Wanted], now: datetime, days: int, zone: str = "UTC") -> list[list[Billed]]:
    """Make the subscriptions at `now`, a customer each; return the invoices of each, oldest first."""
    world = _world(now, zone)
    for number, one in enumerate(wanted):
        _subscribe(world, str(number), one)
    world.clock.set(now + timedelta(days=days), frozen=True)
    tick(world)
    found: dict[str, list[Billed]] = defaultdict(list)
    for invoice in world.journal.invoices:
        found[invoice.external_subscription_id].append(_billed(world, invoice))
    return [found[str(number)] for number in range(len(world.subscriptions.rows()))]


def _world(now: datetime, zone: str) -> World:
    lago = Lago(Compat.RELEASED, "key", [])
    lago.begin()
    lago.world.organization.billing_entity_timezone = zone
    lago.world.clock.set(now, frozen=True)
    return lago.world


def _subscribe(world: World, external_id: str, wanted: Wanted) -> None:
    put_plans(world, [wanted.plan])
    sent: dict[str, Any] = {
        "external_id": external_id,
        "external_customer_id": external_id,
        "plan_code": wanted.plan.code,
        "billing_time": wanted.billing_time,
        "subscription_at": wanted.subscription_at.isoformat(),
    }
    create(world, Call("", {"subscription": sent}))


def _billed(world: World, invoice: Invoice) -> Billed:
    day = invoice.issued_at.astimezone(world.timezone()).date()
    base = [fee for fee in invoice.fees if fee["type"] == "subscription"]
    fixed = [fee for fee in invoice.fees if fee["type"] == "fixed_charge"]
    first, last = (base[0]["from_date"], base[0]["to_date"]) if base else (day.isoformat(), day.isoformat())
    return Billed(
        day,
        sum(fee["amount_cents"] for fee in base),
        sum(fee["amount_cents"] for fee in fixed),
        date.fromisoformat(first),
        date.fromisoformat(last),
    )
