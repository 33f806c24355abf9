"""One worker per job, by an advisory lock: a dead one never blocks the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

CLASS = 0x6A6F6273  # "jobs"


@contextmanager
def job_lock(job_pk: int) -> Iterator[bool]:
    """Hold a job for this database session; yield False if another session has it."""
    held = _query("SELECT pg_try_advisory_lock(%s, %s)", job_pk)
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            _query("SELECT pg_advisory_unlock(%s, %s)", job_pk)


def _query(sql: str, job_pk: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [CLASS, job_pk])
        return bool(cursor.fetchone()[0])
