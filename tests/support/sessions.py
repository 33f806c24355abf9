"""Two sessions of the database at the exact point: one is under way, the other is held up by it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, connections

PATIENCE_S = 10.0


@dataclass(frozen=True)
class Other:
    """Somebody else's work in a session of its own."""

    work: "Future[Any]"

    def ended(self) -> Any:
        """Wait for its end; return what came of it, an error as well."""
        return self.work.exception(PATIENCE_S) or self.work.result()


Begin = Callable[[Callable[[], Any]], Other]


@contextmanager
def others() -> Iterator[Begin]:
    """Give a way to begin something elsewhere, which returns once that is held up by the session here."""
    with ThreadPoolExecutor() as threads:

        def begin(work: Callable[[], Any]) -> Other:
            other = Other(threads.submit(_and_close, work))
            _wait_until_held_up()
            return other

        yield begin


def _and_close(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connections.close_all()


def _wait_until_held_up() -> None:
    """Wait until another session waits for a lock that this one has."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid)"
                " WHERE NOT granted AND datname = current_database())"  # beside it are other tests
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    pytest.fail("nobody waits for this session")
