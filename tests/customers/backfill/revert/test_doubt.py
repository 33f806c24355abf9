"""A create whose answer never came: a revert looks, and takes back only what must be ours."""

import pytest

from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.factories import row
from tests.customers.undoing import latest_run, revert_planned, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db(transaction=True)

CARDS = [row(1), row(1, id_tag="SECOND1")]


def unanswered(lago: Sandbox, path: str) -> None:
    """Import C-1, whose call to `path` is carried out and never answered."""
    lago.fault(f"500_after,method=POST,path={path},times=forever")
    factories.imported(CARDS)
    lago.clear_faults()


@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
def test_what_was_made_is_found_and_removed(lago: Sandbox, path: str) -> None:
    unanswered(lago, path)

    planned = revert_planned()
    report = reverted()

    assert planned.active == {}
    assert report.status == "reverted"
    live = lago.state(live=True)
    assert live["customers"] == live["subscriptions"] == []
    assert not User.objects.exists()
    assert world.is_unbilled(lago)


@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
def test_what_was_never_made_is_told_as_gone(lago: Sandbox, path: str) -> None:
    lago.fault(f"reset_before,method=POST,path={path},times=forever")
    factories.imported(CARDS)
    lago.clear_faults()

    report = reverted()

    assert report.status == "reverted"
    assert report.counts["gone"] == 1
    assert lago.state(live=True)["customers"] == []
    assert not IdTagMapping.objects.exists()


def test_a_customer_with_other_data_is_left_to_people(lago: Sandbox, by_hand: Caller) -> None:
    unanswered(lago, "/customers")
    by_hand.post("/customers", {"customer": {"external_id": "C-1", "name": "Somebody else"}})
    before = lago.state(volatile=True)

    planned = revert_planned().rows[0]
    report = reverted()

    assert report.status == "reverted"
    assert planned.stays["lago_customer"].startswith("whether the run made it cannot be told")
    assert lago.state(volatile=True) == before
    assert not User.objects.exists()


def test_a_subscription_on_another_plan_is_asked_about_with_its_customer(
    lago: Sandbox, by_hand: Caller
) -> None:
    unanswered(lago, "/subscriptions")
    changed = {"external_id": "backfill-C-1", "external_customer_id": "C-1", "plan_code": "fleet"}
    by_hand.post("/subscriptions", {"subscription": changed})
    before = lago.state(volatile=True)

    report = reverted()

    assert report.status == "refused"
    assert set(report.plan.active["C-1"]) == {"changed the plan to fleet", "invoices in Lago: 1"}
    assert lago.state(volatile=True) == before


def test_a_run_that_only_adopted_has_nothing_to_take_back(lago: Sandbox) -> None:
    factories.imported(CARDS)
    factories.imported([*CARDS, row(1, id_tag="THIRD1")][:2], skip_existing=True)
    before = world.people(), lago.state(volatile=True)

    report = reverted(latest_run())

    assert report.status == "nothing"
    assert (world.people(), lago.state(volatile=True)) == before
