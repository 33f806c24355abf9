"""How PostgreSQL is told that an index is worth its pages."""

from contextlib import closing
from typing import Any

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


def page_cost(**options: Any) -> str:
    """Ask a new connection what it takes a page out of order for."""
    fresh: Any = connection.copy()
    fresh.settings_dict["OPTIONS"] = {**fresh.settings_dict["OPTIONS"], **options}
    with closing(fresh), fresh.cursor() as cursor:
        cursor.execute("SHOW random_page_cost")
        return str(cursor.fetchone()[0])


def test_it_is_that_of_a_disk_that_does_not_turn() -> None:
    assert page_cost() == "1.1"


def test_what_somebody_has_set_is_left() -> None:
    assert page_cost(options="-c random_page_cost=2.5") == "2.5"
