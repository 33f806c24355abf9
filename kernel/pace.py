"""How fast we may call Lago."""

import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol

MOST_AT_ONCE = 64  # calls of one process to one system


class Limiter(Protocol):
    """Says when a call may begin; all of it in any thread."""

    def wait(self) -> None:
        """Sleep until the caller's turn."""

    def pause(self, seconds: float) -> None:
        """Let nobody start for so long."""

    def change(self, rate_per_s: float) -> None:
        """Let so many calls begin per second from now on; 0 means no limit."""


class RateLimiter:
    """Spaces the calls of all threads evenly; after a silence, at most `burst` calls go at once.

    Not `requests-ratelimiter`: measured with 8 threads at 25/s it either lets a second's calls go at once and
    overshoots (33/s) or, with a small window, loses a tenth of the rate; and it leaves a thread behind.
    A slot is reserved under the lock and slept for outside of it, so waiting costs nothing. When the rate is
    changed, the slots that are still slept for are void: whoever wakes takes one at the new rate.
    """

    def __init__(
        self,
        rate_per_s: float,
        *,
        burst: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst = burst
        self._sleep = sleep
        self._clock = clock
        self._lock = Lock()
        self._changes = 0
        self._space(rate_per_s)
        self._next = clock() - self._allowance
        self._paused_until = clock()

    def wait(self) -> None:
        """Sleep until the caller's turn; whoever sleeps otherwise than by the clock may come earlier."""
        while True:
            delay, rate = self._reserve()
            if delay > 0:
                self._sleep(delay)
            if delay <= 0 or rate == self._changes:
                return

    def _reserve(self) -> tuple[float, int]:
        """Take the next slot; return how far away it is, and of which rate it is."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now - self._allowance, self._paused_until)
            delay = self._next - now
            self._next += self._interval
            return delay, self._changes

    def change(self, rate_per_s: float) -> None:
        """Space the calls otherwise from now on. Who sleeps for a slot has to be woken to hear of it."""
        with self._lock:
            self._space(rate_per_s)
            self._next = self._clock()
            self._changes += 1

    def _space(self, rate_per_s: float) -> None:
        self._interval = 1 / rate_per_s if rate_per_s else 0.0
        self._allowance = self._interval * (self._burst - 1)

    def pause(self, seconds: float) -> None:
        """Let nobody start for so long: Lago said that its quota is spent."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)
