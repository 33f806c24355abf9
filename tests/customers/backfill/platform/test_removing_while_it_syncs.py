"""A revert does not take away a card under a sync that is about to write down what it billed."""

import pytest

from polaris import PlatformDatabase, PlatformMappingStep
from tests.customers.backfill.steve.world import run_of
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db


def test_it_waits_until_the_sync_is_through(town: Town) -> None:
    run_of(imported(rows(1)))
    database = PlatformDatabase(town.platform.database_url)
    paused: list[float] = []

    def go_on(seconds: float) -> None:
        paused.append(seconds)
        town.platform.go_on()
        town.platform.wait_synced(finished + 1)

    town.platform.hold("sync.end")
    finished = town.platform.begin_sync()
    town.platform.wait_at("sync.end")
    step = PlatformMappingStep(database, sleep=go_on)
    removed = step.remove_all([], None, discard=False)
    database.close()

    assert (removed, len(paused)) == ([], 1)
