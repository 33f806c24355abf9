"""What the worker can be asked to do, by dotted name.

django-q2 keeps arguments and results in the database, so they are ids and codes only. A database that does
not do its work is one line in the log: what is to be done is in our own tables, and the sweep comes back.
"""

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, connection

from customers import jobs, locks, queueing
from customers.backfill.notices import delivering
from customers.backfill.notices.outbox import TELL
from customers.backfill.welcome import Ended, send_campaign
from customers.backfill.welcome.sending import SLICE_S, Conditions
from customers.database import trouble_of
from customers.jobs import journal
from customers.models import WelcomeCampaign
from customers.sign_in import asking, links, throttle

logger = logging.getLogger(__name__)

Given = ParamSpec("Given")
Result = TypeVar("Result")
NOT_DONE = "database"

SEND_WELCOME = "customers.tasks.send_welcome"


def in_a_line(task: Callable[Given, Result]) -> Callable[Given, Result | str]:
    """Tell what the database has, instead of a traceback; a fault of ours passes."""

    @wraps(task)
    def told(*args: Given.args, **kwargs: Given.kwargs) -> Result | str:
        try:
            return task(*args, **kwargs)
        except DatabaseError as error:
            trouble = trouble_of(error)
            if trouble is None:
                raise
            connection.close()
            logger.error("%s was not done: %s The sweep comes back to it.", task.__name__, trouble)
            return NOT_DONE

    return told


@in_a_line
def send_welcome(campaign_id: int, slice_s: float = SLICE_S) -> str:
    """Send a slice of a campaign and have the next one follow. Any number of these at once do no harm."""
    with journal.told("welcome", campaign=campaign_id) as told:
        ended = send_campaign(campaign_id, Conditions(slice_s=slice_s))
        told["outcome"] = ended.value
    if ended is Ended.MORE:
        queueing.wake(SEND_WELCOME, campaign_id)
    return ended.value


@in_a_line
def import_run(run_pk: int) -> str:
    """Go on with a run that was confirmed in the admin, for a slice of time."""
    with journal.told("import", **journal.run_of(run_pk)) as told:
        ended = jobs.import_run(run_pk)
        told |= {"outcome": ended.value, **journal.standing_of(run_pk)}
    return ended.value


@in_a_line
def lend_a_hand(run_pk: int, called_at_s: float | None = None) -> str:
    """Do some of the shares of a run that several workers do together."""
    with journal.told("hand", **journal.run_of(run_pk)) as told:
        told["outcome"] = jobs.lend_a_hand(run_pk, called_at_s)
        told |= journal.standing_of(run_pk)
    return str(told["outcome"])


@in_a_line
def run_job(job_pk: int) -> str:
    """Do what was asked of a run in the admin: reconcile it, revert it, or look what that would do."""
    with journal.told("job", **journal.job_of(job_pk)) as told:
        told["outcome"] = jobs.run_job(job_pk)
    return str(told["outcome"])


@in_a_line
def send_sign_in_link(user_id: int | None) -> str:
    with journal.told("sign_in_link") as told:
        told["outcome"] = asking.send_link(user_id)
    return str(told["outcome"])


@in_a_line
def tell() -> bool:
    """Tell what is over, for a slice of time. Any number of these at once do no harm."""
    with journal.told("notices") as told:
        more = delivering.deliver_due()
        told["outcome"] = "more" if more else "done"
    if more:
        queueing.wake(TELL)
    return more


@in_a_line
def sweep() -> int:
    """Pick up what a dead worker left, and return how much that was.

    Runs every minute and when a worker starts.
    """
    throttle.forget_old_marks()
    links.forget_former_spellings()
    being_sent = locks.SENDER.numbers_held()
    running = WelcomeCampaign.objects.running().values_list("pk", flat=True)
    stalled = [pk for pk in running if pk not in being_sent]
    for campaign_id in stalled:
        queueing.wake(SEND_WELCOME, campaign_id)
    woken = len(stalled) + jobs.sweep() + delivering.sweep()
    if woken:
        journal.say("sweep", "woke", {"jobs": woken})
    return woken
