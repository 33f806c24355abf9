"""When customers start, drawn."""

from datetime import date
from xml.etree import ElementTree

import pytest

from customers.admin.charts.starts import starts_chart

TODAY = date(2026, 11, 25)


def test_starts_are_drawn_on_both_sides_of_today() -> None:
    found = starts_chart({date(2026, 11, 24): 30, TODAY: 10, date(2026, 11, 27): 20}, TODAY)

    assert found
    root = ElementTree.fromstring(found.chart)
    bars = [one.attrib for one in root.iter("rect")]
    assert [(one["class"], one["height"]) for one in bars] == [
        ("pb-chart-bar", "150.00"),
        ("pb-chart-bar", "50.00"),
        ("pb-chart-later", "100.00"),
    ]
    (today,) = (one.attrib for one in root.iter("line") if one.attrib["class"] == "pb-chart-today")
    assert today["x1"] == "37.500%"  # the middle of the second of four days
    assert root[1].text == "Today is 2026-11-25. 2026-11-24: 30; 2026-11-25: 10; 2026-11-27: 20."
    assert found.sentence == "60 customers, from 2026-11-24 to 2026-11-27; 10 today; 20 later."
    assert found.has_later


def test_what_begins_in_the_span_of_today_stands_upon_what_has_begun() -> None:
    found = starts_chart({date(2026, 11, 1): 3, date(2026, 11, 30): 1, date(2026, 1, 1): 1}, TODAY)

    assert found
    bars = [one.attrib for one in ElementTree.fromstring(found.chart).iter("rect")][1:]
    assert [(one["class"], one["y"], one["height"]) for one in bars] == [
        ("pb-chart-bar", "77.50", "112.50"),
        ("pb-chart-later", "40.00", "37.50"),
    ]


@pytest.mark.parametrize("days", [{}, {TODAY: 0}], ids=["nobody", "none"])
def test_nothing_is_drawn_of_nobody(days: dict[date, int]) -> None:
    assert starts_chart(days, TODAY) is None


def test_a_single_start_is_a_chart() -> None:
    found = starts_chart({TODAY: 1}, TODAY)

    assert found
    assert (found.sentence, found.has_later) == (
        "1 customer, from 2026-11-25 to 2026-11-25; 1 today.",
        False,
    )
