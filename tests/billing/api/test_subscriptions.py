"""Subscriptions: where a careless call bills somebody."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from billing.values import Subscription
from tests.billing.objects import listing, refusal, subscription
from tests.billing.scripted import Answer, Asked, Scripted

START = datetime(2026, 11, 1, tzinfo=UTC)
ABSENT = refusal(404, "subscription_not_found")


def one(**changes: Any) -> Answer:
    return Answer(body={"subscription": subscription("backfill-A1", **changes)})


def create(client: LagoClient, subscription_at: datetime = START) -> Subscription:
    return client.create_subscription(
        external_id="backfill-A1",
        external_customer_id="A1",
        plan_code="standard",
        subscription_at=subscription_at,
        billing_time="calendar",
    )


def holding(subscriptions: Sequence[dict[str, Any]]) -> Callable[[Asked], Answer]:
    """Answer as a Lago with these subscriptions: by pages, by customer, and each by its address."""

    def answer(asked: Asked) -> Answer:
        query = dict(asked.query)
        if "page" in query:
            owner = query.get("external_customer_id")
            items = [one for one in subscriptions if owner in (None, one["external_customer_id"])]
            return listing("subscriptions", items, page=int(query["page"]), per_page=int(query["per_page"]))
        wanted = (asked.path.rsplit("/", 1)[1], query["status"])
        found = [one for one in subscriptions if (one["external_id"], one["status"]) == wanted]
        return Answer(body={"subscription": found[0]}) if found else ABSENT

    return answer


def crowd(number: int) -> list[dict[str, Any]]:
    return [subscription(f"other-{place}", external_customer_id=f"other-{place}") for place in range(number)]


# Looking


def test_the_status_is_asked_for(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT)

    client.subscription("S1")
    client.subscription("S1", status="pending")

    assert scripted.targets() == [
        "/api/v1/subscriptions/S1?status=active",
        "/api/v1/subscriptions/S1?status=pending",
    ]


def test_an_answer_about_another_subscription_is_not_believed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(one())

    with pytest.raises(LagoError) as caught:
        client.subscription("backfill-A2")

    assert caught.value.code == "lago_id_mismatch"


def test_all_live_subscriptions_of_a_customer_are_found(client: LagoClient, scripted: Scripted) -> None:
    pending = subscription("S2", status="pending", started_at=None)
    scripted.route = holding([subscription("S1"), pending, *crowd(3)])

    found = client.subscriptions_of(["A1", "A2"])

    assert {name: [each.external_id for each in group] for name, group in found.items()} == {
        "A1": ["S1", "S2"],
        "A2": [],
    }
    assert scripted.asked[0].query[:2] == [("status[]", "active"), ("status[]", "pending")]
    assert len(scripted.asked) == 1


def test_our_id_at_another_customer_is_listed_for_both(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([subscription("backfill-A1", external_customer_id="B2")])

    found = client.subscriptions_of(["A1", "B2"])

    assert found["A1"] == found["B2"]
    assert found["A1"][0].external_customer_id == "B2"


def test_few_customers_of_a_large_lago_are_asked_for_by_themselves(
    client: LagoClient, scripted: Scripted
) -> None:
    mine = [subscription("S1"), subscription("backfill-A1", external_customer_id="B2")]
    scripted.route = holding([*crowd(3000), *mine])

    found = client.subscriptions_of(["A1"])

    assert {each.external_id for each in found["A1"]} == {"S1", "backfill-A1"}
    assert len(scripted.asked) == 4  # the first page, the customer's own, ours active, ours pending


def test_many_customers_of_a_large_lago_are_paged(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([*crowd(1800), subscription("S1")])

    found = client.subscriptions_of({"A1", "A2"})

    assert len(found["A1"]) == 1
    assert len(scripted.asked) == 4


def test_no_customers_ask_nothing(client: LagoClient, scripted: Scripted) -> None:
    assert client.subscriptions_of([]) == {}
    assert scripted.asked == []


def test_only_a_customers_own_are_its_own(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(
        listing("subscriptions", [subscription("S1"), subscription("S2", external_customer_id="a1")])
    )

    assert [each.external_id for each in client.subscriptions_of_customer("A1")] == ["S1"]


# Creating


def test_a_subscription_is_sent_without_a_name_and_with_its_instant(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.answers(one())

    create(client, datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=1))))

    assert scripted.asked[0].json == {
        "subscription": {
            "external_id": "backfill-A1",
            "external_customer_id": "A1",
            "plan_code": "standard",
            "subscription_at": "2026-11-01T00:00:00Z",
            "billing_time": "calendar",
        }
    }


def test_a_naive_start_is_never_sent(client: LagoClient, scripted: Scripted) -> None:
    with pytest.raises(ValueError, match="aware"):
        create(client, datetime(2026, 11, 1))

    assert scripted.asked == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"external_id": "backfill-A2"}, "lago_id_mismatch"),
        ({"external_customer_id": "A2"}, "lago_id_mismatch"),
        ({"plan_code": "Standard"}, "lago_unexpected"),
        ({"subscription_at": "2026-11-02T00:00:00Z"}, "lago_unexpected"),
        ({"subscription_at": None}, "lago_unexpected"),
        ({"status": "terminated"}, "lago_unexpected"),
        ({"previous_plan_code": "basic"}, "lago_unexpected"),
        ({"lago_id": None}, "lago_unexpected"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_told(
    client: LagoClient, scripted: Scripted, changes: dict[str, Any], code: str
) -> None:
    scripted.answers(one(**changes))

    with pytest.raises(LagoError) as caught:
        create(client)

    assert (caught.value.code, caught.value.sent) == (code, True)


def test_a_fraction_of_a_second_is_no_difference(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(one(subscription_at="2026-11-01T00:00:00.500Z"))

    assert create(client).status == "active"
