"""Keep a small pool of threads busy with remote calls while one thread does all database work.

A batch is opened (one transaction), its items are worked on in threads, and it is settled (one
transaction), always in order. The next batches are opened before the oldest is settled, so the pool does
not run dry at the end of each batch.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import ceil
from threading import Event
from typing import Generic, TypeVar

Row = TypeVar("Row")
Opened = TypeVar("Opened")
Result = TypeVar("Result")


class Stop:
    """A request to end early, and why. Calls in flight are finished; nothing new is begun."""

    def __init__(self) -> None:
        self._event = Event()
        self.reason = ""
        self.interrupted = False
        self.broken = False
        self.to_be_continued = False

    def request(
        self, reason: str, *, interrupted: bool = False, broken: bool = False, to_be_continued: bool = False
    ) -> None:
        """Ask to stop; the first reason stays. Safe in a signal handler and in any thread.

        `interrupted`: a person asked. `broken`: what was asked for fails again and again. `to_be_continued`:
        nothing is wrong; another process goes on where this one stops.
        """
        if not self._event.is_set():
            self.reason, self.interrupted, self.broken = reason, interrupted, broken
            self.to_be_continued = to_be_continued
            self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a request to stop: back-off must not hold up an operator."""
        self._event.wait(seconds)


class Pipeline(Generic[Row, Opened, Result]):
    def __init__(
        self,
        *,
        open_batch: Callable[[Sequence[Row]], Sequence[Opened]],
        work: Callable[[Opened], Result],
        settle_batch: Callable[[Sequence[tuple[Opened, Result | None]]], None],
        concurrency: int,
        stop: Stop,
    ) -> None:
        """Take the three parts of a batch's life.

        `open_batch` and `settle_batch` run in the calling thread, `work` in the pool: it must return plain
        values and touch no ORM. The result is None for items that a request to stop left untouched.
        """
        self._open, self._work, self._settle = open_batch, work, settle_batch
        self._concurrency = concurrency
        self._stop = stop
        self._waiting: deque[list[tuple[Opened, Future[Result | None]]]] = deque()

    def run(self, batches: Iterable[Sequence[Row]], batch_size: int) -> None:
        depth = ceil(self._concurrency / batch_size) + 1
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="remote")
        try:
            for batch in batches:
                if self._stop.requested:
                    break
                self._waiting.append(
                    [(item, pool.submit(self._unless_stopped, item)) for item in self._open(batch)]
                )
                while len(self._waiting) > depth:
                    self._settle_oldest()
            while self._waiting:
                self._settle_oldest()
        finally:
            # After an error in the database nothing can be recorded; what is under way ends by itself.
            pool.shutdown(wait=True, cancel_futures=True)

    def _unless_stopped(self, item: Opened) -> Result | None:
        return None if self._stop.requested else self._work(item)

    def _settle_oldest(self) -> None:
        self._settle([(item, future.result()) for item, future in self._waiting.popleft()])
