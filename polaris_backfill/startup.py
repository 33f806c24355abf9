"""What cannot start says so in one line and ends with exit code 2; nothing was written.

Where the database breaks off later, the line is the same, and the exit code 1. Of web and worker it is a
line of their log, so it comes in the form that LOG_FORMAT asks for.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from customers.database import trouble_of
from polaris_backfill import environment
from polaris_backfill.logs import JsonLines

BROKEN_OFF, REFUSED = 1, 2


@contextmanager
def refusals_in_one_line(*, is_service: bool = False) -> Iterator[None]:
    """Turn a wrong variable and a database that cannot be used into one line; let bugs pass.

    `is_service`: it is web or worker, and no command that somebody typed.
    """
    form = _as_logged if is_service else str
    try:
        yield
    except ImproperlyConfigured as error:
        _end(form(f"Configuration: {error}"), REFUSED)
    except DatabaseError as error:
        trouble = trouble_of(error)
        if trouble is None:
            raise
        _end(form(str(trouble)), REFUSED if trouble.at_login or trouble.is_unmade else BROKEN_OFF)


def _as_logged(line: str) -> str:
    """Give the line as the log has it. The environment is asked: the settings may be what is wrong."""
    if environment.text("LOG_FORMAT").lower() != "json":
        return line
    return JsonLines().format(logging.LogRecord(__name__, logging.ERROR, __file__, 0, line, (), None))


def _end(line: str, code: int) -> NoReturn:
    sys.stderr.write(f"{line}\n")
    sys.exit(code)
