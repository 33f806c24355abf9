"""The pace of a run in shares: slots for calls, drawn by every worker from one row of the database.

Threads that call touch no database, so they ask, and the thread that keeps the share draws for them: for all
who wait at that moment, in one statement, and by the database's clock. A drawn slot is slept for here.
"""

import time
from threading import Condition, Event

from django.db import DatabaseError, connection

from customers.backfill.engine.stop import Stop
from kernel import RemoteError

# What a slot takes of the time that the rate gives it: calls of several machines do not arrive as evenly as
# they leave, and none of that may be more than the rate in a few seconds.
SPACE = 1.02

# Takes slots of so many seconds at one a second; gives how far away the first is, in seconds, and the rate.
DRAW = """
    UPDATE customers_callslots SET next_at =
        greatest(next_at, held_until, clock_timestamp())
        + CASE WHEN rate > 0 THEN make_interval(secs => %(seconds)s / rate) ELSE interval '0' END
    WHERE run_id = %(run)s
    RETURNING rate, extract(epoch FROM
        next_at - CASE WHEN rate > 0 THEN make_interval(secs => %(seconds)s / rate) ELSE interval '0' END
        - clock_timestamp())
"""
HOLD = """
    UPDATE customers_callslots
    SET held_until = greatest(held_until, clock_timestamp() + make_interval(secs => %s))
    WHERE run_id = %s
"""
CHANGE = """
    UPDATE customers_callslots SET rate = %(rate)s, next_at = clock_timestamp()
    WHERE run_id = %(run)s AND rate <> %(rate)s
"""
LAPSED = "The call was not made: the lease of its share was over."
GIVE_UP_LOOK_S = 0.5
UNLIMITED_LOOK_S = 0.5  # how often whoever has no limit looks whether Lago has asked for a pause


class _Ask:
    """Somebody who waits for a slot; `due` is when it begins, by this process's clock."""

    __slots__ = ("due", "granted")

    def __init__(self) -> None:
        self.granted = Event()
        self.due = 0.0


class SharedPace:
    """A limiter that draws from the run's slots. `serve` is called by the one thread with a database."""

    def __init__(self, run_pk: int, stop: Stop) -> None:
        self._run_pk = run_pk
        self._stop = stop
        self._changed = Condition()
        self._asks: list[_Ask] = []
        self._pause_s = 0.0
        self._rate: float | None = None
        self._changes = 0
        self._free_until = 0.0  # without a limit: until then nobody needs to ask
        self._is_over = False

    # --- in any thread -------------------------------------------------------------------------------

    def wait(self) -> None:
        """Sleep until the caller's turn; raise RemoteError where its share may be another one's by then."""
        self._wait()
        if self._stop.has_lapsed:
            raise RemoteError("lago_unreachable", LAPSED)  # of a row that nobody writes down here

    def _wait(self) -> None:
        while not self._stop.has_lapsed:
            with self._changed:
                if self._is_over or time.monotonic() < self._free_until:
                    return
                ask, changes = _Ask(), self._changes
                self._asks.append(ask)
                self._changed.notify_all()
            while not ask.granted.wait(GIVE_UP_LOOK_S):
                if self._stop.requested:
                    return  # the database is away, and nobody may wait for it in vain
            delay = ask.due - time.monotonic()
            if delay > 0:
                self._stop.sleep(delay)
            if delay <= 0 or changes == self._changes:
                return

    def pause(self, seconds: float) -> None:
        with self._changed:
            self._pause_s = max(self._pause_s, seconds)
            self._free_until = 0.0
            self._changed.notify_all()

    def change(self, rate_per_s: float) -> None:
        with self._changed:
            self._rate = rate_per_s
            self._changes += 1
            self._free_until = 0.0
            self._changed.notify_all()

    # --- in the thread that keeps the share ----------------------------------------------------------

    def serve(self, within_s: float) -> None:
        """Do what is asked for within that time: returns as soon as something was."""
        with self._changed:
            if not self._is_asked and not self._is_over:
                self._changed.wait(within_s)
            pause_s, self._pause_s = self._pause_s, 0.0
            rate, self._rate = self._rate, None
            asks, self._asks = self._asks, []
        try:
            if pause_s:
                self._execute(HOLD, [pause_s, self._run_pk])
            if rate is not None:
                self._execute(CHANGE, {"rate": rate, "run": self._run_pk})
            if asks:
                self._grant(asks)
        except DatabaseError:
            with self._changed:  # they wait for the next try
                self._asks = [*asks, *self._asks]
                self._pause_s = max(self._pause_s, pause_s)
                self._rate = rate if self._rate is None else self._rate
            raise

    def close(self) -> None:
        """Let everybody go on: nobody draws any more."""
        with self._changed:
            self._is_over = True
            asks, self._asks = self._asks, []
            self._changed.notify_all()
        for ask in asks:
            ask.granted.set()

    @property
    def _is_asked(self) -> bool:
        return bool(self._asks or self._pause_s or self._rate is not None)

    def _grant(self, asks: list[_Ask]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(DRAW, {"seconds": SPACE * len(asks), "run": self._run_pk})
            found = cursor.fetchone()
        rate, delay_s = (float(found[0]), float(found[1])) if found else (0.0, 0.0)
        now = time.monotonic()  # after the answer: rather late than early
        if not rate and delay_s <= 0:
            self._free_until = now + UNLIMITED_LOOK_S
        for number, ask in enumerate(asks):
            ask.due = now + delay_s + (SPACE * number / rate if rate else 0.0)
            ask.granted.set()

    @staticmethod
    def _execute(sql: str, values: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql, values)  # type: ignore[arg-type]
