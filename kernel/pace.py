"""How fast we may call Lago."""

import time
from collections.abc import Callable
from threading import Lock


class RateLimiter:
    """Spaces the calls of all threads evenly; after a silence, at most `burst` calls go at once.

    Not `requests-ratelimiter`: measured with 8 threads at 25/s it either lets a second's calls go at once and
    overshoots (33/s) or, with a small window, loses a tenth of the rate; and it leaves a thread behind.
    A slot is reserved under the lock and slept for outside of it, so waiting costs nothing.
    """

    def __init__(
        self,
        rate_per_s: float,
        *,
        burst: int,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 1 / rate_per_s if rate_per_s else 0.0
        self._allowance = self._interval * (burst - 1)
        self._sleep = sleep
        self._clock = clock
        self._lock = Lock()
        self._next = clock() - self._allowance
        self._paused_until = clock()

    def wait(self) -> None:
        """Sleep until the caller's turn."""
        with self._lock:
            now = self._clock()
            self._next = max(self._next, now - self._allowance, self._paused_until)
            delay = self._next - now
            self._next += self._interval
        if delay > 0:
            self._sleep(delay)

    def pause(self, seconds: float) -> None:
        """Let nobody start for so long: Lago said that its quota is spent."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)
