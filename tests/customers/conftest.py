"""Fixtures of the tests of customers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django_q.conf import Conf

from rehearsal.lago import Sandbox
from tests.customers.redis_server import RedisServer


@pytest.fixture
def lago(settings: Any, tmp_path: Path) -> Iterator[Sandbox]:
    """A Lago of the test's own, which the settings point to, and a folder for run logs."""
    with Sandbox() as sandbox:
        settings.LAGO_API_URL = sandbox.url
        settings.LAGO_API_KEY = sandbox.key
        settings.BACKFILL_LAGO_RATE = 0
        settings.BACKFILL_TIMEZONE = ""
        settings.BACKFILL_LOG_DIR = tmp_path / "logs"
        settings.BACKFILL_LOG_DIR.mkdir()
        settings.STEVE_BASE_URL = ""
        yield sandbox


@pytest.fixture
def queue(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """A Redis as the queue; django-q2 reads the settings once, when it is imported."""
    with RedisServer(tmp_path) as server:
        settings.Q_BROKER_URL = server.url
        monkeypatch.setattr(Conf, "BROKER_CLASS", "customers.queueing.PatientRedis")
        yield server
