"""One sender per campaign, by an advisory lock: a dead one never blocks the next."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

CLASS = 0x77656C63  # "welc"


@contextmanager
def sender_lock(campaign_id: int) -> Iterator[bool]:
    """Hold the campaign for this database session; yield False if another session has it.

    It keeps the pace, and tells that a mail in state `sending` was left by a sender that died. That nobody is
    mailed twice does not depend on it. PostgreSQL frees it with the session, so no lease has to run out.
    """
    held = _query("SELECT pg_try_advisory_lock(%s, %s)", campaign_id)
    try:
        yield held
    finally:
        if held and connection.connection is not None and not connection.connection.closed:
            _query("SELECT pg_advisory_unlock(%s, %s)", campaign_id)


def is_being_sent(campaign_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND classid = %s AND objid = %s AND objsubid = 2"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
            [CLASS, campaign_id],
        )
        return bool(cursor.fetchone()[0])


def _query(sql: str, campaign_id: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, [CLASS, campaign_id])
        return bool(cursor.fetchone()[0])
