"""Fixtures of the tests in which things go wrong."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash.processes import Nursery, nursery, one_at_a_time


@pytest.fixture(scope="module")
def lasting_lago() -> Iterator[Sandbox]:
    """A Lago that outlives a test, since the address is given to the nursery once."""
    with Sandbox(on_a_quiet_day=True) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def commands(
    lasting_lago: Sandbox, tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    """Commands in batches of five, and one call at a time, so that a call's number says which one it is."""
    folder = tmp_path_factory.mktemp("commands")
    with nursery(folder, one_at_a_time(folder, database_address, lasting_lago)) as ready:
        yield ready


@pytest.fixture
def fresh_lago(lasting_lago: Sandbox, transactional_db: None) -> Sandbox:
    """The lasting Lago, as empty as the database."""
    lasting_lago.reset()
    return lasting_lago


@pytest.fixture
def lago_is_lasting(lasting_lago: Sandbox, settings: Any, tmp_path: Path) -> None:
    """Point this process, too, to the lasting Lago."""
    settings.LAGO_API_URL, settings.LAGO_API_KEY = lasting_lago.url, lasting_lago.key
    settings.BACKFILL_LAGO_RATE = 0
    settings.BACKFILL_LOG_DIR = tmp_path
