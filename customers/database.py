"""What keeps the database from doing its work, told by SQLSTATE: in our own words, with what to do.

What it says itself may hold a password or a whole row, in whatever language it speaks.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from customers import logging_in

WAIT = "Wait until it is there again."
LOST = ("PostgreSQL no longer answers.", "")
NO_ROOM = ("The disk of PostgreSQL is full.", "Make room there.")
CUT_OFF = ("PostgreSQL no longer answers. It was stopped, or somebody ended this session.", WAIT)
TOO_MANY = (
    "PostgreSQL takes no more connections.",
    "Raise max_connections there, or end what holds so many: other programs, or workers and threads of ours.",
)
IN_THE_WAY = (
    "PostgreSQL gave up over what somebody else holds in the database.",
    "Try again when that is over.",
)
READ_ONLY = (
    "The database takes no writes: it is a standby, or was set read-only.",
    "Name the one that takes them in DATABASE_URL, or have it take them again.",
)
MIGRATE = "run `manage.py migrate` first."

# By SQLSTATE, or by its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
TROUBLES: dict[str, tuple[str, str]] = {
    "": LOST,
    "08": LOST,
    "25006": READ_ONLY,
    "25P03": (
        "PostgreSQL ended a transaction that was idle for too long.",
        "Raise its time limit for those.",
    ),
    "34000": ("A list that is read in pieces was lost.", "Is there a pooler? It has to pool by session."),
    "40001": IN_THE_WAY,
    "40P01": IN_THE_WAY,
    "42501": (
        "The role of DATABASE_URL lacks a right in the database.",
        "Make it the owner of the tables, or grant it all rights on them and on their sequences.",
    ),
    "42703": ("The tables of the database are those of another version:", MIGRATE),
    "42P01": ("The database has no such table yet:", MIGRATE),
    "53": ("PostgreSQL lacks room or memory.", "Its log says which."),
    "53100": NO_ROOM,
    "53200": ("PostgreSQL has no memory left.", "Give it more, or let it do less at once."),
    "53300": TOO_MANY,
    "55P03": IN_THE_WAY,
    "57014": (
        "PostgreSQL ended a statement that took too long.",
        "Raise its statement_timeout for this role.",
    ),
    "57P01": CUT_OFF,
    "57P02": CUT_OFF,
    "57P03": ("PostgreSQL is being started or stopped.", WAIT),
    "57P05": CUT_OFF,
    "58": ("PostgreSQL has trouble with its disk.", "Its log says which."),
    "XX001": ("PostgreSQL found damaged data.", "Its log says where. Restore a backup before you go on."),
    "XX002": ("PostgreSQL found a damaged index.", "Its log says which: rebuild it there."),
}

# Why it lets nobody in. The first words of each follow "no connection to database … at …:".
NOT_LET_IN = {
    "08P01": "what is there does not understand the options of DATABASE_URL, as poolers do not",
    "28": "it refuses the user or the password",
    "28000": "it refuses the user, or a login from here (pg_hba.conf)",
    "3D000": "it knows no such database",
    "53300": "it takes no more connections. Raise max_connections there, or end what holds so many",
    "57P03": "it is being started or stopped. Wait until it is there again",
}
# What never came so far that PostgreSQL could say anything: these are the words of the driver.
NEVER_ARRIVED = {
    "refused": "nothing answers there",
    "No such file": "nothing answers there",
    "timeout": "nothing answers there",
    "resolve": "there is no such host",
    "no password supplied": "it wants a password",
    "SSL": "the two disagree about SSL",
}
NEVER_CONNECTED = ("connection failed", "connection is bad", "connection timeout", "failed to resolve")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line for people. `at_login`: there is no connection, or none any more."""

    what: str
    remedy: str
    at_login: bool = False

    @property
    def is_unmade(self) -> bool:
        """Return whether its tables are not those of this version."""
        return self.remedy == MIGRATE

    def __str__(self) -> str:
        return f"{self.what} {self.remedy}".strip()


def trouble_of(error: DatabaseError) -> Trouble | None:
    """Say why the database does not do what is asked; None if the fault is ours."""
    cause = error.__cause__
    if getattr(cause, "pgconn", None) is not None or str(cause).startswith(NEVER_CONNECTED):
        return Trouble(
            f"DATABASE_URL: no connection to {_place()}: {_why_not(str(cause))}.", "", at_login=True
        )
    state = getattr(cause, "sqlstate", None) or ("" if _is_lost(error) else "00000")
    found = TROUBLES.get(state) or (TROUBLES.get(state[:2]) if state else None)
    return Trouble(*found) if found else None


def database_refusal(error: DatabaseError) -> str | None:
    """Say in a line why the database cannot be used; None if something else is wrong."""
    trouble = trouble_of(error)
    return str(trouble) if trouble else None


def migrations_to_apply() -> int:
    """Count what `migrate` would do."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def takes_writes() -> bool:
    """Return whether it is no standby, and was not set read-only."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_read_only")
        return bool(cursor.fetchone() == ("off",))


def database_time() -> datetime:
    """Return the time by the database's clock, which all of our processes have in common."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def place() -> str:
    """Say where the database is; never with a password. A socket's folder may hold those of several."""
    config = connection.settings_dict
    host = config["HOST"] or config.get("OPTIONS", {}).get("host") or "localhost"
    return f"{host}:{config['PORT'] or config.get('OPTIONS', {}).get('port') or 5432}"


def _place() -> str:
    return f"database {connection.settings_dict['NAME']!r} at {place()}"


def _why_not(words: str) -> str:
    state = logging_in.refusal_of(connection.get_connection_params())
    known = NOT_LET_IN.get(state) or NOT_LET_IN.get(state[:2]) if state else None
    arrived = next((why for found, why in NEVER_ARRIVED.items() if found in words), "it cannot be reached")
    return known or arrived


def _is_lost(error: DatabaseError) -> bool:
    """Return whether the connection broke: the driver knows of no SQLSTATE then, as nobody sent one."""
    return isinstance(error, OperationalError | InterfaceError) or isinstance(
        error.__cause__, psycopg.OperationalError | psycopg.InterfaceError
    )
