"""Fixtures of the tests of customers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billing.sandbox import Sandbox


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
