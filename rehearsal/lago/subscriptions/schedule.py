"""When Lago's jobs run, and which run is the next that concerns a subscription.

Activation runs every five minutes, billing and the ends of trials at ten minutes past each hour.
"""

from datetime import UTC, datetime, time, timedelta

from rehearsal.lago.fees import bounds, invoice_interval, trial_days_end
from rehearsal.lago.subscriptions.dates import local_day
from rehearsal.lago.tables import Subscription
from rehearsal.lago.world import World

HOUR, FIVE_MINUTES = timedelta(hours=1), timedelta(minutes=5)


def next_billing_run(after: datetime) -> datetime:
    run = after.astimezone(UTC).replace(minute=10, second=0, microsecond=0)
    return run if run > after else run + HOUR


def next_activation_run(after: datetime) -> datetime:
    after = after.astimezone(UTC)
    return after.replace(minute=after.minute // 5 * 5, second=0, microsecond=0) + FIVE_MINUTES


def first_boundary(world: World, row: Subscription, at: datetime) -> datetime:
    """Return the first boundary of periods to be billed: today's for an earlier start, if a run is left."""
    zone, interval = world.timezone(), invoice_interval(world.plan_of(row))
    start, following = bounds(world, row, at, interval)
    today = local_day(at, zone)
    begun_before = local_day(row.started_at or at, zone) < today
    if local_day(start, zone) == today == local_day(next_billing_run(at), zone) and begun_before:
        return start
    return following


def trial_end(world: World, row: Subscription) -> datetime | None:
    """Return when the trial is over, or None if that has been dealt with or there is none."""
    day = trial_days_end(world, row)
    if day is None or row.trial_ended_at:
        return None
    return datetime.combine(day, time(), world.timezone()).astimezone(UTC)


def next_due(world: World, row: Subscription, after: datetime) -> datetime | None:
    """Return the next run that will do something with a subscription; None if none ever will."""
    if row.status == "pending" and row.previous_id is None:
        day = local_day(row.subscription_at, world.timezone())
        midnight = datetime.combine(day, time(), world.timezone())
        return next_activation_run(max(midnight, after))
    if row.status != "active" or row.billed_until is None:
        return None
    due = [next_billing_run(max(row.billed_until, after))]
    if over := trial_end(world, row):
        due.append(next_billing_run(max(over, after)))
    if row.ending_at:
        due.append(row.ending_at)
    return min(due)
