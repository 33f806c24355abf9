"""Billing periods: which one an instant falls into, by calendar or by anniversary."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from rehearsal.lago.clock import KEPT

MONTHS = {"monthly": 1, "quarterly": 3, "semiannual": 6, "yearly": 12}


def period_start(
    at: datetime, anchor: datetime, interval: str, billing_time: str, zone: ZoneInfo
) -> datetime:
    """Return the beginning of the period around `at`; `anchor` is the subscription's own day."""
    return _start_around(at.astimezone(zone).date(), anchor, interval, billing_time, zone)


@lru_cache(KEPT)
def _start_around(day: date, anchor: datetime, interval: str, billing_time: str, zone: ZoneInfo) -> datetime:
    if billing_time == "calendar":
        return _midnight(_calendar_start(day, interval), zone)
    return _midnight(_anniversary_start(day, anchor.astimezone(zone).date(), interval), zone)


@lru_cache(KEPT)
def next_start(
    start: datetime, anchor: datetime, interval: str, billing_time: str, zone: ZoneInfo
) -> datetime:
    """Return the beginning of the period after the one that begins at `start`."""
    day, anchor_day = start.astimezone(zone).date(), anchor.astimezone(zone).date()
    if interval == "weekly":
        return _midnight(day + timedelta(days=7), zone)
    dom = 1 if billing_time == "calendar" else anchor_day.day
    return _midnight(_shifted(day, MONTHS[interval], dom), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _calendar_start(day: date, interval: str) -> date:
    if interval == "weekly":
        return day - timedelta(days=day.weekday())
    months = MONTHS[interval]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def _anniversary_start(day: date, anchor: date, interval: str) -> date:
    if interval == "weekly":
        return day - timedelta(days=(day - anchor).days % 7)
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    whole = months // MONTHS[interval] * MONTHS[interval]
    start = _shifted(anchor, whole, anchor.day)
    return start if start <= day else _shifted(anchor, whole - MONTHS[interval], anchor.day)


def _shifted(day: date, months: int, day_of_month: int) -> date:
    """Move by months, to the wanted day or the last one of a shorter month."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day_of_month, monthrange(year, month + 1)[1]))
