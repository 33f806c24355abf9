"""What Lago does by itself as time passes: starts, ends, ends of trials, downgrades and billing days."""

from datetime import datetime
from heapq import heapify, heappop, heappush

from rehearsal.lago.billing import last_period_invoice, period_invoice, start_invoice, trial_invoice
from rehearsal.lago.fees import begins, bounds, invoice_interval
from rehearsal.lago.journal import Why
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.subscriptions.lifecycle import begin, terminate
from rehearsal.lago.subscriptions.schedule import first_boundary, next_due, trial_end
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World

Place = tuple[datetime, str, Subscription]  # a subscription in the order of what is due


def tick(world: World) -> None:
    """Catch up with the clock, run by run, in their order. Safe to repeat: nothing happens twice."""
    now = world.now()
    while due := [_place(row, row.due_at) for row in world.subscriptions if row.due_at and row.due_at <= now]:
        _catch_up(world, due, now)  # what a downgrade has begun meanwhile is due in the next round


def _catch_up(world: World, due: list[Place], now: datetime) -> None:
    heapify(due)
    while due:
        at, _, row = heappop(due)
        _run(world, row, at)
        if row.due_at and row.due_at <= now:
            heappush(due, _place(row, row.due_at))


def _place(row: Subscription, due_at: datetime) -> Place:
    return due_at, row.lago_id, row


def _run(world: World, row: Subscription, at: datetime) -> None:
    """Do what the jobs of one run do with one subscription."""
    if row.status == "pending":
        begin(world, row, at, at)
    if row.status == "active" and row.ending_at and row.ending_at <= at:
        terminate(world, row)
    if row.status == "active" and (over := trial_end(world, row)) and over <= at:
        _end_trial(world, row, over, at)
    if row.status == "active" and row.billed_until and row.billed_until <= at:
        _bill(world, row, at)
    row.due_at = next_due(world, row, at)


def _end_trial(world: World, row: Subscription, over: datetime, at: datetime) -> None:
    if world.plan_of(row).pay_in_advance:
        trial_invoice(world, row, at)
    row.trial_ended_at = over


def _bill(world: World, row: Subscription, at: datetime) -> None:
    """Bill if a period begins today. None does if the time zone was changed since the day was set."""
    boundary, row.billed_until = bounds(world, row, at, invoice_interval(world.plan_of(row)))
    if local_day(boundary, world.timezone()) != local_day(at, world.timezone()):
        return
    successor = world.pending_successor(row)
    if successor and begins(world, row, boundary, world.plan_of(row).interval):
        _switch(world, row, successor, boundary, at)
    else:
        period_invoice(world, row, boundary, at)


def _switch(world: World, old: Subscription, new: Subscription, boundary: datetime, at: datetime) -> None:
    """Carry out a downgrade at the end of the period: what is owed for it, no credit note."""
    old.status, old.terminated_at = "terminated", boundary
    last_period_invoice(world, old, boundary, at)
    new.status, new.started_at, new.activated_at = "active", boundary, at
    new.billed_until = first_boundary(world, new, at)
    start_invoice(world, new, at, Why.DOWNGRADE)
    new.due_at = next_due(world, new, at)
    world.webhooks.tell("subscription.terminated", old)
    world.webhooks.tell("subscription.started", new)
