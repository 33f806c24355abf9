"""The instants that a subscription payload may carry."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from rehearsal.lago.errors import raise_if_any
from rehearsal.stand_in.messages import Json


def instant(value: Any) -> datetime | None:
    """Read an ISO 8601 string, without an offset as UTC; return None for anything else."""
    if not isinstance(value, str) or not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def asked_dates(sent: Json, now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    """Return `subscription_at` (now, if not asked for) and `ending_at`; raise RefusedError."""
    problems: dict[str, list[str]] = {}
    start = now if sent.get("subscription_at") is None else instant(sent["subscription_at"])
    if start is None:
        problems["subscription_at"] = ["invalid_date"]
    end = instant(sent.get("ending_at"))
    if sent.get("ending_at") not in (None, "") and not _ends_later(end, start or now, now, zone):
        problems["ending_at"] = ["invalid_date"]
    raise_if_any(problems)
    return start or now, end


def _ends_later(end: datetime | None, start: datetime, now: datetime, zone: ZoneInfo) -> bool:
    return end is not None and local_day(end, zone) > max(local_day(start, zone), local_day(now, zone))


def local_day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
