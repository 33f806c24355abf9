"""What cannot start says so in one line and ends with exit code 2; nothing was written.

Where the database breaks off later, the line is the same, and the exit code 1.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from customers.database import trouble_of

BROKEN_OFF, REFUSED = 1, 2


@contextmanager
def refusals_in_one_line() -> Iterator[None]:
    """Turn a wrong variable and a database that cannot be used into one line; let bugs pass."""
    try:
        yield
    except ImproperlyConfigured as error:
        _end(f"Configuration: {error}", REFUSED)
    except DatabaseError as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        _end(str(trouble), REFUSED if trouble.at_login or trouble.is_unmade else BROKEN_OFF)


def _end(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    sys.exit(code)
