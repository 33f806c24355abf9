"""The platform's sync: wake it, and wait for one that has seen all that we wrote.

A sync works from what it read at its beginning, and undoes what was written meanwhile; and a notification
that comes while one goes on is lost. So only a sync counts that began after our last write.
"""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

from polaris.database import PlatformDatabase

CHANNEL = "sync_trigger"
BASE_S, PER_CARD_S = 60.0, 0.2  # how long a sync may take, with what it changes in SteVe
PAUSE_S = 0.5
LONGEST = timedelta(hours=1)  # what runs longer was left behind by a worker that died


class Synced(StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    TOO_LATE = "too late"
    STOPPED = "stopped"


def patience_s(cards: int) -> float:
    """Return how long to wait for a sync that has so many cards to change."""
    return BASE_S + PER_CARD_S * cards


def notify(database: PlatformDatabase) -> None:
    """Have the sync worker run at once, unless it is running; safe to repeat."""
    payload = json.dumps({"source": "backfill", "timestamp": now(database).isoformat()})
    database.read("SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def wait(
    database: PlatformDatabase,
    *,
    seconds: float,
    stopped: Callable[[], bool],
    since: datetime | None = None,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Synced:
    """Wake the sync until one is through that began after this moment; raise PolarisError.

    Who waits for the second time says since when, by the platform's clock.
    """
    written_at = since or now(database)
    deadline = clock() + seconds
    while True:
        status = _status(database, written_at)
        if status == "completed":
            return Synced.COMPLETED
        if status == "failed":
            return Synced.FAILED
        if stopped():
            return Synced.STOPPED
        if clock() >= deadline:
            return Synced.TOO_LATE
        if status is None:
            notify(database)
        sleep(PAUSE_S)


def now(database: PlatformDatabase) -> datetime:
    """Return the time by the platform's clock."""
    ((instant,),) = database.read("SELECT clock_timestamp()")
    return instant  # type: ignore[no-any-return]


def wake(database: PlatformDatabase, since: datetime) -> None:
    """Have the platform sync, unless it does or has done so since then."""
    if _status(database, since) is None:
        notify(database)


def wait_idle(
    database: PlatformDatabase,
    *,
    seconds: float = BASE_S,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until no sync goes on, though not for ever. Raises PolarisError.

    A sync sends usage to Lago first and writes it down last. A mapping that is deleted in between makes it
    fail then, and Lago would refuse the same usage ever after.
    """
    deadline = clock() + seconds
    while _goes_on(database) and clock() < deadline:
        sleep(PAUSE_S)


def _status(database: PlatformDatabase, since: datetime) -> str | None:
    """Return what became of the newest sync since then, or of the one that goes on; None if none."""
    newest = "SELECT status FROM sync_runs WHERE started_at > %s ORDER BY started_at DESC LIMIT 1"
    for (status,) in database.read(newest, [since]):
        return str(status)
    return "running" if _goes_on(database) else None


def _goes_on(database: PlatformDatabase) -> bool:
    going_on = "SELECT 1 FROM sync_runs WHERE status = 'running' AND started_at > clock_timestamp() - %s"
    return bool(database.read(going_on, [LONGEST]))
