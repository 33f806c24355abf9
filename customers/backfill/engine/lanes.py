"""How many calls may be under way at once, which may change while they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


class Lanes:
    """Lets as many threads work at once as are wanted now; the others wait, and go in by their tickets.

    Whoever hands out work draws a ticket for each piece, in order. A pool takes pieces up in that order
    too, so the ticket whose turn it is belongs to a thread that is there, or will be next.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._taken = self._drawn = self._next = 0
        self._gates: dict[int, Lock] = {}  # of those who wait, by ticket
        self._lock = Lock()

    def draw(self) -> int:
        """Return the next ticket; only the thread that hands out work draws."""
        self._drawn += 1
        return self._drawn - 1

    @contextmanager
    def one(self, ticket: int) -> Iterator[None]:
        """Have a lane for as long as this lasts."""
        gate = Lock()
        gate.acquire()
        with self._lock:
            self._gates[ticket] = gate
            self._admit()
        gate.acquire()  # until it is let in
        try:
            yield
        finally:
            with self._lock:
                self._taken -= 1
                self._admit()

    def change(self, wanted: int) -> None:
        """Want more or fewer from now on; what is under way ends by itself."""
        with self._lock:
            self.wanted = wanted
            self._admit()

    def _admit(self) -> None:
        while self._taken < self.wanted and self._next in self._gates:
            self._gates.pop(self._next).release()
            self._taken += 1
            self._next += 1
