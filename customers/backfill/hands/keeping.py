"""The thread that keeps a worker's shares: it renews their leases, and draws slots for whoever calls.

It has a database connection of its own, so that a lease is renewed while all else waits for Lago.
"""

import logging
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, connection

from customers.backfill.engine.stop import Stop, now_s
from customers.backfill.hands.pace import SharedPace
from customers.backfill.ledger import shares
from customers.database import trouble_of

logger = logging.getLogger(__name__)

RENEWALS = 4  # per lease: three may fail before it is over
MARGIN = 0.8  # of a lease, after which no call is begun: the database's clock may go faster than ours
JOIN_S = 10.0


class Keeper:
    def __init__(self, token: UUID, pace: SharedPace, stop: Stop) -> None:
        self.token = token
        self._pace, self._stop = pace, stop
        self._held: set[int] = set()
        self._lock = Lock()
        self._ends = Event()
        self._thread = Thread(target=self._work, name="share-keeper", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ends.set()
        self._pace.close()
        self._thread.join(JOIN_S)
        self._stop.holds_until = None

    def hold(self, share_pk: int, claimed_at_s: float) -> None:
        """Keep a share from now on, which was claimed at that moment by `now_s`, or after it."""
        with self._lock:
            self._held.add(share_pk)
            if self._stop.holds_until is None:
                self._stop.holds_until = claimed_at_s + MARGIN * settings.BACKFILL_LEASE_S

    def let_go(self, share_pk: int) -> None:
        with self._lock:
            self._held.discard(share_pk)

    def _work(self) -> None:
        every_s = settings.BACKFILL_LEASE_S / RENEWALS
        due = now_s() + every_s
        try:
            while not self._ends.is_set():
                try:
                    self._pace.serve(max(due - now_s(), 0.0))
                    if now_s() >= due:
                        self._renew()
                        due = now_s() + every_s
                except DatabaseError as error:
                    self._is_cut_off(error)
                    self._ends.wait(1.0)
        finally:
            self._pace.close()
            connection.close()

    def _renew(self) -> None:
        begun = now_s()
        with self._lock:
            held = set(self._held)
        ours = shares.renew(self.token)
        with self._lock:  # of what was held by then; meanwhile a share may have been claimed, or ended
            if (held & self._held) - ours:
                self._stop.holds_until = 0.0  # one was taken: nothing of any of them is called any more
            else:
                self._stop.holds_until = begun + MARGIN * settings.BACKFILL_LEASE_S

    def _is_cut_off(self, error: DatabaseError) -> None:
        """Go on trying until the lease is over: a database that was started anew knows our token still."""
        logger.warning("A lease was not renewed: %s", trouble_of(error) or type(error).__name__)
        connection.close()
