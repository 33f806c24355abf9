"""Formats of days, as `strptime` reads them."""

import re
from datetime import date, datetime

A_DAY = date(2024, 12, 31)  # that no format can take for another one
_YEARS = {"Y", "y", "G"}


def is_date_format(date_format: str) -> bool:
    """Return whether a format (of `strptime`) names a day completely."""
    named = set(re.findall("%(.)", date_format))
    if "d" in named and not named & _YEARS:  # newer Pythons warn of it before it can fail
        return False
    try:
        return datetime.strptime(A_DAY.strftime(date_format), date_format).date() == A_DAY
    except (ValueError, re.error):
        return False
