"""A request to end early."""

import time
from enum import IntEnum
from threading import Condition

# Goes on while a process, or its whole machine, is stopped.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_s() -> float:
    return time.clock_gettime(CLOCK)


class Weight(IntEnum):
    """What a request is worth: a weightier one takes the place of another, else the first stays."""

    NONE = 0
    SLICE = 1  # nothing is wrong; another process goes on where this one stops
    PAUSE = 2
    END = 3


class Stop:
    """A request to end early, and why. Calls in flight are finished; nothing new is begun."""

    def __init__(self) -> None:
        # Of an RLock: a signal handler may come while its own thread is in here.
        self._changed = Condition()
        self._weight = Weight.NONE
        self.reason = ""
        self.interrupted = False
        self.broken = False
        self._has_lapsed = False
        self.holds_until: float | None = None  # by `now_s`, where what is worked at was lent for a time

    def request(
        self,
        reason: str,
        *,
        interrupted: bool = False,
        broken: bool = False,
        to_be_continued: bool = False,
        paused: bool = False,
    ) -> None:
        """Ask to stop. Safe in a signal handler and in any thread.

        `interrupted`: a person asked. `broken`: what was asked for fails again and again. `to_be_continued`:
        nothing is wrong; another process goes on where this one stops. `paused`: until somebody resumes it.
        """
        weight = Weight.SLICE if to_be_continued else Weight.PAUSE if paused else Weight.END
        with self._changed:
            if weight > self._weight:
                self._weight = weight
                self.reason, self.interrupted, self.broken = reason, interrupted, broken
            self._changed.notify_all()

    @property
    def requested(self) -> bool:
        return self._weight > Weight.NONE or self.has_lapsed

    @property
    def has_lapsed(self) -> bool:
        """Return whether what is worked at may be somebody else's by now: then nothing more is called."""
        if self.holds_until is not None and now_s() > self.holds_until:
            self._has_lapsed = True  # for good: whoever saw it has acted by it
        return self._has_lapsed

    @property
    def to_be_continued(self) -> bool:
        return self._weight is Weight.SLICE

    @property
    def paused(self) -> bool:
        return self._weight is Weight.PAUSE

    def forget_pause(self) -> None:
        """Let what was paused go on; a request to end that came meanwhile stays."""
        with self._changed:
            if self.paused:
                self._weight, self.reason = Weight.NONE, ""

    def sleep(self, seconds: float) -> None:
        """Wait, but not past a request to stop: back-off must not hold up an operator."""
        with self._changed:
            if not self.requested:
                self._changed.wait(seconds)

    def wake(self) -> None:
        """End every sleep: what was slept for may have changed."""
        with self._changed:
            self._changed.notify_all()
