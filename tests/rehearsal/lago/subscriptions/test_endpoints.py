"""Reading subscriptions (cases S18 to S22 and S30 of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, day_from_today


def test_s18_a_single_read_sees_active_ones_unless_asked(caller: Caller) -> None:
    caller.subscription("on")
    caller.subscription("later", subscription_at=day_from_today(5))

    assert caller.get("/subscriptions/on").status == 200
    assert caller.get("/subscriptions/later").code == "subscription_not_found"
    assert caller.get("/subscriptions/later?status=pending").status == 200
    assert caller.get("/subscriptions/on?status=nonsense").status == 404


def test_s19_of_several_terminated_ones_the_last_is_read(caller: Caller) -> None:
    caller.subscription(name="first")
    caller.delete("/subscriptions/sub-A1")
    caller.subscription(name="second")
    caller.delete("/subscriptions/sub-A1")

    row = caller.get("/subscriptions/sub-A1?status=terminated").body["subscription"]

    assert row["name"] == "second"


@pytest.fixture
def one_of_each(caller: Caller) -> None:
    caller.subscription("active")
    caller.subscription("pending", subscription_at=day_from_today(5))
    caller.subscription("terminated")
    caller.delete("/subscriptions/terminated")
    caller.subscription("canceled", external_customer_id="B1", subscription_at=day_from_today(6))
    caller.delete("/subscriptions/canceled?status=pending")
    caller.subscription("other", external_customer_id="B1", plan_code="fleet")


def _listed(caller: Caller, path: str) -> list[str]:
    return sorted(row["external_id"] for row in caller.get(path).body["subscriptions"])


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["active", "other"]),
        ("?status[]=terminated", ["terminated"]),
        ("?status[]=active&status[]=pending", ["active", "other", "pending"]),
        ("?status=pending", ["active", "other"]),
        ("?status[]=cancelled", ["active", "canceled", "other", "pending", "terminated"]),
        ("?external_customer_id=B1", ["other"]),
        ("?external_customer_id=nobody", []),
        ("?plan_code=fleet", ["other"]),
        ("?external_id=active", ["active"]),
        ("?external_id=pending", []),
        ("?external_id=pending&status[]=pending", ["pending"]),
    ],
)
def test_s20_s21_s22_filters_of_the_list(caller: Caller, query: str, found: list[str]) -> None:
    assert _listed(caller, f"/subscriptions{query}") == found


@pytest.mark.usefixtures("one_of_each")
def test_the_list_of_one_customer(caller: Caller) -> None:
    assert _listed(caller, "/customers/A1/subscriptions") == ["active"]
    assert _listed(caller, "/customers/A1/subscriptions?status[]=pending") == ["pending"]
    assert caller.get("/customers/nobody/subscriptions").code == "customer_not_found"


def test_the_list_is_ordered_by_start_then_newest_first(caller: Caller) -> None:
    for external_id, day in (
        ("s1", day_from_today(-3)),
        ("s2", day_from_today(-1)),
        ("s3", day_from_today(-3)),
    ):
        caller.subscription(external_id, subscription_at=day)

    rows = caller.get("/subscriptions").body["subscriptions"]

    assert [row["external_id"] for row in rows] == ["s2", "s3", "s1"]


def test_subscriptions_of_a_deleted_customer_are_listed_only_unfiltered(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.hold_jobs()
    caller.subscription()
    caller.delete("/customers/A1")

    assert _listed(caller, "/subscriptions") == ["sub-A1"]
    assert _listed(caller, "/subscriptions?external_customer_id=A1") == []


def test_an_unknown_billing_entity_filter_is_not_found(caller: Caller) -> None:
    assert caller.get("/subscriptions?billing_entity_codes[]=x").code == "billing_entity_not_found"


@pytest.mark.parametrize(("compat", "status"), [("released", 404), ("head", 200)])
def test_s30_dots_in_the_path_are_understood_at_head_only(caller: Caller, status: int) -> None:
    caller.subscription("coker.com")

    assert caller.get("/subscriptions/coker.com").status == status
    assert caller.get("/subscriptions/coker%2Ecom").status == 200
