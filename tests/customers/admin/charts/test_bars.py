"""Bars that lie one below the other."""

from xml.etree import ElementTree

import pytest

from customers.admin.charts.bars import Bar, bars
from customers.admin.charts.svg import Markup

RTL = "תוכנית‮<plan>"


def widths(drawn: str) -> list[str]:
    return [
        one.attrib["width"]
        for one in ElementTree.fromstring(drawn).iter("rect")
        if one.attrib["class"] != "pb-chart-track"
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([200, 100], ["100.000%", "50.000%"]),
        ([7], ["100.000%"]),
        ([0, 0], ["0.000%", "0.000%"]),
        ([10**17, 1, 0], ["100.000%", "0.400%", "0.000%"]),
        ([], []),
    ],
    ids=["two", "one", "free", "huge beside little", "none"],
)
def test_a_bar_is_as_long_as_its_share_of_the_longest(values: list[int], expected: list[str]) -> None:
    given = [Bar(f"plan {value}", value, str(value)) for value in values]

    assert widths(bars("key", "Bars", given)) == expected


def test_a_chart_has_a_name_and_its_numbers_in_words() -> None:
    drawn = bars("eur", "EUR per month", [Bar("fleet", 5000, "50.00 EUR"), Bar("rest", 1, "0.01 EUR", True)])

    root = ElementTree.fromstring(drawn)
    assert (root.attrib["role"], root.attrib["aria-labelledby"]) == ("img", "eur-title eur-desc")
    assert (root[0].attrib["id"], root[0].text) == ("eur-title", "EUR per month")
    assert (root[1].attrib["id"], root[1].text) == ("eur-desc", "fleet: 50.00 EUR; rest: 0.01 EUR")
    assert 'class="pb-chart-rest"' in drawn


def test_what_stands_in_a_chart_is_escaped_and_no_longer_than_its_place() -> None:
    drawn = bars("key", "Bars", [Bar(RTL, 1, '"1" & more'), Bar("x" * 255, 1, "1")])

    assert "<plan>" not in drawn
    texts = [one.text for one in ElementTree.fromstring(drawn).iter("text")]
    assert texts == [RTL, '"1" & more', "x" * 39 + "…", "1"]
    assert isinstance(drawn, Markup)
