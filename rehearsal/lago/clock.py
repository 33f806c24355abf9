"""The sandbox's own time: real, shifted or standing still."""

from datetime import UTC, datetime, timedelta


class Clock:
    def __init__(self) -> None:
        self._shift = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._shift

    def set(self, at: datetime, *, frozen: bool) -> None:
        """Continue from `at`, or stand still there."""
        self._frozen = at if frozen else None
        self._shift = at - datetime.now(UTC)

    def advance(self, by: timedelta) -> None:
        self.set(self.now() + by, frozen=self._frozen is not None)


def seconds(at: datetime | None) -> str | None:
    """Write an instant as Lago writes most of them."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
