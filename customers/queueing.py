"""The queue: how the worker is woken, and what becomes of it while the queue is away.

What is to be done is in our own tables; the queue only carries who is to look. So nothing is lost with it:
the sweep wakes the worker again for whatever was left. Where Q_BROKER_URL is set the queue is a Redis, which
can be away while the database is there.
"""

import logging
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

from customers.database import trouble_of

logger = logging.getLogger(__name__)

SWEEP = "customers.tasks.sweep"


class QueueAway(Exception):
    """The queue does not answer, or takes nothing. Says nothing of its address, which may hold a password."""


def push(task: str, *args: Any) -> None:
    """Have a worker do a task, by its dotted name; raise QueueAway."""
    async_task(task, *args)


def wake(task: str, *args: Any) -> bool:
    """Have a worker do what our own tables say is to be done; False if that has to wait for the sweep."""
    try:
        push(task, *args)
    except QueueAway as away:
        logger.warning("The queue (Q_BROKER_URL) does not answer: %s. %s waits for the sweep.", away, task)
        return False
    return True


def wake_once_committed(task: str, *args: Any) -> None:
    """Wake the worker when this transaction is committed. One time too many does no harm."""
    transaction.on_commit(partial(wake, task, *args))


def is_empty() -> bool:
    """Return whether nothing waits there; False while the queue is away."""
    try:
        return not get_broker().queue_size()
    except QueueAway:
        return False


def answers() -> bool:
    """Return whether the queue is there. Nobody asks the database, where it is the queue."""
    return not settings.Q_BROKER_URL or bool(get_broker().ping())


def in_one_line(record: logging.LogRecord) -> bool:
    """Let django-q2's log name a queue or a database that is away without a traceback; a filter: all pass."""
    error = record.exc_info[1] if record.exc_info else None
    why: object = None
    if isinstance(error, QueueAway):
        why = error
    elif _is_of_redis(error):
        why = type(error).__name__
    elif isinstance(error, DatabaseError):
        why = trouble_of(error)
    if why is not None:
        record.msg, record.args = f"{record.getMessage()}: {why}", None
        record.exc_info = record.exc_text = None
    return True


def _is_of_redis(error: BaseException | None) -> bool:
    """Tell by name: to load what Redis needs takes long, and most processes have none."""
    return any(kind.__module__ == "redis.exceptions" for kind in type(error).__mro__)
