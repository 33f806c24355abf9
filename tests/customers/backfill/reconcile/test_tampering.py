"""Somebody changes one thing after a run: reconcile names it, and nothing else."""

from collections.abc import Callable

import pytest

from customers.models import IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.undoing import divergences
from tests.rehearsal.lago.calls import Caller

KEY = "backfill-C-3"
SKIP = "on_termination_invoice=skip&on_termination_credit_note=skip"
Divergences = set[tuple[str, str, str]]


def customer(**changes: str) -> dict[str, dict[str, str]]:
    return {"customer": {"external_id": "C-3"} | changes}


def subscription(**changes: str) -> dict[str, dict[str, str]]:
    usual = {"external_id": KEY, "external_customer_id": "C-3", "plan_code": "standard"}
    return {"subscription": usual | {"subscription_at": "2024-01-01T00:00:00Z"} | changes}


def delete_customer(lago: Caller) -> None:
    lago.delete("/customers/C-3")


def recreate_customer(lago: Caller) -> None:
    delete_customer(lago)
    lago.post("/customers", customer(name="Customer 3", email="customer3@example.com"))


def terminate(lago: Caller) -> None:
    lago.delete(f"/subscriptions/{KEY}?{SKIP}")


def recreate_subscription(lago: Caller) -> None:
    terminate(lago)
    lago.post("/subscriptions", subscription())


def start_again_later(lago: Caller) -> None:
    terminate(lago)
    lago.post("/subscriptions", subscription(subscription_at="2024-02-01T00:00:00Z"))


def give_key_away(lago: Caller) -> None:
    terminate(lago)
    lago.post("/subscriptions", subscription(external_customer_id="X-1"))


def replace_by_another(lago: Caller) -> None:
    terminate(lago)
    lago.post("/subscriptions", subscription(external_id="theirs"))


IN_LAGO: dict[str, tuple[Callable[[Caller], object], Divergences]] = {
    "the customer is deleted": (
        delete_customer,
        {("C-3", "lago_customer", "missing"), ("C-3", "lago_subscription", "missing")},
    ),
    "the customer is made anew": (
        recreate_customer,
        {("C-3", "lago_customer", "other_object"), ("C-3", "lago_subscription", "missing")},
    ),
    "the email is changed": (
        lambda lago: lago.post("/customers", customer(email="other@example.com")),
        {("C-3", "lago_customer", "email_drifted")},
    ),
    "the name is changed": (
        lambda lago: lago.post("/customers", customer(name="Other")),
        {("C-3", "lago_customer", "name_drifted")},
    ),
    "the subscription is terminated": (terminate, {("C-3", "lago_subscription", "terminated")}),
    "it is made anew": (recreate_subscription, {("C-3", "lago_subscription", "other_object")}),
    "it is made anew with another start": (
        start_again_later,
        {("C-3", "lago_subscription", "other_start")},
    ),
    "its id is given to another customer": (give_key_away, {("C-3", "lago_subscription", "other_owner")}),
    "another takes its place": (replace_by_another, {("C-3", "lago_subscription", "other_subscription")}),
    "the plan is upgraded": (
        lambda lago: lago.post("/subscriptions", subscription(plan_code="fleet")),
        {("C-3", "lago_subscription", "other_plan")},
    ),
    "a downgrade is scheduled": (
        lambda lago: lago.post("/subscriptions", subscription(plan_code="night")),
        {("C-3", "lago_subscription", "other_plan")},
    ),
    "a second subscription is added": (
        lambda lago: lago.post("/subscriptions", subscription(external_id="second")),
        {("C-3", "lago_subscription", "more_than_one")},
    ),
    "a later one is added": (
        lambda lago: lago.post(
            "/subscriptions", subscription(external_id="second", subscription_at="2031-01-01T00:00:00Z")
        ),
        {("C-3", "lago_subscription", "more_than_one")},
    ),
    "the start of a pending one is moved": (
        lambda lago: lago.put(
            "/subscriptions/backfill-C-4?status=pending",
            {"subscription": {"subscription_at": "2031-01-01T00:00:00Z"}},
        ),
        {("C-4", "lago_subscription", "other_start")},
    ),
    "a pending one is cancelled": (
        lambda lago: lago.delete("/subscriptions/backfill-C-4?status=pending"),
        {("C-4", "lago_subscription", "terminated")},
    ),
    "the plan of a pending one is changed": (
        lambda lago: lago.post(
            "/subscriptions",
            subscription(external_id="backfill-C-4", external_customer_id="C-4", plan_code="fleet"),
        ),
        {("C-4", "lago_subscription", "other_plan")},
    ),
    "an adopted subscription is terminated": (
        lambda lago: lago.delete(f"/subscriptions/theirs-5?{SKIP}"),
        {("C-5", "lago_subscription", "terminated")},
    ),
    "an adopted customer is renamed": (
        lambda lago: lago.post("/customers", {"customer": {"external_id": "C-5", "name": "Other"}}),
        set(),  # its name was never ours
    ),
    "somebody else's customer is deleted": (
        lambda lago: lago.delete("/customers/X-9"),
        set(),
    ),
}


@pytest.mark.parametrize(("tamper", "expected"), IN_LAGO.values(), ids=IN_LAGO)
def test_what_is_changed_in_lago_is_named(
    imported: Sandbox, by_hand: Caller, tamper: Callable[[Caller], object], expected: Divergences
) -> None:
    before = divergences()

    tamper(by_hand)

    assert before == set()
    assert divergences() == expected


def mapping() -> IdTagMapping:
    return IdTagMapping.objects.get(id_tag="TAG0003")


def user(number: int = 3) -> User:
    return User.objects.get(external_id=f"C-{number}")


def deactivate_mapping() -> None:
    IdTagMapping.objects.filter(pk=mapping().pk).update(is_active=False)


def give_mapping_away() -> None:
    IdTagMapping.objects.filter(pk=mapping().pk).update(user=user(1))


def delete_user() -> None:
    IdTagMapping.objects.filter(user=user()).delete()
    user().delete()


def change_user(**changes: object) -> None:
    User.objects.filter(pk=user().pk).update(**changes)


def add_id_tag() -> None:
    IdTagMapping.objects.create(
        user=user(), id_tag="EXTRA", is_active=True, lago_subscription_external_id=KEY
    )


HERE: dict[str, tuple[Callable[[], object], Divergences]] = {
    "a mapping is deactivated": (deactivate_mapping, {("C-3", "id_tag_mapping", "inactive")}),
    "a mapping is deleted": (lambda: mapping().delete(), {("C-3", "id_tag_mapping", "missing")}),
    "a mapping is given away": (give_mapping_away, {("C-3", "id_tag_mapping", "other_owner")}),
    "a mapping bills elsewhere": (
        lambda: IdTagMapping.objects.filter(pk=mapping().pk).update(lago_subscription_external_id="other"),
        {("C-3", "id_tag_mapping", "other_subscription")},
    ),
    "an idTag is added": (add_id_tag, {("C-3", "id_tag_mapping", "extra")}),
    "the customer is deleted": (
        delete_user,
        {("C-3", "user", "missing"), ("C-3", "id_tag_mapping", "missing")},
    ),
    "the customer is deactivated": (lambda: change_user(is_active=False), {("C-3", "user", "inactive")}),
    "the external_id is changed": (
        lambda: change_user(external_id="Z-3"),
        {("C-3", "user", "other_key")},
    ),
    "the address is changed": (
        lambda: change_user(email="new@example.com"),
        {("C-3", "lago_customer", "email_drifted")},
    ),
    "the name is changed": (
        lambda: change_user(display_name="New"),
        {("C-3", "lago_customer", "name_drifted")},
    ),
}


@pytest.mark.parametrize(("tamper", "expected"), HERE.values(), ids=HERE)
def test_what_is_changed_here_is_named(
    imported: Sandbox, tamper: Callable[[], object], expected: Divergences
) -> None:
    before = divergences()

    tamper()

    assert before == set()
    assert divergences() == expected
