"""Many rows beside the platform: few statements there for each batch, and in the end all as it should be."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from customers.models import BackfillRun
from tests.customers.backfill.crash.postgres_relay import PostgresRelay
from tests.customers.backfill.platform import world
from tests.customers.backfill.steve.world import divergences, reverted, run_of
from tests.customers.factories import Row, imported, row, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
BATCH = 25
ABOUT_TRANSACTIONS = {"BEGIN", "COMMIT", "ROLLBACK"}
CUSTOMERS, SECOND_CARDS = 900, 100


@pytest.fixture
def relay(town: Town, settings: Any) -> Iterator[PostgresRelay]:
    with PostgresRelay(settings.POLARIS_DATABASE_URL) as relay:
        settings.POLARIS_DATABASE_URL = relay.url
        yield relay


def statements(relay: PostgresRelay) -> Counter[str]:
    said = Counter(word for word in relay.words if word not in ABOUT_TRANSACTIONS)
    relay.words.clear()
    return said


def both_ways(relay: PostgresRelay, given: list[Row]) -> tuple[BackfillRun, Counter[str], Counter[str]]:
    """Import and revert; count the statements of each."""
    run = run_of(imported(given))
    there = statements(relay)
    reverted(run)
    return run, there, statements(relay)


def test_a_batch_more_is_few_statements_more(relay: PostgresRelay) -> None:
    _, one_in, one_out = both_ways(relay, rows(BATCH))
    _, three_in, three_out = both_ways(relay, rows(3 * BATCH))

    more_in, more_out = three_in - one_in, three_out - one_out
    # Two batches more. Made: a user and a card, each after what hides it in a cache. Put to use: one.
    assert more_in == {"INSERT": 4, "DELETE": 4, "UPDATE": 2}
    # Stopped: one. Gone: cards after looks whether it syncs and which were used; users after their parents.
    assert more_out == {"UPDATE": 2, "SELECT": 4, "DELETE": 6}


@pytest.mark.matrix
def test_a_thousand_rows_there_and_back_and_there_again(town: Town) -> None:
    seconds = [row(number, id_tag=f"SECOND{number:04}") for number in range(1, SECOND_CARDS + 1)]
    given = [*rows(CUSTOMERS), *seconds]
    cards = {one["id_tag"] for one in given}

    run = world.imported_beside(town, given, parents=True)
    after_import = cards - world.open_tags(town), divergences(run)
    world.bill(town, "SECOND0007")
    undone = reverted(run, discard_activity=True)
    town.platform.sync()
    after_revert = world.open_tags(town), world.people(town), world.in_platform(town)
    again = world.imported_beside(town, given, skip_existing=True)

    assert after_import == (set(), [])
    assert undone.status == "reverted"
    assert after_revert == (set(), [], {"SECOND0007": (None, False, "backfill-C-7")})
    assert again.status == BackfillRun.Status.SUCCEEDED
    assert cards - world.open_tags(town) == set()
    assert {active for _, active, _ in world.in_platform(town).values()} == {True}
