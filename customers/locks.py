"""All advisory locks of PostgreSQL that we take, and the only place that knows how.

A lock belongs to a database session, so a dead process never blocks the next, and no lease has to run out.
Locks are per database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import connection

HERE = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
GRANTED = f"FROM pg_locks WHERE locktype = 'advisory' AND granted AND {HERE}"


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock, by its key in 64 bits."""

    key: int

    @contextmanager
    def held(self) -> Iterator[bool]:
        """Hold it for as long as this lasts; yield False, without waiting, if another session has it."""
        mine = _ask("SELECT pg_try_advisory_lock(%s)", self.key)
        try:
            yield mine
        finally:
            if mine:
                _release("SELECT pg_advisory_unlock(%s)", self.key)

    def wait(self) -> None:
        """Wait for it, and hold it until this transaction ends."""
        _ask("SELECT pg_advisory_xact_lock(%s) IS NULL", self.key)

    def is_held(self) -> bool:
        """Return whether some session has it."""
        mine = "(classid::bigint << 32 | objid::bigint) = %s"
        return _ask(f"SELECT EXISTS (SELECT 1 {GRANTED} AND {mine})", self.key)


@dataclass(frozen=True, slots=True)
class LockOfEach:
    """A lock for each number: a run, a job, a campaign."""

    key: int

    @contextmanager
    def held(self, number: int) -> Iterator[bool]:
        """Hold one for as long as this lasts; yield False, without waiting, if another session has it."""
        mine = _ask("SELECT pg_try_advisory_lock(%s, %s)", self.key, number)
        try:
            yield mine
        finally:
            if mine:
                _release("SELECT pg_advisory_unlock(%s, %s)", self.key, number)

    def wait(self, number: int) -> None:
        """Wait for one, and hold it until this transaction ends."""
        _ask("SELECT pg_advisory_xact_lock(%s, %s) IS NULL", self.key, number)

    def numbers_held(self) -> set[int]:
        """Return the numbers of those that some session has."""
        with connection.cursor() as cursor:
            of_this = "classid::bigint = %s AND objsubid = 2"
            cursor.execute(f"SELECT objid::bigint {GRANTED} AND {of_this}", [self.key])
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


def _ask(sql: str, *keys: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(sql, keys)
        return bool(cursor.fetchone()[0])


def _release(sql: str, *keys: int) -> None:
    """Release a lock, unless it went with the session."""
    if connection.connection is not None and not connection.connection.closed:
        _ask(sql, *keys)
