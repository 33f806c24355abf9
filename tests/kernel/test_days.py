"""Formats of days."""

import pytest

from kernel.days import is_date_format


@pytest.mark.parametrize("date_format", ["%d.%m.%Y", "%m/%d/%y", "%Y%m%d", "%d %B %Y", "%Y-%j"])
def test_a_format_that_names_a_day_is_one(date_format: str) -> None:
    assert is_date_format(date_format)


@pytest.mark.parametrize("date_format", ["", "%d.%m.", "%Y", "DD.MM.YYYY", "%Q", "%", "%H:%M"])
def test_a_format_that_does_not_name_a_day_is_none(date_format: str) -> None:
    assert not is_date_format(date_format)
