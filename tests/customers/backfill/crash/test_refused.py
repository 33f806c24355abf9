"""Lago stops answering altogether before any call of an import, a reconcile and a revert."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from customers.backfill.refused import Refused
from kernel import RemoteError
from rehearsal.lago import Sandbox
from tests.customers import factories, undoing
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.relay import Relay

IMPORT, RECONCILE, REVERT = 17, 7, 27  # calls


def import_it() -> Any:
    return factories.imported(world.seven_rows(), skip_existing=True, batch_size=5, concurrency=1)


def revert_it() -> Any:
    return undoing.reverted(concurrency=1)


@contextmanager
def cut_off(lago: Sandbox, settings: Any, nth: int) -> Iterator[None]:
    """Have connections refused from the nth call on."""
    with Relay(lago.url, nth - 1) as relay:
        settings.LAGO_API_URL = relay.url
        yield
    settings.LAGO_API_URL = lago.url


@pytest.mark.parametrize("nth", range(1, IMPORT + 1))
def test_an_import_that_is_cut_off_goes_on_later(
    transactional_db: None, lago: Sandbox, settings: Any, nth: int
) -> None:
    world.furnish(lago)

    with cut_off(lago, settings, nth):
        well = world.goes_well(import_it)
    report = import_it()

    assert not well
    assert report.status == "succeeded"
    assert undoing.divergences() == set()
    assert len(lago.state()["customers"]) == len(lago.state()["subscriptions"]) == 6
    assert world.is_unbilled(lago)


@pytest.mark.parametrize("nth", range(1, RECONCILE + 1))
def test_a_reconcile_that_is_cut_off_says_so(
    transactional_db: None, lago: Sandbox, settings: Any, nth: int
) -> None:
    world.furnish(lago)
    import_it()
    with factories.client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)

    with cut_off(lago, settings, nth), pytest.raises((Refused, RemoteError), match="cannot be reached"):
        undoing.reconciled()


@pytest.mark.parametrize("nth", range(1, REVERT + 1))
@pytest.mark.matrix
def test_a_revert_that_is_cut_off_goes_on_later(
    transactional_db: None, lago: Sandbox, settings: Any, nth: int
) -> None:
    world.furnish(lago)
    before = world.people(), lago.state(live=True, volatile=True)
    import_it()

    with cut_off(lago, settings, nth):
        well = world.goes_well(revert_it)
    report = revert_it()

    assert not well
    assert report.status == "reverted"
    assert (world.people(), lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(lago)
