"""What cannot start says so in one line and ends with exit code 2; nothing was written."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from customers.database import database_refusal


@contextmanager
def refusals_in_one_line() -> Iterator[None]:
    """Turn a wrong variable and a database that cannot be used into one line and exit 2; let bugs pass."""
    try:
        yield
    except ImproperlyConfigured as error:
        _refuse(f"Configuration: {error}")
    except DatabaseError as error:
        reason = database_refusal(error)
        if reason is None:
            raise
        _refuse(reason)


def _refuse(line: str) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    sys.exit(2)
