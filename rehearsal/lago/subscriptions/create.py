"""POST /subscriptions: create, change the plan, or do nothing, in Lago's order of evaluation."""

from collections.abc import Mapping
from datetime import datetime

from rehearsal.lago.currency import settle_currency
from rehearsal.lago.customers.upsert import build
from rehearsal.lago.errors import forbidden, invalid_field, not_found, root_missing
from rehearsal.lago.params import Call, as_string, root
from rehearsal.lago.subscriptions.dates import asked_dates, local_day
from rehearsal.lago.subscriptions.lifecycle import begin, downgrade, upgrade
from rehearsal.lago.subscriptions.schedule import next_due
from rehearsal.lago.subscriptions.views import check_shown, full_json
from rehearsal.lago.tables import Customer, Plan, Subscription
from rehearsal.lago.world import World
from rehearsal.stand_in.messages import Json

PER_YEAR: Mapping[str, int] = {"yearly": 1, "semiannual": 2, "quarterly": 4, "monthly": 12, "weekly": 52}
BILLING_TIMES = ("calendar", "anniversary")


def create(world: World, call: Call) -> Json:
    sent = _sent(world, call)
    plan = world.plan(as_string(sent.get("plan_code")) or "")
    if plan is None:
        raise not_found("plan")
    start, end = asked_dates(sent, world.now(), world.timezone())
    if "plan_overrides" in sent:
        raise forbidden("feature_unavailable")
    customer = _customer(world, _stripped(sent, "external_customer_id"))
    settle_currency(world, customer, plan.currency)
    external_id = _stripped(sent, "external_id")
    current = _current(world, customer, external_id)
    if current is None:
        row = _new(world, customer, plan, sent, start, end)
    else:
        row = _change_plan(world, current, plan, _stripped(sent, "name"))
    check_shown(world, row)
    return {"subscription": full_json(world, row)}


def _sent(world: World, call: Call) -> Json:
    wrapped = call.params.get("subscription")
    code = wrapped.get("billing_entity_code") if isinstance(wrapped, dict) else None
    if code and code != world.organization.billing_entity_code:
        raise not_found("billing_entity")
    sent = root(call.params, "subscription")
    if sent is None:
        raise root_missing("subscription")
    return sent


def _stripped(sent: Json, name: str) -> str:
    return (as_string(sent.get(name)) or "").strip()


def _customer(world: World, external_id: str) -> Customer:
    """Find or make the customer. One made here stays even if the call is refused later."""
    if not external_id:
        raise invalid_field("external_customer_id", "value_is_mandatory")
    customer = world.customer(external_id)
    if customer is None:
        customer = build(world, external_id)
        world.add_customer(customer)
    return customer


def _current(world: World, customer: Customer, external_id: str) -> Subscription | None:
    named = world.subscriptions_named(external_id)
    for row in named:
        waiting = row.status == "pending" and row.previous_id is None
        if row.customer_id == customer.lago_id and (row.status == "active" or waiting):
            return row
    elsewhere = any(row.status == "active" for row in named)
    if elsewhere and world.behaviour.external_id_unique_over_customers:
        raise invalid_field("external_id", "value_already_exist")
    return None


def _new(
    world: World, customer: Customer, plan: Plan, sent: Json, start: datetime, end: datetime | None
) -> Subscription:
    external_id, billing_time = _stripped(sent, "external_id"), sent.get("billing_time") or "calendar"
    if not external_id:
        raise invalid_field("external_id", "value_is_mandatory")
    if billing_time not in BILLING_TIMES:
        raise invalid_field("billing_time", "value_is_invalid")
    row = Subscription(
        external_id=external_id,
        customer_id=customer.lago_id,
        plan_id=plan.lago_id,
        status="pending",
        billing_time=billing_time,
        subscription_at=start,
        created_at=world.now(),
        name=_stripped(sent, "name"),
        ending_at=end,
    )
    world.add_subscription(row)
    if local_day(start, world.timezone()) <= local_day(world.now(), world.timezone()):
        begin(world, row, _started_at(world, row), row.created_at)
    else:
        row.due_at = next_due(world, row, row.created_at)
    return row


def _started_at(world: World, row: Subscription) -> datetime:
    """At HEAD, a back-dated start does not reach into what an earlier subscription was invoiced for."""
    if not world.behaviour.backdating_stops_at_invoiced:
        return row.subscription_at
    billed = {invoice.subscription_id for invoice in world.journal.invoices}
    same = [old for old in world.subscriptions_named(row.external_id) if old.customer_id == row.customer_id]
    ends = [old.terminated_at for old in same if old.terminated_at and old.lago_id in billed]
    return max([row.subscription_at, *ends])


def _change_plan(world: World, current: Subscription, plan: Plan, name: str) -> Subscription:
    old = world.plan_of(current)
    if old.lago_id == plan.lago_id:
        return current
    if current.status == "pending":
        current.plan_id, current.name = plan.lago_id, name or current.name
        return current
    if _per_year(plan) >= _per_year(old):
        return upgrade(world, current, plan, name)
    downgrade(world, current, plan, name)
    return current


def _per_year(plan: Plan) -> int:
    return plan.amount_cents * PER_YEAR[plan.interval]
