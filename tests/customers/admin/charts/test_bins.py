"""Days, counted in spans of equal length."""

from datetime import date

import pytest

from customers.admin.charts.bins import MOST, Bin, bins

TODAY = date(2026, 11, 25)


def labels(*days: str) -> list[str]:
    return [span.label for span in bins(dict.fromkeys(map(date.fromisoformat, days), 1), TODAY)]


@pytest.mark.parametrize(
    ("days", "number", "first", "last"),
    [
        ([], 1, "2026-11-25", "2026-11-25"),
        (["2026-11-25"], 1, "2026-11-25", "2026-11-25"),
        (["2026-11-20", "2026-12-01"], 12, "2026-11-20", "2026-12-01"),
        (["2026-01-31", "2027-02-01"], 14, "2026-01", "2027-02"),
        (["2023-05-01"], 15, "2023 Q2", "2026 Q4"),
        (["2012-01-01"], 15, "2012", "2026"),
        (["1990-01-01", "2099-12-31"], 11, "1990–1999", "2090–2099"),
        (["2099-12-31"], 15, "2025–2029", "2095–2099"),
        (["0001-01-01", "9999-12-31"], 10, "1–999", "9000–9999"),
    ],
    ids=["none", "today", "days", "months", "quarters", "years", "a century", "far", "all time"],
)
def test_spans_are_as_short_as_can_be(days: list[str], number: int, first: str, last: str) -> None:
    found = labels(*days)

    assert (len(found), found[0], found[-1]) == (number, first, last)
    assert len(found) <= MOST


def test_each_start_is_counted_once_on_its_side_of_today() -> None:
    days = {date(2026, 10, 31): 2, date(2026, 11, 1): 3, TODAY: 4, date(2026, 11, 26): 5, date(2027, 3, 1): 6}

    found = bins(days, TODAY)

    assert [(span.label, span.begun, span.later) for span in found if span.number] == [
        ("2026-10", 2, 0),
        ("2026-11", 7, 5),
        ("2027-03", 0, 6),
    ]


@pytest.mark.parametrize(
    ("first", "last", "share"),
    [("2026-11-25", "2026-11-25", 0.5), ("2026-11-01", "2026-11-30", 24.5 / 30)],
    ids=["day", "month"],
)
def test_a_day_has_its_place_in_a_span(first: str, last: str, share: float) -> None:
    span = Bin(date.fromisoformat(first), date.fromisoformat(last), "")

    assert span.share_before(TODAY) == share
