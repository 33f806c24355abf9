"""What can happen to a subscription, and the invoices and credit notes that follow from it."""

from datetime import datetime

from rehearsal.lago.billing import close_invoice, credit_note, start_invoice
from rehearsal.lago.journal import Why
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.periods import next_start, period_start
from rehearsal.lago.subscriptions.schedule import first_boundary, next_due
from rehearsal.lago.tables import Customer, Plan, Subscription
from rehearsal.lago.world import World


def begin(world: World, subscription: Subscription, started_at: datetime, at: datetime) -> None:
    """Activate; what is paid in advance is invoiced if the start is today, else left to the jobs."""
    subscription.status = "active"
    subscription.started_at = started_at
    subscription.activated_at = at
    if local_day(started_at, world.timezone()) == local_day(at, world.timezone()):
        start_invoice(world, subscription, at)
    subscription.billed_until = first_boundary(world, subscription, at)
    subscription.due_at = next_due(world, subscription, at)
    world.webhooks.tell("subscription.started", subscription)


def period_end(world: World, subscription: Subscription, at: datetime) -> datetime:
    """Return the beginning of the period that follows the one around `at`."""
    interval, zone = world.plan_of(subscription).interval, world.timezone()
    anchor, kind = subscription.subscription_at, subscription.billing_time
    return next_start(period_start(at, anchor, interval, kind, zone), anchor, interval, kind, zone)


def terminate(world: World, subscription: Subscription, why: Why = Why.TERMINATION) -> None:
    """End an active subscription as its stored options say, and cancel a scheduled downgrade."""
    plan = world.plan_of(subscription)
    if plan.pay_in_advance and subscription.on_termination_credit_note is None:
        subscription.on_termination_credit_note = "credit"
    subscription.status = "terminated"
    subscription.terminated_at = world.now()
    cancel_successor(world, subscription)
    if plan.pay_in_advance and subscription.on_termination_credit_note != "skip":
        credit_note(world, subscription, why)
    if subscription.on_termination_invoice == "generate":
        close_invoice(world, subscription, why)
    world.webhooks.tell("subscription.terminated", subscription)


def cancel(world: World, subscription: Subscription) -> None:
    subscription.status = "canceled"
    subscription.canceled_at = world.now()
    world.webhooks.tell("subscription.canceled", subscription)


def cancel_successor(world: World, subscription: Subscription) -> None:
    pending = world.pending_successor(subscription)
    if pending:
        cancel(world, pending)


def upgrade(world: World, old: Subscription, plan: Plan, name: str) -> Subscription:
    """Change to an equal or dearer plan at once: the old one ends and both are billed."""
    new = _succeeding(world, old, plan, name, status="active")
    terminate(world, old, Why.UPGRADE)
    world.add_subscription(new)
    begin(world, new, world.now(), world.now())
    return new


def downgrade(world: World, old: Subscription, plan: Plan, name: str) -> None:
    """Schedule a cheaper plan for the end of the period, in place of an earlier such wish."""
    cancel_successor(world, old)
    world.add_subscription(_succeeding(world, old, plan, name, status="pending"))


def _succeeding(world: World, old: Subscription, plan: Plan, name: str, *, status: str) -> Subscription:
    return Subscription(
        external_id=old.external_id,
        customer_id=old.customer_id,
        plan_id=plan.lago_id,
        status=status,
        billing_time=old.billing_time,
        subscription_at=old.subscription_at,
        created_at=world.now(),
        name=name or old.name,
        ending_at=old.ending_at,
        previous_id=old.lago_id,
    )


def end_all_of_customer(world: World, customer: Customer) -> None:
    """Run the job that follows the deletion of a customer: it bills unless told otherwise before."""
    for subscription in list(world.subscriptions_of(customer)):
        _end(world, subscription)


def end_all_of_plan(world: World, plan: Plan) -> None:
    for subscription in [row for row in world.subscriptions if row.plan_id == plan.lago_id]:
        _end(world, subscription)


def _end(world: World, subscription: Subscription) -> None:
    if subscription.status == "active":
        terminate(world, subscription)
    elif subscription.status == "pending":
        cancel(world, subscription)
