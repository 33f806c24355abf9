"""Billing periods: which one a day falls into."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.forecast.periods import Period, Rhythm

INTERVALS = ["weekly", "monthly", "quarterly", "semiannual", "yearly"]
DAYS = st.dates(date(1995, 1, 1), date(2060, 12, 31))


def _around(interval: str, billing_time: str, start: str, day: str) -> tuple[str, str]:
    rhythm = Rhythm.of(interval, billing_time, date.fromisoformat(start))
    period = rhythm.around(date.fromisoformat(day))
    return period.first.isoformat(), period.last.isoformat()


@pytest.mark.parametrize(
    ("interval", "first", "last"),
    [
        ("weekly", "2026-11-23", "2026-11-29"),
        ("monthly", "2026-11-01", "2026-11-30"),
        ("quarterly", "2026-10-01", "2026-12-31"),
        ("semiannual", "2026-07-01", "2026-12-31"),
        ("yearly", "2026-01-01", "2026-12-31"),
    ],
)
def test_periods_of_the_calendar_do_not_depend_on_the_start(interval: str, first: str, last: str) -> None:
    assert _around(interval, "calendar", "2023-05-17", "2026-11-25") == (first, last)


@pytest.mark.parametrize(
    ("day", "first", "last"),
    [
        ("2027-01-30", "2026-12-31", "2027-01-30"),
        ("2027-01-31", "2027-01-31", "2027-02-27"),
        ("2027-02-28", "2027-02-28", "2027-03-30"),
        ("2027-04-30", "2027-04-30", "2027-05-30"),
        ("2028-02-28", "2028-01-31", "2028-02-28"),
        ("2028-02-29", "2028-02-29", "2028-03-30"),
    ],
)
def test_an_anniversary_on_the_31st_is_the_last_day_of_a_shorter_month(
    day: str, first: str, last: str
) -> None:
    assert _around("monthly", "anniversary", "2026-10-31", day) == (first, last)


def test_a_quarter_from_the_30th_of_november_ends_with_february() -> None:
    assert _around("quarterly", "anniversary", "2026-11-30", "2027-02-27") == ("2026-11-30", "2027-02-27")
    assert _around("quarterly", "anniversary", "2026-11-30", "2027-02-28") == ("2027-02-28", "2027-05-29")


def test_a_week_is_counted_from_the_day_of_the_start() -> None:
    assert _around("weekly", "anniversary", "2026-11-25", "2027-01-05") == ("2026-12-30", "2027-01-05")


@given(st.sampled_from(INTERVALS), st.sampled_from(["calendar", "anniversary"]), DAYS, DAYS)
def test_each_day_lies_in_its_period_and_periods_touch(
    interval: str, billing_time: str, start: date, day: date
) -> None:
    rhythm = Rhythm.of(interval, billing_time, start)

    period = rhythm.around(day)

    assert period.first <= day < period.next
    assert rhythm.around(period.next).first == period.next
    assert rhythm.ending_before(period.first).next == period.first
    assert rhythm.first_beginning(day) in (day, period.next)


@given(st.sampled_from(INTERVALS), DAYS)
def test_the_day_of_an_anniversary_begins_a_period(interval: str, start: date) -> None:
    assert Rhythm.of(interval, "anniversary", start).begins_on(start)


def test_the_days_of_a_period_since_a_day() -> None:
    november = Period(date(2026, 11, 1), date(2026, 12, 1))

    counts = [november.days_since(date(2026, 11, 1) + timedelta(days=n)) for n in (-40, 0, 24, 29, 30, 99)]

    assert (november.days, counts) == (30, [30, 30, 6, 1, 0, 0])
