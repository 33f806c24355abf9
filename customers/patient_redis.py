"""Redis as a queue (Q_BROKER_URL): django-q2's own, with patience. Loaded by its name, where it is set."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from django.conf import settings
from django_q.brokers.redis_broker import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from customers.queueing import SWEEP, QueueAway, wake

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 2.0  # somebody may be waiting for a page
TIMEOUT_S = (
    5.0  # well above a second, as long as the worker's reading may block: cut off, a task would be lost
)
PAUSE_S = 1.0


@contextmanager
def _told_where_away() -> Iterator[None]:
    try:
        yield
    except RedisError as error:
        raise QueueAway(type(error).__name__) from None


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

    def enqueue(self, task: bytes) -> int:
        """Take a task and return its number; raise QueueAway."""
        with _told_where_away():
            return int(super().enqueue(task))

    def queue_size(self) -> int:
        """Return how many tasks wait; raise QueueAway."""
        with _told_where_away():
            return int(super().queue_size())

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
