"""The queue: how the worker is woken, and what becomes of it while the queue is away.

What is to be done is in our own tables; the queue only carries who is to look. So nothing is lost with it:
the sweep wakes the worker again for whatever was left. Where Q_BROKER_URL is set the queue is a Redis, which
can be away while the database is there.
"""

import logging
import time
from functools import partial
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, transaction
from django_q.brokers import get_broker
from django_q.brokers.redis_broker import Redis
from django_q.tasks import async_task
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from customers.database import trouble_of

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 2.0  # somebody may be waiting for a page
TIMEOUT_S = (
    5.0  # well above a second, as long as the worker's reading may block: cut off, a task would be lost
)
PAUSE_S = 1.0
SWEEP = "customers.tasks.sweep"


class QueueAway(Exception):
    """The queue does not answer, or takes nothing. Says nothing of its address, which may hold a password."""


class PatientRedis(Redis):  # type: ignore[misc]
    """A Redis that may go away and come back, where django-q2's own would end a process each time."""

    is_away = False

    @staticmethod
    def get_connection(list_key: str | None = None) -> redis.Redis:
        """Try once and shortly: who waits for a page is told, and the worker comes back to it by itself."""
        return redis.Redis.from_url(
            settings.Q_BROKER_URL,
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )

    def dequeue(self) -> list[tuple[None, bytes]] | None:
        """Wait a second for a task; while the queue is away, wait and give none."""
        try:
            tasks: list[tuple[None, bytes]] | None = super().dequeue()
        except RedisError as error:
            self._is_gone(error)
            time.sleep(PAUSE_S)
            return None
        if self.is_away:
            self._is_back()
        return tasks

    def ping(self) -> bool:
        """Return whether it is there. A worker asks once, when it starts, and then waits for it."""
        try:
            return bool(self.connection.ping())
        except RedisError:
            return False

    def set_stat(self, key: str, value: str, timeout: int) -> None:
        """Leave a figure for `qmonitor`, twice a second; nothing depends on it."""
        try:
            super().set_stat(key, value, timeout)
        except RedisError:
            return

    def _is_gone(self, error: RedisError) -> None:
        """Log it once, and not every second."""
        if not self.is_away:
            logger.warning("The queue (Q_BROKER_URL) does not answer: %s", type(error).__name__)
        self.is_away = True

    def _is_back(self) -> None:
        """Begin at once with what could not be queued meanwhile, and what a Redis without a disk forgot."""
        logger.warning("The queue (Q_BROKER_URL) answers again.")
        self.is_away = not wake(SWEEP)


def push(task: str, *args: Any) -> None:
    """Have a worker do a task, by its dotted name; raise QueueAway."""
    try:
        async_task(task, *args)
    except RedisError as error:
        raise QueueAway(type(error).__name__) from None


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
    except RedisError:
        return False


def answers() -> bool:
    """Return whether the queue is there. Nobody asks the database, where it is the queue."""
    return not settings.Q_BROKER_URL or bool(get_broker().ping())


def in_one_line(record: logging.LogRecord) -> bool:
    """Let django-q2's log name a queue or a database that is away without a traceback; a filter: all pass."""
    error = record.exc_info[1] if record.exc_info else None
    why: object = type(error).__name__ if isinstance(error, RedisError) else None
    if isinstance(error, DatabaseError):
        why = trouble_of(error)
    if why is not None:
        record.msg, record.args = f"{record.getMessage()}: {why}", None
        record.exc_info = record.exc_text = None
    return True
