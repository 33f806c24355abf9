"""What is our own: the database, its tables, the folder for logs, the clock."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from customers.backfill.preflight import Asked, ours
from customers.backfill.preflight.clocks import compared
from customers.backfill.preflight.ours import OURS, room
from rehearsal.lago import Sandbox
from tests.customers.backfill.preflight.looking import is_ok, is_stop, is_warning, look, states

pytestmark = pytest.mark.django_db


def test_a_house_in_order_is_well(lago: Sandbox) -> None:
    assert states(look(OURS)) == {
        "database": "ok",
        "tables": "ok",
        "run logs": "ok",
        "PostgreSQL's clock": "ok",
    }


def test_migrations_that_are_not_applied_stop_the_night(lago: Sandbox) -> None:
    (latest,) = MigrationLoader(connection).graph.leaf_nodes("customers")
    MigrationRecorder(connection).record_unapplied(*latest)

    assert is_stop(look(OURS)["tables"], "1 migration is not applied", "manage.py migrate")


def test_a_folder_that_is_a_file_cannot_hold_logs(lago: Sandbox, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o700)
    settings.BACKFILL_LOG_DIR = tmp_path / "file" / "logs"

    assert is_stop(look(OURS)["run logs"], "cannot be written", "BACKFILL_LOG_DIR")


def test_a_folder_that_this_user_may_not_write_stops_the_night(
    lago: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = {settings.BACKFILL_LOG_DIR: os.R_OK | os.X_OK}  # root, who runs tests, may write everywhere
    monkeypatch.setattr(ours.os, "access", lambda path, mode: mode & may[path] == mode)

    assert is_stop(look(OURS)["run logs"], "cannot be written")


def test_a_folder_that_is_not_there_yet_is_not_made(lago: Sandbox, settings: Any, tmp_path: Path) -> None:
    settings.BACKFILL_LOG_DIR = tmp_path / "later" / "logs"

    assert is_ok(look(OURS)["run logs"], "MB free")
    assert not (tmp_path / "later").exists()


def test_little_room_is_a_warning_and_none_a_stop() -> None:
    folder = Path("/logs")

    assert is_ok(room(folder, 10**9))
    assert is_warning(room(folder, 10**8), "100 MB free", "Make room")
    assert is_stop(room(folder, 10**7), "10 MB free", "Make room")


def test_a_clock_that_differs_from_postgresqls_is_a_warning(lago: Sandbox) -> None:
    asked = Asked(now=lambda: timezone.now() + timedelta(hours=1))

    assert is_warning(look(OURS, asked)["PostgreSQL's clock"], "behind ours", "NTP")


def test_a_clock_warns_from_a_minute_and_stops_from_five_where_it_matters() -> None:
    now = timezone.now()

    def ahead(seconds: int, *, stops: bool = True) -> Any:
        return compared(now + timedelta(seconds=seconds), now, "because", stops=stops)

    assert is_ok(ahead(59))
    assert is_warning(ahead(60), "60 s ahead of ours: because")
    assert is_warning(ahead(-299), "299 s behind ours: because")
    assert is_stop(ahead(300))
    assert is_stop(ahead(-300))
    assert is_warning(ahead(300, stops=False))
