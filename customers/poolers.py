"""Whether a pooler such as PgBouncer is between us and PostgreSQL, and hands our session around.

By session, a connection is as good as one of PostgreSQL itself. By transaction, what is kept in a session is
lost, or is somebody else's: an advisory lock, a cursor; by statement there is no transaction either. A pooler
does not say which of them it does.
"""

from contextlib import closing
from select import select

import psycopg
from django.db import connection
from psycopg.pq import DiagnosticField, ExecStatus

PATIENCE_S = 3.0  # a pooler by session whose sessions are all taken would have another connection wait
ASK = b"BEGIN; SELECT pg_backend_pid()"
BY_STATEMENT = 0  # in the place of a number: no transaction may begin


def is_handed_around() -> bool:
    """Return whether another connection is given our session while no transaction of ours is open.

    Asks nothing further where the server greeted us with the number that the session really has: a pooler
    greets with one of its own. False where it cannot be told: who holds a lock looks again.
    """
    ours = _backend()
    if ours == connection.connection.info.backend_pid:
        return False
    try:
        with closing(psycopg.connect(**{**connection.get_connection_params(), "autocommit": True})) as other:
            theirs = _backend_of(other)
            return theirs is not None and (theirs in (ours, BY_STATEMENT) or _backend() != ours)
    except psycopg.OperationalError:
        return False


def _backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _backend_of(other: "psycopg.Connection[object]") -> int | None:
    """Begin a transaction over there and keep it open, so that we cannot be given its session meanwhile."""
    other.pgconn.send_query(ASK)
    if not select([other.pgconn.socket], [], [], PATIENCE_S)[0]:
        return None
    begun = other.pgconn.get_result()
    if begun is None or begun.status != ExecStatus.COMMAND_OK:
        is_refused = begun is not None and begun.error_field(DiagnosticField.SQLSTATE)  # and not just lost
        return BY_STATEMENT if is_refused else None
    answer = other.pgconn.get_result()
    value = answer.get_value(0, 0) if answer is not None and answer.ntuples else None
    return int(value) if value else None
