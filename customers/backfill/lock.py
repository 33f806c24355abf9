"""One import or revert at a time, by an advisory lock: a dead process never blocks the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from customers.backfill.options import Refused


class Busy(Refused):
    """Somebody else is at it; later it may go."""


KEY = 0x706F6C61726973  # "polaris"; advisory locks are per database


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the lock for as long as the process works; raise Busy at once if another one does.

    It belongs to this database session. If the session is lost, so is the lock, but then every further
    write of this process fails too, because it goes over the same session.
    """
    if not _query("SELECT pg_try_advisory_lock(%s)"):
        raise Busy(
            "Another import or revert is running.",
            "Wait for it, or see it with: python manage.py backfill_runs",
        )
    try:
        yield
    finally:
        if connection.connection is not None and not connection.connection.closed:
            _query("SELECT pg_advisory_unlock(%s)")


def is_busy() -> bool:
    """Tell whether some process holds the lock; a run that says `running` without it has died."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND (classid::bigint << 32 | objid::bigint) = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [KEY],
        )
        return bool(cursor.fetchone()[0])


def _query(sql: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [KEY])
        return bool(cursor.fetchone()[0])
