"""Events and invoices: counted with as few calls as possible."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from tests.billing.objects import CREATED_AT, listing
from tests.billing.scripted import Answer, Asked, Scripted


def event(number: int, external_subscription_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "lago_id": f"e{number}",
        "transaction_id": f"t{number}",
        "code": "ev_charging_kwh",
        "timestamp": CREATED_AT,
        "external_subscription_id": external_subscription_id,
        "properties": {"kwh": "7.5"},
        **changes,
    }


def holding(events: Sequence[dict[str, Any]]) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        query = dict(asked.query)
        wanted = query.get("external_subscription_id")
        items = [one for one in events if wanted in (None, one["external_subscription_id"])]
        return listing("events", items, page=int(query["page"]), per_page=int(query["per_page"]))

    return answer


def test_many_subscriptions_are_counted_by_paging(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([event(1, "S1"), event(2, "S1"), event(3, "S2"), event(4, "other")])

    assert client.events_of(["S1", "S2", "S3"]) == {"S1": 2, "S2": 1, "S3": 0}
    assert len(scripted.asked) == 1


def test_few_subscriptions_among_many_events_are_counted_by_themselves(
    client: LagoClient, scripted: Scripted
) -> None:
    scripted.route = holding([*(event(number, "other") for number in range(2000)), event(3000, "S1")])

    assert client.events_of(["S1", "S2"]) == {"S1": 1, "S2": 0}
    assert len(scripted.asked) == 3
    assert ("per_page", "1") in scripted.asked[-1].query


def test_one_subscription_is_counted_by_itself(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([event(1, "S1")])

    assert client.events_of(["S1"]) == {"S1": 1}
    assert ("external_subscription_id", "S1") in scripted.asked[0].query


def test_a_count_over_foreign_events_is_not_believed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(listing("events", [event(1, "other")]))

    with pytest.raises(LagoError) as caught:
        client.events_of(["S1"])

    assert caught.value.code == "lago_unexpected"


def test_events_without_an_id_of_lagos_are_all_counted(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([event(number, "S1", lago_id=None) for number in range(3)])

    assert client.events_of(["S1", "S2"]) == {"S1": 3, "S2": 0}


def test_events_are_read_whole(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([event(1, "S1"), event(2, "other")])

    events = client.events("S1")

    assert [(one.transaction_id, one.code, one.properties) for one in events] == [
        ("t1", "ev_charging_kwh", {"kwh": "7.5"})
    ]


def test_events_of_another_subscription_are_left_out(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(listing("events", [event(1, "S1"), event(2, "s1")]))

    assert [one.transaction_id for one in client.events("S1")] == ["t1"]


def test_invoices_are_counted_by_their_customer(client: LagoClient, scripted: Scripted) -> None:
    invoices = [{"lago_id": f"i{n}", "customer": {"external_id": owner}} for n, owner in enumerate("AAB")]
    scripted.answers(listing("invoices", invoices))

    assert client.invoices_of(["A", "B", "C"]) == {"A": 2, "B": 1, "C": 0}


def test_events_can_be_asked_for_from_an_instant_on(client: LagoClient, scripted: Scripted) -> None:
    scripted.route = holding([event(1, "S1"), event(2, "other")])
    since = datetime(2026, 11, 22, 19, 30, 5, 250_000, tzinfo=timezone(timedelta(hours=1)))

    of_one, of_all = client.events("S1", since=since), client.events_since(since)

    assert ([e.transaction_id for e in of_one], [e.transaction_id for e in of_all]) == (["t1"], ["t1", "t2"])
    assert [dict(asked.query)["timestamp_from"] for asked in scripted.asked] == ["2026-11-22T18:30:05Z"] * 2
