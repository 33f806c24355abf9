"""A request to end early."""

from threading import Event


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
