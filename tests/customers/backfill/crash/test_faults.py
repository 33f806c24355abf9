"""Every way in which a call can go wrong, for every call of an import, a reconcile and a revert.

First the call goes wrong until we give up: that must be a clean stop. Then the same is done again while the
call goes wrong once: it must come to a good end, with nothing twice and nobody billed.
"""

from typing import Any

import pytest

from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers import factories, undoing
from tests.customers.backfill.crash import world

FAULTS = [
    "reset_before",
    "reset_after",
    "timeout_after,seconds=60",
    "500",
    "500_after",
    "502_html",
    "429",
    "truncated",
    "wrong_json",
]
FIRST = [
    "method=GET,path=/health",
    "method=GET,path=/organizations",
    "method=GET,path=/billing_entities",
    "method=GET,path=/plans",
    "method=GET,path=/customers",
    "method=GET,path=/subscriptions",
]
IMPORT = [*FIRST, "method=POST,path=/customers", "method=POST,path=/subscriptions"]
RECONCILE = [*FIRST, "method=GET,path=/subscriptions,nth=2"]  # the second asks for what has ended
REVERT = [
    *FIRST,
    "method=GET,path=/events",
    "method=GET,path=/invoices",
    "method=GET,path=/subscriptions,nth=3",
    "method=GET,path=/customers/C%2E10",
    "method=GET,path=/subscriptions/backfill-C%2E10",
    "method=DELETE,path=/subscriptions/",
    "method=DELETE,path=/customers/",
]


@pytest.fixture(autouse=True)
def _impatient(settings: Any, fault: str) -> None:
    """Only where a call is to hang: elsewhere a busy machine may take its time."""
    if fault.startswith("timeout"):
        settings.LAGO_TIMEOUT_S = 0.2


def import_it() -> Any:
    return factories.imported(world.seven_rows(), skip_existing=True, batch_size=5)


@pytest.mark.parametrize(
    ("fault", "call"),
    [
        pytest.param(fault, call, marks=[pytest.mark.matrix] if (row + column) % 3 else [])
        for row, fault in enumerate(FAULTS)
        for column, call in enumerate(IMPORT)
    ],
)
def test_an_import_survives(transactional_db: None, lago: Sandbox, fault: str, call: str) -> None:
    world.furnish(lago)
    lago.fault(f"{fault},{call},times=forever")

    world.goes_well(import_it)
    assert world.struck(lago)
    lago.clear_faults()
    lago.fault(f"{fault},{call}")
    report = import_it()

    assert report.status == "succeeded"
    assert undoing.divergences() == set()
    assert world.refs_are_true(lago)
    assert len(lago.state()["customers"]) == len(lago.state()["subscriptions"]) == 6
    assert world.is_unbilled(lago)


@pytest.mark.parametrize("call", RECONCILE)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.matrix
def test_a_reconcile_survives(transactional_db: None, lago: Sandbox, fault: str, call: str) -> None:
    world.furnish(lago)
    import_it()
    with factories.client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)
    lago.fault(f"{fault},{call},times=forever")

    world.goes_well(undoing.reconciled)
    assert world.struck(lago)
    lago.clear_faults()
    lago.fault(f"{fault},{call}")
    found = undoing.divergences()

    assert found == {("C-1", "lago_subscription", "terminated")}


@pytest.mark.parametrize("call", REVERT)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.matrix
def test_a_revert_survives(transactional_db: None, lago: Sandbox, fault: str, call: str) -> None:
    world.furnish(lago)
    before = world.people(), lago.state(live=True, volatile=True)
    import_it()
    lago.fault(f"{fault},{call},times=forever")

    world.goes_well(undoing.reverted)
    assert world.struck(lago)
    lago.clear_faults()
    lago.fault(f"{fault},{call}")
    report = undoing.reverted()

    assert report.is_well
    assert BackfillRun.objects.get().status == BackfillRun.Status.REVERTED
    assert (world.people(), lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(lago)
