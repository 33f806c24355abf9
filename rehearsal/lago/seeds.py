"""What a new sandbox organization starts with: plans, as given on the command line, and a metric."""

from collections.abc import Sequence
from dataclasses import dataclass

from rehearsal.lago.codes import CURRENCIES
from rehearsal.lago.fixed_charges import kept
from rehearsal.lago.plans import INTERVALS
from rehearsal.lago.tables import Metric, Plan
from rehearsal.lago.world import FOUNDED, World
from rehearsal.stand_in.messages import Json

DEFAULT_PLANS = ("standard:1000:EUR:monthly", "fleet:5000:EUR:monthly", "night:700:EUR:monthly")
METRIC_CODE = "ev_charging_kwh"


@dataclass(frozen=True, slots=True)
class PlanSpec:
    code: str
    amount_cents: int = 1000
    currency: str = "EUR"
    interval: str = "monthly"
    pay_in_advance: bool = False
    metered: bool = True
    trial_period: float = 0.0
    pending_deletion: bool = False
    bill_charges_monthly: bool = False
    bill_fixed_charges_monthly: bool = False
    fixed_charges: Sequence[Json] = ()  # as in a POST: units, properties, pay_in_advance, prorated


def parse_plan(text: str) -> PlanSpec:
    """Read `CODE[:AMOUNT_CENTS[:CURRENCY[:INTERVAL[:advance]]]]`; raise ValueError with a usable message."""
    words = text.split(":")
    code, amount, currency, interval, advance = [*words, "", "", "", ""][:5]
    if not code or len(words) > 5 or not (amount or "0").isdigit() or advance not in ("", "advance"):
        raise ValueError(f"{text!r} is not CODE[:AMOUNT_CENTS[:CURRENCY[:INTERVAL[:advance]]]]")
    spec = PlanSpec(code, int(amount or 1000), currency or "EUR", interval or "monthly", advance == "advance")
    if spec.currency not in CURRENCIES or spec.interval not in INTERVALS:
        raise ValueError(f"{text!r} names a currency or an interval that Lago does not know")
    return spec


def plant(world: World, plans: list[PlanSpec]) -> None:
    world.metrics.add(Metric(METRIC_CODE, FOUNDED))
    put_plans(world, plans)


def put_metrics(world: World, metrics: list[Metric]) -> None:
    """Replace all billable metrics, and with them the charges of metered plans."""
    for old in list(world.metrics):
        world.metrics.remove(old)
    for metric in metrics:
        world.metrics.add(metric)


def put_plans(world: World, specs: list[PlanSpec]) -> None:
    """Add each plan, or change the one with that code."""
    for spec in specs:
        _put_plan(world, spec)


def _put_plan(world: World, spec: PlanSpec) -> None:
    plan = world.plan(spec.code)
    if plan is None:
        plan = Plan(spec.code, spec.code.capitalize(), 0, "", "", pay_in_advance=False, created_at=FOUNDED)
        world.add_plan(plan)
    plan.amount_cents, plan.currency, plan.interval = spec.amount_cents, spec.currency, spec.interval
    plan.pay_in_advance, plan.metered = spec.pay_in_advance, spec.metered
    plan.trial_period, plan.pending_deletion = spec.trial_period, spec.pending_deletion
    plan.bill_charges_monthly = spec.bill_charges_monthly
    plan.bill_fixed_charges_monthly = spec.bill_fixed_charges_monthly
    plan.fixed_charges = kept(spec.fixed_charges)
