"""One import or revert at a time, by an advisory lock: a dead process never blocks the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from customers.backfill.refused import Refused


class Busy(Refused):
    """Somebody else is at it; later it may go."""


KEY = 0x706F6C61726973  # "polaris"; advisory locks are per database
RUN_KEY = (
    0x706F6C61  # of a second lock, with the run's number, which tells who is at work; nobody waits for it
)


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock for as long as the process works; raise Busy at once if another one does.

    It belongs to this database session. If the session is lost, so is the lock, but then every further
    write of this process fails too, because it goes over the same session.
    """
    if not _query("SELECT pg_try_advisory_lock(%s)", KEY):
        raise Busy(
            "Another import or revert is running.",
            "Wait for it, or see it with: python manage.py backfill_runs",
        )
    try:
        yield
    finally:
        _release("SELECT pg_advisory_unlock(%s)", KEY)


@contextmanager
def working_on(run_pk: int) -> Iterator[None]:
    """Let others see which run the process that holds the lock is at."""
    _query("SELECT pg_advisory_lock(%s, %s) IS NULL", RUN_KEY, run_pk)
    try:
        yield
    finally:
        _release("SELECT pg_advisory_unlock(%s, %s)", RUN_KEY, run_pk)


def at_work() -> set[int]:
    """Give the runs that some process is at; one that says `running` and is not among them has died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid::bigint = %s AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            [RUN_KEY],
        )
        return {int(run_pk) for (run_pk,) in cursor.fetchall()}


def is_busy() -> bool:
    """Tell whether some process holds the lock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND (classid::bigint << 32 | objid::bigint) = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [KEY],
        )
        return bool(cursor.fetchone()[0])


def _release(sql: str, *keys: int) -> None:
    """Release a lock, unless it went with the session."""
    if connection.connection is not None and not connection.connection.closed:
        _query(sql, *keys)


def _query(sql: str, *keys: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, keys)
        return bool(cursor.fetchone()[0])
