"""Zones by their names, wherever those come from."""

from zoneinfo import ZoneInfo

import pytest

from kernel.zones import named_zone, zone_of


@pytest.mark.parametrize(
    "name", ["", "Europe", "Nowhere/Else", "europe/berlin", "right/UTC", "posixrules", "../passwd", "a\0b"]
)
def test_what_is_no_zone_of_people_is_none(name: str) -> None:
    assert named_zone(name) is None


def test_the_first_that_is_known_counts() -> None:
    assert zone_of("", "Nowhere/Else", "Europe/Berlin", "Asia/Tokyo") == ZoneInfo("Europe/Berlin")
    assert zone_of("Nowhere/Else") == zone_of() == ZoneInfo("UTC")
