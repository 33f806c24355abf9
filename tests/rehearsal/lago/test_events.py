"""Usage events (cases E of the specification)."""

import pytest

from tests.rehearsal.lago.calls import Caller, escaped

ODD_ID = "1Az()[]?#._/|-/../"


def test_e1_an_event_is_echoed(caller: Caller) -> None:
    answer = caller.event(
        timestamp=1763830801.5, properties={"value": 7.25}, precise_total_amount_cents="12.3"
    )

    event = answer.body["event"]
    assert (event["transaction_id"], event["code"]) == ("t1", "ev_charging_kwh")
    assert event["timestamp"] == "2025-11-22T17:00:01.500Z"
    assert event["properties"] == {"value": 7.25}
    assert event["precise_total_amount_cents"] == "12.3"
    assert (event["lago_subscription_id"], event["lago_customer_id"]) == (None, None)


def test_e2_the_same_event_again_is_refused(caller: Caller) -> None:
    caller.event()

    assert caller.event().details == {"transaction_id": ["value_already_exist"]}
    assert caller.event(external_subscription_id="other").status == 200


def test_events_of_no_subscription_never_clash(caller: Caller) -> None:
    answers = [caller.event(external_subscription_id=None) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize("timestamp", ["2026-11-22", "soon", [], "1e400"])
def test_e3_a_timestamp_is_unix_seconds(caller: Caller, timestamp: object) -> None:
    assert caller.event(timestamp=timestamp).details == {"timestamp": ["invalid_format"]}


@pytest.mark.parametrize("timestamp", [1763830801, "1763830801", None])
def test_a_timestamp_may_be_text_or_missing(caller: Caller, timestamp: object) -> None:
    assert caller.event(timestamp=timestamp).status == 200


def test_transaction_and_code_are_mandatory(caller: Caller) -> None:
    answer = caller.post("/events", {"event": {"external_subscription_id": "s"}})

    assert answer.details == {"transaction_id": ["value_is_mandatory"], "code": ["value_is_mandatory"]}
    assert caller.post("/events", {}).status == 400


def _batch(*transaction_ids: str) -> list[dict[str, object]]:
    return [{"transaction_id": one, "code": "c", "external_subscription_id": one} for one in transaction_ids]


def test_a_batch_is_stored(caller: Caller) -> None:
    answer = caller.post("/events/batch", {"events": _batch("t1", "t2")})

    assert list(answer.body) == ["events"]
    assert caller.get("/events").body["meta"]["total_count"] == 2


def test_e4_one_bad_event_spoils_the_batch(caller: Caller) -> None:
    events = _batch("t1", "t2")
    events[1]["timestamp"] = "2026-11-22"

    answer = caller.post("/events/batch", {"events": events})

    assert answer.details == {"1": {"timestamp": ["invalid_format"]}}
    assert caller.get("/events").body["events"] == []


def test_a_transaction_twice_in_a_batch_is_refused(caller: Caller) -> None:
    events = _batch("t1", "t1")
    events[1]["external_subscription_id"] = "other"

    answer = caller.post("/events/batch", {"events": events})

    assert answer.details == {"1": {"transaction_id": ["value_already_exist"]}}


@pytest.mark.parametrize(("count", "code"), [(101, "too_many_events"), (0, "no_events")])
def test_e5_a_batch_holds_1_to_100(caller: Caller, count: int, code: str) -> None:
    events = _batch(*(f"t{number}" for number in range(count)))

    assert caller.post("/events/batch", {"events": events}).details == {"events": [code]}


def test_e6_subscription_and_metric_are_not_checked(caller: Caller) -> None:
    assert caller.event(external_subscription_id="unknown", code="unknown").status == 200


def test_e7_events_are_listed_newest_first_and_filtered(caller: Caller) -> None:
    for transaction_id, timestamp in (("t1", 100), ("t2", 300), ("t3", 200)):
        caller.event(transaction_id, timestamp=timestamp)
    caller.event("t4", external_subscription_id="other", timestamp=400)
    caller.event("t5", code="other", timestamp=500)

    def found(query: str) -> list[str]:
        return [event["transaction_id"] for event in caller.get(f"/events{query}").body["events"]]

    assert found("?external_subscription_id=sub-A1&code=ev_charging_kwh") == ["t2", "t3", "t1"]
    assert found("?timestamp_from=1970-01-01T00:05:00Z&timestamp_to=1970-01-01T00:07:00Z") == ["t4", "t2"]
    assert caller.get("/events?timestamp_from=x").details == {"timestamp_from": ["invalid_date"]}


def test_e8_an_event_is_read_by_its_escaped_id(caller: Caller) -> None:
    caller.event(ODD_ID)

    answer = caller.get(f"/events/{escaped(ODD_ID)}")

    assert answer.body["event"]["transaction_id"] == ODD_ID
    assert caller.get("/events/unknown").code == "event_not_found"
