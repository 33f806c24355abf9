"""Fixtures of the tests of reconcile."""

from collections.abc import Iterator

import pytest

from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import row
from tests.rehearsal.lago.calls import Caller


@pytest.fixture
def by_hand(lago: Sandbox) -> Iterator[Caller]:
    """Somebody who changes things in Lago."""
    caller = Caller(lago)
    yield caller
    caller.close()


@pytest.fixture
def imported(db: None, lago: Sandbox) -> Sandbox:
    """Five customers: C-3 has two cards, C-4 starts later, C-5 was in Lago before the run."""
    factories.lago_customer(lago, 5)
    factories.lago_subscription(lago, 5, external_id="theirs-5")
    rows = [*factories.rows(3), row(4, start_date="2030-01-01"), row(5), row(3, id_tag="SECOND3")]
    report = factories.imported(rows, skip_existing=True)
    assert report.status == "succeeded"
    return lago
