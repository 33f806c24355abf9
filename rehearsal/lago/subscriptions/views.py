"""A subscription as JSON."""

from datetime import datetime, timedelta

from rehearsal.lago.clock import milliseconds, seconds
from rehearsal.lago.errors import internal
from rehearsal.lago.plans import plan_json
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.lifecycle import period_end
from rehearsal.lago.subscriptions.periods import period_start
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json


def check_shown(world: World, row: Subscription) -> None:
    """Raise RefusedError where the server breaks at a subscription that it is to show, and has."""
    plan = world.plan_of(row)
    organization = world.organization
    breaks = {"active": organization.breaks_on_quarterly, "terminated": organization.breaks_when_ended}
    is_such = plan.interval == "quarterly" and plan.pay_in_advance and row.billing_time == "anniversary"
    if world.behaviour.can_break_on_quarterly and is_such and breaks.get(row.status):
        raise internal()


def listed_json(world: World, row: Subscription) -> Json:
    plan, customer = world.plan_of(row), world.customer_of(row)
    found = {
        "lago_id": row.lago_id,
        "external_id": row.external_id,
        "lago_customer_id": row.customer_id,
        "external_customer_id": customer.external_id,
        "name": row.name,
        "plan_code": plan.code,
        "plan_amount_cents": plan.amount_cents,
        "plan_amount_currency": plan.currency,
        "status": row.status,
        "billing_time": row.billing_time,
        "subscription_at": seconds(row.subscription_at),
        "started_at": milliseconds(row.started_at),
        "trial_ended_at": seconds(row.trial_ended_at),
        "ending_at": seconds(row.ending_at),
        "terminated_at": seconds(row.terminated_at),
        "canceled_at": seconds(row.canceled_at),
        "created_at": seconds(row.created_at),
        **_plan_changes(world, row),
        **_period_json(world, row),
        "progressive_billing_disabled": False,
        "consolidate_invoice": True,
        "cancellation_reason": None,
        "activated_at": seconds(row.activated_at),
        "payment_method": {"payment_method_id": None, "payment_method_type": "provider"},
        "activation_rules": [],
    }
    if world.behaviour.purchase_orders:
        found |= {"billing_entity_code": customer.billing_entity_code, "purchase_order_number": None}
    return found | _termination_options(world, row)


def _termination_options(world: World, row: Subscription) -> Json:
    if not world.behaviour.termination_options:
        return {}
    return {
        "on_termination_credit_note": row.on_termination_credit_note,
        "on_termination_invoice": row.on_termination_invoice,
    }


def _plan_changes(world: World, row: Subscription) -> Json:
    before, after = world.previous(row), world.successor(row)
    day = None
    if after is not None and after.status == "pending":
        day = local_day(period_end(world, row, world.now()), world.timezone()).isoformat()
    return {
        "previous_plan_code": world.plan_of(before).code if before else None,
        "next_plan_code": world.plan_of(after).code if after else None,
        "downgrade_plan_date": day,
    }


def _period_json(world: World, row: Subscription) -> Json:
    bounds: tuple[datetime | None, datetime | None] = (None, None)
    if row.started_at is not None:
        bounds = period(world, row, row.started_at)
    return {
        "current_billing_period_started_at": seconds(bounds[0]),
        "current_billing_period_ending_at": seconds(bounds[1]),
    }


def period(world: World, row: Subscription, started_at: datetime) -> tuple[datetime, datetime]:
    """Return first and last second of the current period, or of the last one of what has ended."""
    at = max(row.terminated_at or world.now(), started_at)
    interval = world.plan_of(row).interval
    start = period_start(at, row.subscription_at, interval, row.billing_time, world.timezone())
    return max(start, started_at), period_end(world, row, at) - timedelta(seconds=1)


def ended_json(world: World, row: Subscription) -> Json:
    """Return what DELETE answers."""
    plan = plan_json(world, world.plan_of(row))
    return {**listed_json(world, row), "plan": plan, "applied_invoice_custom_sections": []}


def full_json(world: World, row: Subscription) -> Json:
    return {**ended_json(world, row), "entitlements": [], "applicable_usage_thresholds": []}
