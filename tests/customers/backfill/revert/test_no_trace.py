"""Import, then revert: nothing is left but the audit log and the run's own ledger."""

import pytest

from auditlog.models import AuditEntry
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, RunCalls
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.factories import Row, row
from tests.customers.undoing import all_rows, divergences, latest_run, reverted

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMERS, CARDS = 900, 100
LEDGER = (AuditEntry, BackfillRun, BackfillRow, BackfillStep, RunCalls)
ODD_IDS = ["a.b", "a/b", "Größe & Söhne", "50%", "C#7?x=1", "..b"]


def thousand_rows() -> list[Row]:
    """900 customers, of whom 100 have two cards; some are prepaid, start later, or have odd ids."""
    rows = factories.rows(CUSTOMERS)
    for number in range(100, 200):
        rows[number]["plan_code"] = "prepaid"
    for number in range(200, 250):
        rows[number]["start_date"] = "2030-01-01"
    for number, external_id in enumerate(ODD_IDS, start=300):
        rows[number]["external_id"] = external_id
    return rows + [row(number, id_tag=f"SECOND{number}") for number in range(401, 401 + CARDS)]


def what_was_there(lago: Sandbox) -> None:
    """Furnish some of the customers, of each kind that a run adopts."""
    lago.put_plans(world.IN_ADVANCE)
    for number in range(1, 11):  # in Lago, as of another system
        factories.lago_customer(lago, number, name=f"Other name {number}")
    for number in range(11, 21):  # in Lago, with a subscription of ours and of theirs
        factories.lago_customer(lago, number)
        factories.lago_subscription(lago, number, external_id=f"theirs-{number}")
    for number in range(21, 31):  # here
        factories.customer(number)
    for number in range(31, 41):  # here, with an idTag that does not bill yet
        factories.mapping(
            factories.customer(number), number, is_active=False, lago_subscription_external_id=""
        )
    for number in range(41, 51):  # here, with an idTag that bills elsewhere
        factories.mapping(
            factories.customer(number), number, lago_subscription_external_id=f"elsewhere-{number}"
        )


@pytest.mark.matrix
def test_a_thousand_rows_come_and_go_without_a_trace(lago: Sandbox) -> None:
    what_was_there(lago)
    before = all_rows(*LEDGER), lago.state(live=True, volatile=True)

    imported = factories.imported(thousand_rows(), skip_existing=True)
    agreed = divergences()
    report = reverted()

    assert (imported.status, len(imported.plan.rows)) == ("succeeded", CUSTOMERS + CARDS)
    assert agreed == set()
    assert report.status == "reverted"
    assert all_rows(*LEDGER) == before[0]
    assert lago.state(live=True, volatile=True) == before[1]
    assert world.is_unbilled(lago)


def test_the_same_file_can_be_imported_again_and_bills_from_the_same_date(lago: Sandbox) -> None:
    world.furnish(lago)
    factories.imported(world.twelve_rows(), skip_existing=True)
    first = world.people(), lago.state(live=True)
    reverted()

    again = factories.imported(world.twelve_rows(), skip_existing=True)

    assert again.status == "succeeded"
    assert (world.people(), lago.state(live=True)) == first
    assert BackfillRun.objects.count() == 2
    assert divergences(latest_run()) == set()
    assert world.is_unbilled(lago)


def test_an_id_tag_that_was_there_is_given_back_as_it_was(lago: Sandbox) -> None:
    inactive = factories.mapping(factories.customer(), is_active=False, lago_subscription_external_id="")
    elsewhere = factories.mapping(factories.customer(2), 2, lago_subscription_external_id="elsewhere")
    before = list(IdTagMapping.objects.values())
    factories.imported([row(1, id_tag="tag0001"), row(2)], skip_existing=True)
    billed = IdTagMapping.objects.order_by("pk").values_list(
        "pk", "is_active", "lago_subscription_external_id"
    )
    assert list(billed) == [(inactive.pk, True, "backfill-C-1"), (elsewhere.pk, True, "backfill-C-2")]

    reverted()

    assert list(IdTagMapping.objects.values()) == before


def test_an_id_tag_that_bills_elsewhere_since_is_left_alone(lago: Sandbox) -> None:
    factories.mapping(factories.customer(), is_active=False, lago_subscription_external_id="")
    factories.imported([row()], skip_existing=True)
    IdTagMapping.objects.update(lago_subscription_external_id="since")
    before = list(IdTagMapping.objects.values())

    reverted()

    assert list(IdTagMapping.objects.values()) == before


def test_an_id_tag_that_a_second_run_made_bill_goes_back_run_by_run(lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=forever")
    factories.imported([row()])
    lago.clear_faults()
    first = latest_run()
    factories.imported([row()], skip_existing=True, new_run=True)
    billed = IdTagMapping.objects.get().is_active

    reverted()
    left = IdTagMapping.objects.get().is_active
    reverted(first)

    assert (billed, left) == (True, False)
    assert not IdTagMapping.objects.exists()
    assert lago.state(live=True)["customers"] == []
