"""A customer acted after the run: a revert asks first, and then does as it is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import row
from tests.customers.undoing import all_rows, latest_run, revert_planned, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "backfill-C-1"


def user(number: int = 1) -> User:
    return User.objects.get(external_id=f"C-{number}")


def change_user(**changes: Any) -> None:
    User.objects.filter(pk=user().pk).update(**changes)


def subscribe(lago: Caller, **changes: str) -> None:
    usual = {"external_id": KEY, "external_customer_id": "C-1", "plan_code": "standard"}
    lago.post(
        "/subscriptions", {"subscription": usual | {"subscription_at": "2024-01-01T00:00:00Z"} | changes}
    )


def subscribe_again(lago: Caller) -> None:
    lago.delete(f"/subscriptions/{KEY}?on_termination_invoice=skip&on_termination_credit_note=skip")
    subscribe(lago)


def use(lago: Caller) -> None:
    event = {"transaction_id": "t-1", "external_subscription_id": KEY, "code": "ev_charging_kwh"}
    lago.post("/events", {"event": event | {"timestamp": 1_795_000_000}})


def add_id_tag() -> None:
    IdTagMapping.objects.create(
        user=user(), id_tag="EXTRA", is_active=True, lago_subscription_external_id=KEY
    )


def give_id_tag_away() -> None:
    somebody = factories.customer(9)
    IdTagMapping.objects.filter(id_tag="TAG0001").update(user=somebody)


ACTS: dict[str, tuple[Callable[[Caller], object], set[str]]] = {
    "signed in": (lambda lago: change_user(last_login=timezone.now()), {"signed in"}),
    "address": (lambda lago: change_user(email="new@example.com"), {"changed the address"}),
    "usage": (use, {"usage events in Lago: 1"}),
    "upgrade": (
        lambda lago: subscribe(lago, plan_code="fleet"),
        {"changed the plan to fleet", "invoices in Lago: 1"},
    ),
    "downgrade": (lambda lago: subscribe(lago, plan_code="night"), {"changed the plan to night"}),
    "subscribed again": (subscribe_again, {"has another subscription under the same id"}),
    "another subscription": (
        lambda lago: subscribe(lago, external_id="second"),
        {"has other subscriptions in Lago"},
    ),
    "another idTag": (lambda lago: add_id_tag(), {"has other idTags"}),
    "an idTag less": (lambda lago: give_id_tag_away(), {"gave an idTag away"}),
}
act = pytest.mark.parametrize(("act", "reasons"), ACTS.values(), ids=ACTS)


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    """A run over C-1, who has two cards, and C-2."""
    factories.imported([row(1), row(2), row(1, id_tag="SECOND1")])
    return latest_run()


@act
def test_it_refuses_and_shows_why(
    lago: Sandbox, run: BackfillRun, by_hand: Caller, act: Callable[[Caller], object], reasons: set[str]
) -> None:
    act(by_hand)
    before = all_rows(), lago.state(volatile=True)

    report = reverted(run)

    assert report.status == "refused"
    assert {name: set(found) for name, found in report.plan.active.items()} == {"C-1": reasons}
    assert (all_rows(), lago.state(volatile=True)) == before


@act
def test_who_acted_can_be_kept_whole(
    lago: Sandbox, run: BackfillRun, by_hand: Caller, act: Callable[[Caller], object], reasons: set[str]
) -> None:
    act(by_hand)
    kept = customers_but("C-2", lago)

    report = reverted(run, keep_active=True)

    assert report.status == "reverted"
    assert customers_but("C-2", lago) == customers_but("", lago) == kept
    assert not User.objects.filter(external_id="C-2").exists()


@act
def test_what_they_did_can_be_discarded(
    lago: Sandbox, run: BackfillRun, by_hand: Caller, act: Callable[[Caller], object], reasons: set[str]
) -> None:
    act(by_hand)
    billed = lago.journal()

    report = reverted(run, discard_activity=True)

    assert report.status == "reverted"
    assert not User.objects.filter(external_id__in=["C-1", "C-2"]).exists()
    assert not IdTagMapping.objects.exists()
    live = lago.state(live=True)
    assert live["customers"] == live["subscriptions"] == []
    assert lago.journal() == billed


def customers_but(external_id: str, lago: Sandbox) -> Any:
    """All that there is of all customers but one, here and in Lago."""
    state = lago.state(live=True, volatile=True)
    return (
        list(User.objects.exclude(external_id=external_id).order_by("pk").values()),
        list(IdTagMapping.objects.exclude(user__external_id=external_id).order_by("pk").values()),
        [one for one in state["customers"] if one["external_id"] != external_id],
        [one for one in state["subscriptions"] if one["external_customer_id"] != external_id],
    )


def test_a_customer_whom_a_later_run_touched_is_asked_about(lago: Sandbox, run: BackfillRun) -> None:
    factories.imported([row(1, id_tag="THIRD1")], skip_existing=True)
    later = latest_run()

    active = revert_planned(run).active
    reverted(later)

    assert set(active) == {"C-1"}
    assert set(active["C-1"]) == {f"touched by the later run {later.run_id}", "has other idTags"}
    assert revert_planned(run).active == {}


def test_runs_over_the_same_customers_can_be_taken_back_in_any_order(lago: Sandbox, run: BackfillRun) -> None:
    factories.imported([row(1, id_tag="THIRD1"), row(3)], skip_existing=True)
    later = latest_run()

    first = reverted(run, discard_activity=True)
    left = set(User.objects.values_list("external_id", flat=True))
    second = reverted(later)

    assert (first.status, second.status) == ("reverted", "reverted")
    assert left == {"C-3"}
    assert not User.objects.exists()
    assert lago.state(live=True)["customers"] == []


def test_a_sign_in_from_before_the_run_is_none_of_it(lago: Sandbox) -> None:
    factories.customer(1, last_login=timezone.now() - timedelta(days=1))
    factories.imported([row(1)], skip_existing=True)

    assert revert_planned().active == {}


def test_a_downgrade_of_a_customer_whom_lago_had_before_is_noticed(lago: Sandbox, by_hand: Caller) -> None:
    factories.lago_customer(lago)
    before = lago.state(live=True)
    factories.imported([row(1)], skip_existing=True)
    subscribe(by_hand, plan_code="night")

    active = revert_planned().active
    report = reverted(discard_activity=True)

    assert active == {"C-1": ["changed the plan to night"]}
    assert report.status == "reverted"
    assert lago.state(live=True) == before
    assert lago.journal() == {"invoices": [], "credit_notes": []}


def test_who_was_kept_can_be_discarded_later(lago: Sandbox, run: BackfillRun) -> None:
    change_user(last_login=timezone.now())
    reverted(run, keep_active=True)

    again = reverted(run)
    discarded = reverted(run, discard_activity=True)

    assert (again.status, discarded.status) == ("refused", "reverted")
    assert not User.objects.exists()
    assert lago.state(live=True)["customers"] == []
