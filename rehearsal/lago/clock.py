"""The sandbox's own time: real, shifted or standing still."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

KEPT = 4_096  # instants and periods as they were told before: the rows of a list have many in common


class Clock:
    """`is_set`: it is another time here than outside."""

    def __init__(self) -> None:
        self._shift = timedelta()
        self._frozen: datetime | None = None
        self.is_set = False

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._shift

    def set(self, at: datetime, *, frozen: bool) -> None:
        """Continue from `at`, or stand still there."""
        self._frozen = at if frozen else None
        self._shift = at - datetime.now(UTC)
        self.is_set = True

    def go_right(self) -> None:
        """Show the time outside again."""
        self._frozen, self._shift, self.is_set = None, timedelta(), False

    def advance(self, by: timedelta) -> None:
        if by:
            self.set(self.now() + by, frozen=self._frozen is not None)


@lru_cache(KEPT)
def seconds(at: datetime | None) -> str | None:
    """Write an instant as Lago writes most of them."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(at: datetime) -> str:
    """Write an instant as the proxy before a Lago does, in `Date`."""
    return format_datetime(at.astimezone(UTC), usegmt=True)


def quiet(now: datetime) -> datetime:
    """Return this time of the next day, today or later, that does not begin a month.

    On the first of a month Lago bills within the hour whoever is imported with an earlier start. A rehearsal
    that is not about this should not depend on the day on which it is held.
    """
    return now + timedelta(days=1) if now.day == 1 else now


def quiet_zone(now: datetime) -> str:
    """Return a zone in which it is not the first of a month: UTC, or one at the edge of the world.

    For a rehearsal that looks at clocks too. The two zones differ by 26 hours, so one of them is past the day
    or has not reached it.
    """
    zones = ("UTC", "Pacific/Kiritimati", "Etc/GMT+12")
    return next(zone for zone in zones if now.astimezone(ZoneInfo(zone)).day != 1)


@lru_cache(KEPT)
def milliseconds(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
