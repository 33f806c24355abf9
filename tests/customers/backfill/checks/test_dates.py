"""Start dates and the instants at which they begin."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.backfill.checks.dates import check_start_date, start_of_day, start_warning
from kernel import Problem

TODAY = date(2026, 11, 22)


def code_of(checked: date | Problem) -> str:
    assert isinstance(checked, Problem)
    return checked.code


@pytest.mark.parametrize("given_text", ["2024-02-29", " 2024-02-29\u00a0"])
def test_an_iso_date_is_read(given_text: str) -> None:
    assert check_start_date(given_text, None) == date(2024, 2, 29)


@pytest.mark.parametrize(
    "given_text",
    [
        "31/12/2023",
        "2023-02-29",
        "2023-13-01",
        "20230101",
        "20230101x",
        "2023-1-1",
        "2023-W01-1",
        "2023-01-01T00:00:00",
        "yesterday",
        "45292",
        "２０２３-０１-０１",
        "0024-01-01",
        "1899-12-30",
        "1969-12-31",
    ],
)
def test_what_is_not_an_iso_date_is_refused(given_text: str) -> None:
    assert code_of(check_start_date(given_text, None)) == "start_date_invalid"


def test_the_first_day_that_is_no_typing_error_is_read() -> None:
    assert check_start_date("1970-01-01", None) == date(1970, 1, 1)


def test_no_date_is_told() -> None:
    assert code_of(check_start_date(" ", "%d.%m.%Y")) == "start_date_blank"


@pytest.mark.parametrize(
    ("given_text", "date_format"),
    [("31.12.2023", "%d.%m.%Y"), ("12/31/23", "%m/%d/%y"), ("31 Dec 2023", "%d %b %Y")],
)
def test_a_named_format_is_used(given_text: str, date_format: str) -> None:
    assert check_start_date(given_text, date_format) == date(2023, 12, 31)


def test_an_iso_date_is_refused_where_another_format_is_named() -> None:
    problem = check_start_date("2023-12-31", "%d.%m.%Y")

    assert isinstance(problem, Problem)
    assert "31.12.2024" in problem.hint


def test_a_cell_that_is_a_date_needs_no_format() -> None:
    assert check_start_date("2023-12-31", "%d.%m.%Y", is_date=True) == date(2023, 12, 31)


def test_a_cell_that_is_a_number_is_no_date() -> None:
    assert code_of(check_start_date("2023-12-31", None, is_text=False)) == "start_date_invalid"


@pytest.mark.parametrize(
    ("day", "code"),
    [(date(2026, 11, 23), "start_date_future"), (TODAY, "start_date_today"), (date(2026, 11, 21), None)],
)
def test_a_start_that_is_not_past_is_warned_of(day: date, code: str | None) -> None:
    warning = start_warning(day, TODAY)

    assert (warning.code if warning else None) == code


def test_beside_the_platform_a_card_is_said_to_be_blocked_until_its_start() -> None:
    alone = start_warning(date(2026, 11, 23), TODAY)
    beside = start_warning(date(2026, 11, 23), TODAY, beside_platform=True)

    assert ["blocked" in warning.message for warning in (alone, beside) if warning] == [False, True]


@pytest.mark.parametrize(
    ("day", "zone", "instant"),
    [
        (date(2024, 1, 1), "UTC", datetime(2024, 1, 1, tzinfo=UTC)),
        (date(2024, 7, 1), "Europe/Berlin", datetime(2024, 6, 30, 22, tzinfo=UTC)),
        (date(2024, 1, 1), "America/Los_Angeles", datetime(2024, 1, 1, 8, tzinfo=UTC)),
        (date(2024, 1, 1), "Asia/Kathmandu", datetime(2023, 12, 31, 18, 15, tzinfo=UTC)),
        # The clocks skip midnight, and the day begins at one o'clock.
        (date(2018, 11, 4), "America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
        # The clocks repeat midnight, and the day begins at the first one.
        (date(2023, 11, 5), "America/Havana", datetime(2023, 11, 5, 4, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_midnight_where_it_is_meant(day: date, zone: str, instant: datetime) -> None:
    begins = start_of_day(day, ZoneInfo(zone))

    assert begins == instant
    assert begins.tzinfo is UTC


@given(
    day=st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    zone=st.sampled_from(
        [
            "Europe/Berlin",
            "America/Sao_Paulo",
            "America/Havana",
            "Asia/Beirut",
            "Pacific/Chatham",
            "Africa/Cairo",
        ]
    ),
)
def test_the_instant_is_the_first_one_of_its_day(day: date, zone: str) -> None:
    begins = start_of_day(day, ZoneInfo(zone))

    before = datetime.fromtimestamp(begins.timestamp() - 1, ZoneInfo(zone))
    assert begins.astimezone(ZoneInfo(zone)).date() == day
    assert before.date() < day
