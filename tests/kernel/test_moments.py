"""When something was, as people say it."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel.moments import ago

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=18, seconds=59), "18 minutes ago"),
        (timedelta(minutes=119), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=29, hours=23), "29 days ago"),
        (timedelta(days=30), "2026-10-23"),
        (timedelta(minutes=-5), "in 5 minutes"),
        (timedelta(days=-40), "2027-01-01"),
    ],
    ids=str,
)
def test_a_moment_is_said_as_people_say_it(before: timedelta, said: str) -> None:
    assert ago(NOW - before, NOW) == said
