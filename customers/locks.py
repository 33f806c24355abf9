"""All advisory locks of PostgreSQL that we take, and the only place that knows how.

A lock belongs to a database session, so a dead process never blocks the next, and no lease has to run out.
Locks are per database. A pooler that gives each transaction another session would leave a lock in one that is
not ours any more, or let two of us hold the same one; so taking one makes sure that the session is ours.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

from django.db import connection, transaction

from customers.poolers import is_handed_around

HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
GRANTED = f"FROM pg_locks WHERE locktype = 'advisory' AND granted AND {HERE}"
KEY = "(classid::bigint << 32 | objid::bigint) = %s AND objsubid = 1"
KEYS = "classid::bigint = %s AND objid::bigint = %s AND objsubid = 2"
END_TRIES, END_PAUSE_S = 20, 0.1  # for a session that is at somebody else's transaction


class SharedSession(Exception):
    """The database session is not ours alone, so no lock can be held in it; nothing of ours is left in it."""

    hint = "Have it pool by session (PgBouncer: pool_mode = session), or name PostgreSQL itself."

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL leads through a pooler that gives each transaction another session, and in one that"
            " is not ours nobody can be the only one at work."
        )


@dataclass(frozen=True, slots=True)
class _Sql:
    """How one kind of lock is written: with one number of 64 bits, or with two of 32."""

    take: str
    give_back: str
    named: str


_ONE = _Sql("pg_try_advisory_lock(%s)", "pg_advisory_unlock(%s)", KEY)
_ONE_SHARED = _Sql("pg_try_advisory_lock_shared(%s)", "pg_advisory_unlock_shared(%s)", KEY)
_TWO = _Sql("pg_try_advisory_lock(%s, %s)", "pg_advisory_unlock(%s, %s)", KEYS)


class _Mine(threading.local):
    """The session in which this thread holds each lock, for a connection is a thread's own."""

    def __init__(self) -> None:
        self.sessions: dict[tuple[int, ...], int] = {}


_mine = _Mine()


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock, by its key in 64 bits."""

    key: int

    @contextmanager
    def held(self, *, shared: bool = False) -> Iterator[bool]:
        """Hold it for as long as this lasts; yield False, without waiting, if another session has it.

        `shared`: beside others who hold it so. Raises SharedSession, with nothing held.
        """
        with _held(_ONE_SHARED if shared else _ONE, self.key) as mine:
            yield mine

    def is_still_ours(self) -> bool:
        """Return whether this transaction is in the session that holds it for this thread.

        Nothing can be lost of what this thread does not hold.
        """
        session = _mine.sessions.get((self.key,))
        return session is None or _session(_ONE, self.key) == (session, True)

    def wait(self) -> None:
        """Wait for it, and hold it until this transaction ends."""
        _ask("SELECT pg_advisory_xact_lock(%s) IS NULL", self.key)

    def is_held(self) -> bool:
        """Return whether some session has it."""
        return _ask(f"SELECT EXISTS (SELECT 1 {GRANTED} AND {KEY})", self.key)


@dataclass(frozen=True, slots=True)
class LockOfEach:
    """A lock for each number: a run, a job, a campaign."""

    key: int

    @contextmanager
    def held(self, number: int) -> Iterator[bool]:
        """Hold one for as long as this lasts; yield False, without waiting, if another session has it.

        Raises SharedSession, with nothing held.
        """
        with _held(_TWO, self.key, number) as mine:
            yield mine

    def wait(self, number: int) -> None:
        """Wait for one, and hold it until this transaction ends."""
        _ask("SELECT pg_advisory_xact_lock(%s, %s) IS NULL", self.key, number)

    def numbers_held(self, also: LiteralString = "") -> set[int]:
        """Return the numbers of those that some session has; `also` is a query for more, asked with it."""
        with connection.cursor() as cursor:
            of_this = "classid::bigint = %s AND objsubid = 2"
            more = f" UNION {also}" if also else ""
            cursor.execute(f"SELECT objid::bigint {GRANTED} AND {of_this}{more}", [self.key])
            return {int(number) for (number,) in cursor.fetchall()}

    def is_held(self, number: int) -> bool:
        return number in self.numbers_held()


ONE_AT_A_TIME = Lock(0x706F6C61726973)  # "polaris": one import or revert
RUN = LockOfEach(0x706F6C61)  # "pola": which run it is at; nobody waits for it
STAYS = LockOfEach(0x77616974)  # "wait": who waits with a paused run for it to be resumed
JOB = LockOfEach(0x6A6F6273)  # "jobs": one worker per job
SENDER = LockOfEach(0x77656C63)  # "welc": one sender per campaign
START_OF_CAMPAIGN = Lock(0x77656C636F6D65)  # "welcome": two runs can share customers
TELLER = Lock(0x74656C6C)  # "tell": one at a time delivers notices, so a slow receiver holds up one worker
SCHEDULE = Lock(0x7377656570)  # "sweep": one row for the sweep
TRIES = LockOfEach(0x74687274)  # "thrt": two tries of a bucket follow each other


@contextmanager
def _held(sql: _Sql, *keys: int) -> Iterator[bool]:
    """Hold a lock; what this thread holds already, it holds once more."""
    outer = _mine.sessions.get(keys)
    session = _take(sql, keys, outer)
    if session is None:
        yield False
        return
    _mine.sessions[keys] = session
    try:
        yield True
    finally:
        if outer is None:
            del _mine.sessions[keys]
        _give_back(sql, keys, session)


def _take(sql: _Sql, keys: tuple[int, ...], outer: int | None) -> int | None:
    """Return the session in which the lock is held from now on, None if somebody else has it.

    One transaction is in one session, so what is seen of it holds for what is taken in it. Somebody else's
    lock in the session that we are given would be given to us, too.
    """
    if outer is None and not connection.in_atomic_block and is_handed_around():
        raise SharedSession
    with transaction.atomic(savepoint=False):
        session, holds = _session(sql, *keys)
        is_ours = (outer == session) if holds else outer is None
        mine = is_ours and _ask(f"SELECT {sql.take}", *keys)
    if not is_ours:
        raise SharedSession
    return session if mine else None


def _session(sql: _Sql, *keys: int) -> tuple[int, bool]:
    """Return which session this transaction is in, and whether that holds the lock."""
    with connection.cursor() as cursor:
        held = f"EXISTS (SELECT 1 {GRANTED} AND pid = pg_backend_pid() AND {sql.named})"
        cursor.execute(f"SELECT pg_backend_pid(), {held}", keys)
        session, holds = cursor.fetchone()
        return int(session), bool(holds)


def _give_back(sql: _Sql, keys: tuple[int, ...], session: int) -> None:
    """Release a lock, unless it went with the session; end a session that is not ours any more.

    Left behind in a session that a pooler keeps, it would block everybody. The pooler makes a new one.
    """
    holder = f"SELECT 1 {GRANTED} AND pid = other.pid AND {sql.named}"
    end = "SELECT CASE WHEN state = 'idle' THEN pg_terminate_backend(pid) ELSE false END"
    there = f"{end} FROM pg_stat_activity other WHERE pid = %s AND EXISTS ({holder})"
    ask = f"SELECT CASE WHEN pg_backend_pid() = %s THEN {sql.give_back} ELSE COALESCE(({there}), true) END"
    for _ in range(END_TRIES):
        if connection.connection is None or connection.connection.closed:
            return
        if _ask(ask, session, *keys, session, *keys):
            return
        time.sleep(END_PAUSE_S)


def _ask(sql: str, *keys: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, keys)
        return bool(cursor.fetchone()[0])
