"""Billing periods."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from rehearsal.lago.subscriptions.periods import next_start, period_start

ANCHOR = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "billing_time", "start", "following"),
    [
        ("weekly", "calendar", "2026-11-16", "2026-11-23"),
        ("monthly", "calendar", "2026-11-01", "2026-12-01"),
        ("quarterly", "calendar", "2026-10-01", "2027-01-01"),
        ("semiannual", "calendar", "2026-07-01", "2027-01-01"),
        ("yearly", "calendar", "2026-01-01", "2027-01-01"),
        ("weekly", "anniversary", "2026-11-21", "2026-11-28"),
        ("monthly", "anniversary", "2026-10-31", "2026-11-30"),
        ("quarterly", "anniversary", "2026-10-31", "2027-01-31"),
        ("semiannual", "anniversary", "2026-07-31", "2027-01-31"),
        ("yearly", "anniversary", "2026-01-31", "2027-01-31"),
    ],
)
def test_the_period_around_the_22nd_of_november(
    interval: str, billing_time: str, start: str, following: str
) -> None:
    zone = ZoneInfo("UTC")

    found = period_start(datetime(2026, 11, 22, 13, tzinfo=UTC), ANCHOR, interval, billing_time, zone)
    after = next_start(found, ANCHOR, interval, billing_time, zone)

    assert (found.date().isoformat(), after.date().isoformat()) == (start, following)


def test_a_period_begins_at_local_midnight() -> None:
    zone = ZoneInfo("Europe/Berlin")

    found = period_start(datetime(2026, 10, 31, 23, 30, tzinfo=UTC), ANCHOR, "monthly", "calendar", zone)

    assert found == datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
