"""Whether everything is there that is our own: the database, its tables, the folder for logs, the clock."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from customers.backfill.preflight.asked import Asked
from customers.backfill.preflight.clocks import compared
from customers.backfill.preflight.finding import Check, Part, State, Told, ok, stop, warning
from customers.database import READ_ONLY, database_time, migrations_to_apply, takes_writes
from customers.locks import SharedSession
from customers.poolers import is_handed_around

# The log of 100,000 rows takes about 100 MB.
LITTLE_ROOM, NO_ROOM = 500_000_000, 20_000_000


@contextmanager
def _opened(asked: Asked) -> Iterator[Asked]:
    yield asked


def database(asked: Asked) -> Told:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (version,) = cursor.fetchone()
    if is_handed_around():
        shared = SharedSession()
        return stop(str(shared), shared.hint)
    if not takes_writes():
        return stop(*READ_ONLY)
    return ok(f"PostgreSQL {version}, {connection.settings_dict['NAME']}")


def tables(asked: Asked) -> Told:
    number = migrations_to_apply()
    if not number:
        return ok("all migrations are applied")
    missing = "1 migration is" if number == 1 else f"{number:,} migrations are"
    return stop(f"{missing} not applied", "Run: python manage.py migrate")


def log_folder(asked: Asked) -> Told:
    return _folder(settings.BACKFILL_LOG_DIR)


def _folder(folder: Path) -> Told:
    """Judge without writing: a folder that is not there yet is made by the first run."""
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        return stop(
            f"{folder} cannot be written", "Set BACKFILL_LOG_DIR to a folder that this user may write."
        )
    free = shutil.disk_usage(nearest).free
    return room(folder, free)


def room(folder: Path, free: int) -> Told:
    found = f"{folder}: {free / 1e6:,.0f} MB free"
    remedy = "Make room there, or set BACKFILL_LOG_DIR to another disk: a run pauses where its log is full."
    if free < NO_ROOM:
        return stop(found, remedy)
    return warning(found, remedy) if free < LITTLE_ROOM else ok(found)


def clock(asked: Asked) -> Told:
    why = "the times of runs, links and the worker's signs of life are its; nothing is billed by it"
    return compared(database_time(), asked.now(), why, stops=False)


OURS = Part(
    "ours",
    "Here",
    _opened,
    (
        Check("database", database, State.STOP, gate=True),
        Check("tables", tables, State.STOP),
        Check("run logs", log_folder, State.STOP),
        Check("PostgreSQL's clock", clock),
    ),
)
