"""SteVe's clock, as a charge point knows it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SteveClock:
    """Goes on from a time that SteVe told; no change of our own clock moves it.

    A charge point has no clock of its own to trust: SteVe leaves a session running whose stop is more than
    five minutes ahead of SteVe's clock.
    """

    def __init__(
        self,
        told: datetime,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told, self._monotonic = told, monotonic
        self._heard_s = monotonic()
        self.ours_ahead: timedelta = now() - told

    def now(self) -> datetime:
        """Return SteVe's time in milliseconds, so that it can be compared with what SteVe keeps of it."""
        now = self._told + timedelta(seconds=self._monotonic() - self._heard_s)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def instant(text: str) -> datetime:
    """Read OCPP's time, without a time zone as UTC; raise ValueError where it is none."""
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
