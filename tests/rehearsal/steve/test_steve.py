"""The stand-in for SteVe: as its API description and the facts have it, over real HTTP and websocket."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from charging.charge_point import ChargePointError, charging_session
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.contracts import shapes
from tests.customers.steve_world import LAST_YEAR, NEXT_YEAR, charged, charging

ID_TAG = "A1B2C3D4"
CONTRACT = shapes.steve()


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    with SteveSandbox(charge_boxes=["TEST-1"]) as sandbox:
        yield sandbox


def call(steve: SteveSandbox, method: str, path: str, body: Any = None, **query: str) -> requests.Response:
    return requests.request(
        method,
        f"{steve.url}/api/v1/{path}",
        json=body,
        params=query,
        auth=(steve.username, steve.key),
        timeout=60,
    )


def created(steve: SteveSandbox, **form: Any) -> dict[str, Any]:
    response = call(steve, "POST", "ocppTags", {"idTag": ID_TAG, **form})
    assert response.status_code == 201
    answer: dict[str, Any] = response.json()
    return answer


def charge(steve: SteveSandbox, id_tag: str = ID_TAG, energy_wh: int = 7400) -> int:
    session = asyncio.run(charging_session(steve.ocpp_url, "TEST-1", id_tag, energy_wh=energy_wh))
    return session.transaction_id


def eventually(steve: SteveSandbox, name: str, number: int = 1) -> list[dict[str, Any]]:
    """Wait until the state holds so many."""
    deadline = time.monotonic() + 60
    while len(found := steve.state()[name]) < number and time.monotonic() < deadline:
        time.sleep(0.005)
    assert len(found) == number
    return list(found)


# --- The REST API ------------------------------------------------------------------------------------


def test_without_the_key_nothing_is_answered(steve: SteveSandbox) -> None:
    response = requests.get(f"{steve.url}/api/v1/ocppTags", auth=("sandbox", "wrong"), timeout=60)

    assert (response.status_code, response.json()["status"]) == (401, 401)


def test_a_key_can_be_refused_on_demand(steve: SteveSandbox) -> None:
    steve.steer("POST", "key", refuse=True)

    assert call(steve, "GET", "ocppTags").status_code == 401


def test_an_id_tag_exists_in_one_spelling_only(steve: SteveSandbox) -> None:
    created(steve)

    response = call(steve, "POST", "ocppTags", {"idTag": "a1b2c3d4"})

    assert (response.status_code, "exists" in response.json()["message"]) == (422, True)


@pytest.mark.parametrize(
    "form",
    [
        {"idTag": "A" * 21},
        {"idTag": "A B"},
        {"idTag": ""},
        {},
        [],
        {"idTag": ID_TAG, "expiryDate": "2020-01-01T00:00:00Z"},
    ],
)
def test_a_form_that_is_not_valid_is_refused(steve: SteveSandbox, form: Any) -> None:
    assert call(steve, "POST", "ocppTags", form).status_code == 400


def test_the_limit_is_one_where_none_is_given(steve: SteveSandbox) -> None:
    assert created(steve)["maxActiveTransactionCount"] == 1


def test_a_parent_must_exist(steve: SteveSandbox) -> None:
    assert call(steve, "POST", "ocppTags", {"idTag": ID_TAG, "parentIdTag": "FLEET"}).status_code == 422


def test_a_put_replaces_all_but_the_id_tag(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    tag = created(steve, parentIdTag="FLEET", expiryDate=NEXT_YEAR.isoformat(), note="van")

    after = call(steve, "PUT", f"ocppTags/{tag['ocppTagPk']}", {"idTag": "OTHER"}).json()

    cleared = [after[name] for name in ("parentIdTag", "parentOcppTagPk", "expiryDate", "note")]
    assert (after["idTag"], cleared) == (ID_TAG, [None] * 4)


def test_an_expired_id_tag_cannot_be_put_back_as_it_is(steve: SteveSandbox) -> None:
    tag = steve.world.add_tag(ID_TAG, expiry_date=LAST_YEAR)
    form = {"idTag": ID_TAG, "expiryDate": LAST_YEAR.isoformat()}

    assert call(steve, "PUT", f"ocppTags/{tag.pk}", form).status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_number_is_not_found(steve: SteveSandbox, method: str) -> None:
    assert call(steve, method, "ocppTags/99", {"idTag": ID_TAG}).status_code == 404


def test_a_deletion_takes_the_charging_history_along(steve: SteveSandbox) -> None:
    tag = created(steve)
    charged(steve, ID_TAG)

    deleted = call(steve, "DELETE", f"ocppTags/{tag['ocppTagPk']}")

    assert (deleted.status_code, deleted.json()["idTag"]) == (200, ID_TAG)
    assert call(steve, "GET", "transactions").json() == []


def test_a_parent_with_children_is_not_deleted(steve: SteveSandbox) -> None:
    parent = steve.world.add_tag("FLEET")
    created(steve, parentIdTag="fleet")

    assert call(steve, "DELETE", f"ocppTags/{parent.pk}").status_code == 500


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["FREE", "BARRED", "OLD", "CHILD"]),
        ({"idTag": "free"}, ["FREE"]),
        ({"ocppTagPk": "2"}, ["BARRED"]),
        ({"parentIdTag": "FREE"}, ["CHILD"]),
        ({"blocked": "TRUE"}, ["BARRED"]),
        ({"expired": "TRUE"}, ["OLD"]),
        ({"expired": "FALSE", "blocked": "FALSE"}, ["FREE", "CHILD"]),
        ({"inTransaction": "TRUE"}, ["CHILD"]),
        ({"note": "van"}, ["BARRED"]),
    ],
)
def test_id_tags_can_be_filtered(steve: SteveSandbox, query: dict[str, str], found: list[str]) -> None:
    steve.world.add_tag("FREE")
    steve.world.add_tag("BARRED", max_active_transaction_count=0, note="a van")
    steve.world.add_tag("OLD", expiry_date=LAST_YEAR)
    steve.world.add_tag("CHILD", parent_id_tag="FREE")
    charging(steve, "CHILD")

    answer = call(steve, "GET", "ocppTags", **query).json()

    assert [tag["idTag"] for tag in answer] == found


@pytest.mark.parametrize(
    "path", ["ocppTags?blocked=yes", "transactions?type=OLD", "transactions?periodType=FROM_TO"]
)
def test_a_filter_that_is_none_is_refused(steve: SteveSandbox, path: str) -> None:
    assert call(steve, "GET", path).status_code == 400


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 3),
        ({"periodType": "TODAY"}, 1),
        ({"periodType": "LAST_30"}, 2),
        ({"type": "ACTIVE"}, 1),
        ({"type": "STOPPED"}, 2),
        ({"chargeBoxId": "TEST-9"}, 0),
        ({"periodType": "FROM_TO", "from": "2020-01-01T00:00:00", "to": "2020-12-31T00:00:00"}, 1),
    ],
)
def test_transactions_can_be_filtered(steve: SteveSandbox, query: dict[str, str], count: int) -> None:
    created(steve)
    charged(steve, ID_TAG, started_at=datetime(2020, 6, 1, tzinfo=UTC))
    charged(steve, ID_TAG, started_at=datetime.now(UTC) - timedelta(days=20))
    charging(steve, ID_TAG)

    assert len(call(steve, "GET", "transactions", **query).json()) == count


@pytest.mark.parametrize(
    ("method", "path", "operation", "status"),
    [
        ("GET", "ocppTags", "/api/v1/ocppTags", 200),
        ("GET", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("GET", "transactions", "/api/v1/transactions", 200),
        ("POST", "ocppTags", "/api/v1/ocppTags", 201),
        ("PUT", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("DELETE", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("DELETE", "ocppTags/99", "/api/v1/ocppTags/{ocppTagPk}", 404),
        ("PUT", "ocppTags/99", "/api/v1/ocppTags/{ocppTagPk}", 404),
    ],
)
def test_answers_keep_to_the_api_description(
    steve: SteveSandbox, method: str, path: str, operation: str, status: int
) -> None:
    steve.world.add_tag("FLEET", expiry_date=NEXT_YEAR, note="van", user_pk=3)
    charged(steve, "FLEET")
    charging(steve, "FLEET")

    response = call(steve, method, path, {"idTag": ID_TAG})

    assert response.status_code == status
    reply = f"{method} {operation} {status}"
    assert list(CONTRACT.departures(reply, without_nulls(response.json()))) == []


def without_nulls(answer: Any) -> Any:
    """SteVe writes what is not there as null, of which its own description says nothing."""
    if isinstance(answer, list):
        return [without_nulls(item) for item in answer]
    return {name: value for name, value in answer.items() if value is not None}


# --- Charge points -----------------------------------------------------------------------------------


def test_an_unknown_card_at_a_charger_is_inserted_and_blocked(steve: SteveSandbox) -> None:
    session, status = steve.world.start("TEST-1", 1, "STRANGER", 0, datetime.now(UTC))

    tag = steve.world.tags[session.tag_pk]
    assert (status, tag.id_tag, tag.is_blocked) == ("Invalid", "STRANGER", True)
    assert (tag.note or "").startswith("This unknown idTag was used in a transaction that started @ 20")


def test_blocked_counts_before_expired(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=0, expiry_date=LAST_YEAR)

    assert steve.world.authorise(ID_TAG) == "Blocked"


def test_the_limit_counts_at_the_start_only(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=1)
    charging(steve, ID_TAG)

    assert steve.world.authorise(ID_TAG) == "Accepted"
    assert steve.world.authorise(ID_TAG, starting=True) == "ConcurrentTx"


def test_a_session_keeps_the_spelling_of_the_charger(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    charge(steve, "a1b2c3d4")

    (session,) = call(steve, "GET", "transactions", ocppIdTag=ID_TAG).json()
    assert (session["ocppIdTag"], session["ocppTagPk"]) == ("a1b2c3d4", 1)
    assert (session["startValue"], session["stopValue"], session["stopEventActor"]) == (
        "0",
        "7400",
        "station",
    )


# --- Usage events into Lago --------------------------------------------------------------------------


@pytest.fixture
def lago() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        subscription = {
            "external_customer_id": "LEGACY-001",
            "plan_code": "standard",
            "external_id": "backfill-LEGACY-001",
            "subscription_at": "2024-01-01T00:00:00Z",
        }
        url = f"{sandbox.url}/api/v1/subscriptions"
        requests.post(
            url, json={"subscription": subscription}, headers=headers, timeout=60
        ).raise_for_status()
        yield sandbox


@pytest.fixture
def billed(lago: Sandbox) -> Iterator[SteveSandbox]:
    """A SteVe whose idTag is billed to the subscription in that Lago."""
    with SteveSandbox(
        lago_url=lago.url,
        lago_key=lago.key,
        charge_boxes=["TEST-1"],
        mapping={ID_TAG: "backfill-LEGACY-001"},
    ) as sandbox:
        sandbox.world.add_tag(ID_TAG)
        yield sandbox


def events_in(lago: Sandbox) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {lago.key}"}
    answer = requests.get(f"{lago.url}/api/v1/events", headers=headers, timeout=60).json()
    return list(answer["events"])


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


# --- Steering ----------------------------------------------------------------------------------------


def test_it_can_be_steered_over_http(steve: SteveSandbox) -> None:
    def post(name: str, **body: Any) -> int:
        return requests.post(f"{steve.control_url}/{name}", json=body, timeout=60).status_code

    answers = [
        post("charge-boxes", charge_boxes=["TEST-2"]),
        post("id-tags", id_tag=ID_TAG, max_active_transaction_count=0, expiry_date=LAST_YEAR.isoformat()),
        post("mapping", **{ID_TAG: "sub-1", "OTHER": "sub-2"}),
        post("mapping", OTHER=None),
    ]

    state = requests.get(f"{steve.control_url}/state", timeout=60).json()
    assert answers == [200] * 4
    assert (state["charge_boxes"], state["mapping"]) == (["TEST-1", "TEST-2"], {ID_TAG: "sub-1"})
    assert (state["id_tags"][0]["blocked"], state["id_tags"][0]["expiryDate"]) == (
        True,
        "2025-11-22T12:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nonsense", {}, 404),
        ("faults", {"kind": "nonsense"}, 400),
        ("faults", {"kind": "truncated"}, 400),
        ("usage", {"nonsense": 1}, 400),
        ("id-tags", {"id_tag": ID_TAG, "nonsense": 1}, 400),
        ("key", {}, 400),
    ],
)
def test_a_senseless_control_says_so(steve: SteveSandbox, name: str, body: Any, status: int) -> None:
    response = requests.post(f"{steve.control_url}/{name}", json=body, timeout=60)

    assert (response.status_code, "error" in response.json()) == (status, True)


def test_nothing_is_left_of_it_afterwards() -> None:
    before = set(threading.enumerate())

    with SteveSandbox(charge_boxes=["TEST-1"]) as steve, requests.Session() as kept_alive:
        kept_alive.get(f"{steve.control_url}/state", timeout=60)
        with pytest.raises(ChargePointError):
            charge(steve)

    steve.stop()
    assert set(threading.enumerate()) == before
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{steve.control_url}/state", timeout=60)


def test_a_taken_port_is_an_error_and_frees_the_other(steve: SteveSandbox) -> None:
    second = SteveSandbox(ocpp_port=steve.ocpp_port)

    with pytest.raises(OSError, match="in use"):
        second.start()

    assert second.port == 0
