"""Threads that take up pieces of work in their order, as many at once as are wanted now."""

from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition, Thread

Piece = Callable[[], None]  # raises nothing


class Lanes:
    """Lets as many threads work at once as are wanted now, which may change while they do.

    Whoever ends a piece takes up the next one: to hand each over to a thread that sleeps took a fifth of all
    that is done for a call. Threads are made as they are needed.
    """

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._due: deque[Piece] = deque()
        self._busy = self._idle = 0
        self._is_closed = False
        self._threads: list[Thread] = []
        self._changed = Condition()

    def add(self, pieces: Iterable[Piece]) -> None:
        """Have pieces done after those that were added before."""
        with self._changed:
            self._due.extend(pieces)
            self._man()

    def change(self, wanted: int) -> None:
        """Want more or fewer from now on; what is under way ends by itself."""
        with self._changed:
            self.wanted = wanted
            self._man()

    def close(self) -> None:
        """Give up what nobody has begun, and wait for what is under way."""
        with self._changed:
            self._is_closed = True
            self._due.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _man(self) -> None:
        """See that there are threads for what is due: those that wait, and as many new ones as it takes."""
        some = min(len(self._due), self.wanted - self._busy)
        self._changed.notify(some)
        for _ in range(min(some - self._idle, self.wanted - len(self._threads))):
            thread = Thread(target=self._work, name=f"remote_{len(self._threads)}")
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        piece = self._next(ended=0)
        while piece:
            piece()
            piece = self._next(ended=1)

    def _next(self, *, ended: int) -> Piece | None:
        """Wait for a piece and a lane; None once it is closed."""
        with self._changed:
            self._busy -= ended
            self._idle += 1
            while not self._is_closed and not (self._due and self._busy < self.wanted):
                self._changed.wait()
            self._idle -= 1
            if self._is_closed:
                return None
            self._busy += 1
            return self._due.popleft()
