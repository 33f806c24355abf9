"""What Lago does by itself as time passes: starts, ends, scheduled downgrades and billing days."""

from datetime import datetime

from rehearsal.lago.billing import period_invoice
from rehearsal.lago.journal import Why
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.lifecycle import begin, period_end, terminate
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World


def tick(world: World) -> None:
    """Catch up with the clock. Safe to repeat: nothing happens twice."""
    now = world.now()
    for row in list(world.subscriptions):
        if row.status == "pending" and row.previous_id is None:
            _start_if_due(world, row, now)
        if row.status == "active":
            _run_billing_days(world, row, now)
        if row.status == "active" and row.ending_at and row.ending_at <= now:
            terminate(world, row)


def _start_if_due(world: World, row: Subscription, now: datetime) -> None:
    zone = world.timezone()
    if local_day(row.subscription_at, zone) <= local_day(now, zone):
        begin(world, row, row.subscription_at)


def _run_billing_days(world: World, row: Subscription, now: datetime) -> None:
    while row.status == "active" and row.billed_until is not None and row.billed_until <= now:
        boundary = row.billed_until
        successor = world.pending_successor(row)
        if successor:
            _switch(world, row, successor, boundary)
        else:
            period_invoice(world, row, Why.BILLING_DAY)
            row.billed_until = period_end(world, row, boundary)


def _switch(world: World, old: Subscription, new: Subscription, boundary: datetime) -> None:
    """Carry out a downgrade at the end of the period: what is owed for it, no credit note."""
    old.status, old.terminated_at = "terminated", boundary
    if not world.plan_of(old).pay_in_advance:
        period_invoice(world, old, Why.DOWNGRADE)
    new.status, new.started_at, new.activated_at = "active", boundary, world.now()
    new.billed_until = period_end(world, new, boundary)
    if world.plan_of(new).pay_in_advance:
        period_invoice(world, new, Why.DOWNGRADE)
    world.webhooks.tell("subscription.terminated", old)
    world.webhooks.tell("subscription.started", new)
