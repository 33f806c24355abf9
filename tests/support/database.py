"""Another way to the test database for this process: as somebody else, or with other options."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def reached(**settings: Any) -> Iterator[None]:
    """Reach it so for as long as this lasts; `OPTIONS` are added to those that there are, unless blank."""
    before = dict(connection.settings_dict)
    options = settings.get("OPTIONS")
    if options:
        settings["OPTIONS"] = {**before["OPTIONS"], **options}
    connection.close()
    connection.settings_dict |= settings
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict |= before
