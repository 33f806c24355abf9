"""Usage events into Lago."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import ID_TAG, call, charge, events_in, eventually


def test_a_finished_session_reaches_lago_in_the_platforms_form(billed: SteveSandbox, lago: Sandbox) -> None:
    pk = charge(billed)

    (sent,) = eventually(billed, "events")
    session = billed.world.sessions[pk]
    assert session.stopped_at is not None
    assert (sent["status"], len(events_in(lago))) == (200, 1)
    assert sent["event"] == {
        "transaction_id": f"steve_tx_{pk}_final",
        "external_subscription_id": "backfill-LEGACY-001",
        "code": "ev_charging_kwh",
        "timestamp": int(session.stopped_at.timestamp()),
        "properties": {
            "value": "7.400",
            "kwh": "7.400",
            "charger_id": "TEST-1",
            "connector_id": "1",
            "session_duration_minutes": "0",
            "start_timestamp": call(billed, "GET", "transactions").json()[0]["startTimestamp"],
            "stop_timestamp": call(billed, "GET", "transactions").json()[0]["stopTimestamp"],
        },
    }


def test_increments_and_the_rest_add_up(billed: SteveSandbox) -> None:
    billed.steer("POST", "usage", incremental=True)

    pk = charge(billed)

    # Half and whole were metered, so that nothing is left for the end.
    events = [sent["event"] for sent in eventually(billed, "events", 2)]
    assert [event["properties"]["kwh"] for event in events] == ["3.700", "3.700"]
    assert eventually(billed, "skipped") == [{"transaction_pk": pk, "reason": "no_energy"}]


def test_another_spelling_is_not_billed(billed: SteveSandbox) -> None:
    pk = charge(billed, "a1b2c3d4")

    assert eventually(billed, "skipped") == [{"transaction_pk": pk, "reason": "no_mapping"}]


@pytest.mark.parametrize(
    ("behaviour", "subscription", "kwh"),
    [
        ({"factor": 0.5}, "backfill-LEGACY-001", "3.700"),
        ({"external_subscription_id": "somebody-else"}, "somebody-else", "7.400"),
        ({"delay_s": 0.05}, "backfill-LEGACY-001", "7.400"),
    ],
)
def test_the_platform_can_be_made_to_err(
    billed: SteveSandbox, behaviour: dict[str, Any], subscription: str, kwh: str
) -> None:
    billed.steer("POST", "usage", **behaviour)

    charge(billed)

    event = eventually(billed, "events")[0]["event"]
    assert (event["external_subscription_id"], event["properties"]["value"]) == (subscription, kwh)


def test_the_platform_can_be_made_to_forget(billed: SteveSandbox, lago: Sandbox) -> None:
    billed.steer("POST", "usage", omit=True)

    charge(billed)

    assert eventually(billed, "skipped")[0]["reason"] == "omitted"
    assert events_in(lago) == []


def test_subscriptions_can_come_from_the_platforms_own_mappings(lago: Sandbox) -> None:
    known = {ID_TAG: "backfill-LEGACY-001"}
    with SteveSandbox(
        lago_url=lago.url, lago_key=lago.key, charge_boxes=["TEST-1"], subscription_of=known.get
    ) as steve:
        steve.world.add_tag(ID_TAG)

        charge(steve)

        assert eventually(steve, "events")[0]["status"] == 200


def test_a_lago_that_is_down_is_seen_in_the_state() -> None:
    with SteveSandbox(
        lago_url="http://127.0.0.1:9", lago_key="x", charge_boxes=["TEST-1"], mapping={ID_TAG: "s"}
    ) as steve:
        steve.world.add_tag(ID_TAG)

        charge(steve)

        assert eventually(steve, "events")[0]["status"] is None
