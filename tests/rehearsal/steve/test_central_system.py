"""What charge points hear over their websocket, and what is left of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR
from tests.rehearsal.steve.calls import ID_TAG, call, charge
from tests.rehearsal.steve.ocpp_calls import asked_of_it, authorize, boot, spoken, start, stop, utc

HOUR = timedelta(hours=1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def at_noon() -> Iterator[SteveSandbox]:
    """A SteVe whose clock stands still, with an idTag under a parent."""
    with SteveSandbox(now=lambda: NOW, charge_boxes=["TEST-1"]) as steve:
        steve.world.add_tag("FLEET")
        steve.world.add_tag(ID_TAG, parent_id_tag="FLEET")
        yield steve


def begun(steve: SteveSandbox, id_tag: str = ID_TAG, at: datetime = NOW - HOUR, connector: int = 1) -> int:
    (answer,) = spoken(steve, start(id_tag, at, connector=connector))
    pk: int = answer["transactionId"]
    return pk


def running(steve: SteveSandbox) -> list[int]:
    return [session["id"] for session in call(steve, "GET", "transactions?type=ACTIVE").json()]


# --- A whole session ---------------------------------------------------------------------------------


def test_a_session_is_kept_from_start_to_stop_in_the_spelling_of_the_charger(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    charge(steve, "a1b2c3d4")

    (session,) = call(steve, "GET", "transactions", ocppIdTag=ID_TAG).json()
    assert (session["ocppIdTag"], session["ocppTagPk"]) == ("a1b2c3d4", 1)
    assert (session["startValue"], session["stopValue"], session["stopEventActor"]) == (
        "0",
        "7400",
        "station",
    )


def test_the_configuration_is_asked_for_at_once(steve: SteveSandbox) -> None:
    kind, _, action, payload = asked_of_it(steve)

    assert (kind, action, payload) == (2, "GetConfiguration", {})


@pytest.mark.parametrize("offset_s", [-600, 0, 600])
def test_a_boot_is_told_the_time_of_steves_clock(at_noon: SteveSandbox, offset_s: int) -> None:
    at_noon.steer("POST", "clock", offset_s=offset_s)

    (answer,) = spoken(at_noon, boot())

    assert answer["currentTime"] == utc(NOW + timedelta(seconds=offset_s))


# --- Stops that are answered and not carried out -----------------------------------------------------


def test_a_stop_ends_the_session(at_noon: SteveSandbox) -> None:
    pk = begun(at_noon)

    answers = spoken(at_noon, stop(pk, NOW))

    assert (answers, running(at_noon), at_noon.state()["failed_stops"]) == ([{}], [], [])


@pytest.mark.parametrize(
    ("why", "told"),
    [
        ("in_the_future", {"at": NOW + timedelta(minutes=5, seconds=1)}),
        ("before_the_start", {"at": NOW - HOUR - timedelta(seconds=1)}),
        ("meter_below_the_start", {"at": NOW, "meter": 99}),
        ("another_id_tag", {"at": NOW, "idTag": ID_TAG.lower()}),
    ],
)
def test_a_stop_that_steve_does_not_believe_is_answered_and_the_session_runs_on(
    at_noon: SteveSandbox, why: str, told: dict[str, Any]
) -> None:
    pk = begun(at_noon)

    answers = spoken(at_noon, stop(pk, **told))

    assert (answers, running(at_noon)) == ([{}], [pk])
    assert at_noon.state()["failed_stops"] == [
        {"transaction_pk": pk, "charge_box_id": "TEST-1", "reason": why}
    ]


@pytest.mark.parametrize(
    "told",
    [
        {"at": NOW + timedelta(minutes=5)},
        {"at": NOW - HOUR},
        {"at": NOW, "meter": 100},
        {"at": NOW, "idTag": ID_TAG},
        {"at": NOW, "idTag": "FLEET"},
    ],
)
def test_a_stop_at_the_edge_is_believed(at_noon: SteveSandbox, told: dict[str, Any]) -> None:
    pk = begun(at_noon)

    spoken(at_noon, stop(pk, **told))

    assert running(at_noon) == []


def test_another_charge_box_cannot_stop_a_session(at_noon: SteveSandbox) -> None:
    at_noon.world.add_charge_box("TEST-2")
    pk = begun(at_noon)

    answers = spoken(at_noon, stop(pk, NOW), charge_box="TEST-2")

    assert (answers, running(at_noon)) == ([{}], [pk])
    assert [one["reason"] for one in at_noon.state()["failed_stops"]] == ["another_charge_box"]


def test_a_second_stop_changes_nothing(at_noon: SteveSandbox) -> None:
    pk = begun(at_noon)

    answers = spoken(at_noon, stop(pk, NOW, meter=500), stop(pk, NOW, meter=900))

    (session,) = call(at_noon, "GET", "transactions").json()
    assert (answers, session["stopValue"]) == ([{}, {}], "500")
    assert [one["reason"] for one in at_noon.state()["failed_stops"]] == ["already_stopped"]


@pytest.mark.parametrize(("offset_s", "left"), [(-600, 1), (600, 0)])
def test_whoever_goes_by_another_clock_leaves_the_session_open(
    steve: SteveSandbox, offset_s: int, left: int
) -> None:
    steve.world.add_tag(ID_TAG)
    steve.steer("POST", "clock", offset_s=offset_s)

    (begun,) = spoken(steve, start(ID_TAG))
    spoken(steve, stop(begun["transactionId"]))

    assert len(running(steve)) == left


def test_a_stop_of_nothing_is_answered(steve: SteveSandbox) -> None:
    assert spoken(steve, stop(99)) == [{}]


# --- Starts ------------------------------------------------------------------------------------------


def test_a_start_that_is_told_again_is_the_same_session(at_noon: SteveSandbox) -> None:
    first, again = spoken(at_noon, start(ID_TAG, NOW), start(ID_TAG, NOW))

    assert first["transactionId"] == again["transactionId"]
    assert running(at_noon) == [first["transactionId"]]


@pytest.mark.parametrize(
    "other",
    [
        start(ID_TAG, NOW, connector=2),
        start(ID_TAG, NOW, meter=101),
        start(ID_TAG, NOW + HOUR),
        start("FLEET", NOW),
    ],
)
def test_a_start_that_differs_is_another_session(at_noon: SteveSandbox, other: Any) -> None:
    first, second = spoken(at_noon, start(ID_TAG, NOW), other)

    assert first["transactionId"] != second["transactionId"]


def test_the_limit_counts_at_the_start_only(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=1)

    answers = spoken(steve, start(ID_TAG), authorize(ID_TAG), start(ID_TAG, connector=2))

    told = [answer["idTagInfo"]["status"] for answer in answers]
    assert told == ["Accepted", "Accepted", "ConcurrentTx"]
    assert len(running(steve)) == 2


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ({"max_active_transaction_count": 0}, "Blocked"),
        ({"expiry_date": LAST_YEAR}, "Expired"),
        (None, "Invalid"),
    ],
)
def test_a_session_is_recorded_on_every_refusal(
    steve: SteveSandbox, tag: dict[str, Any] | None, status: str
) -> None:
    if tag is not None:
        steve.world.add_tag(ID_TAG, **tag)

    (answer,) = spoken(steve, start(ID_TAG))

    assert answer["idTagInfo"]["status"] == status
    assert running(steve) == [answer["transactionId"]]


# --- What is told of an idTag ------------------------------------------------------------------------


def test_a_decision_is_good_for_an_hour_where_the_id_tag_has_no_end(at_noon: SteveSandbox) -> None:
    asked, began, ended = spoken(at_noon, authorize(ID_TAG), start(ID_TAG, NOW), stop(1, NOW, idTag=ID_TAG))

    expected = {"status": "Accepted", "parentIdTag": "FLEET", "expiryDate": utc(NOW + HOUR)}
    assert (asked["idTagInfo"], began["idTagInfo"], ended["idTagInfo"]) == (expected,) * 3


def test_the_end_of_an_id_tag_is_told(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, expiry_date=NEXT_YEAR)

    (answer,) = spoken(steve, authorize(ID_TAG))

    assert answer["idTagInfo"] == {"status": "Accepted", "expiryDate": utc(NEXT_YEAR)}


def test_of_a_card_that_nobody_knows_nothing_is_told(steve: SteveSandbox) -> None:
    answers = spoken(steve, authorize("STRANGER"), start("STRANGER"))

    assert [answer["idTagInfo"] for answer in answers] == [{"status": "Invalid"}] * 2


# --- Unknown cards -----------------------------------------------------------------------------------


def test_a_card_that_nobody_knows_is_blocked_from_its_first_start(steve: SteveSandbox) -> None:
    answers = spoken(steve, start("STRANGER"), authorize("STRANGER"))

    (tag,) = call(steve, "GET", "ocppTags").json()
    assert [answer["idTagInfo"]["status"] for answer in answers] == ["Invalid", "Blocked"]
    assert (tag["maxActiveTransactionCount"], tag["note"].split(" that ")[0]) == (
        0,
        "This unknown idTag was used in a transaction",
    )


def test_asking_alone_stores_nothing(steve: SteveSandbox) -> None:
    spoken(steve, authorize("STRANGER"))

    assert (call(steve, "GET", "ocppTags").json(), running(steve)) == ([], [])


@pytest.mark.parametrize("twin", ["abc2", "ABC2 ", "ABC2  ", "ÀBC2"])
def test_a_twin_by_capitals_accent_or_blank_is_accepted_and_kept_as_sent(
    steve: SteveSandbox, twin: str
) -> None:
    steve.world.add_tag("ABC2")

    (answer,) = spoken(steve, start(twin))

    (session,) = call(steve, "GET", "transactions").json()
    assert (answer["idTagInfo"]["status"], session["ocppIdTag"], session["ocppTagPk"]) == (
        "Accepted",
        twin,
        1,
    )


@pytest.mark.parametrize("other", ["", " ABC2", "2CBA", "AB:C2", "AB-C2", "0ABC2", "ABC"])
def test_anything_else_is_an_id_tag_of_its_own(steve: SteveSandbox, other: str) -> None:
    steve.world.add_tag("ABC2")

    (answer,) = spoken(steve, start(other))

    assert answer["idTagInfo"]["status"] == "Invalid"
    assert [tag["idTag"] for tag in call(steve, "GET", "ocppTags").json()] == ["ABC2", other]


@pytest.mark.parametrize("message", [authorize("A" * 21), start("A" * 21)])
@pytest.mark.parametrize(
    ("version", "is_error"), [("3.7", False), ("3.9", False), ("3.12", True), ("3.15", True)]
)
def test_21_characters_are_an_error_from_3_12_on(version: str, is_error: bool, message: Any) -> None:
    with SteveSandbox(version=version, charge_boxes=["TEST-1"]) as steve:
        (answer,) = spoken(steve, message)

    assert ("error" in answer) is is_error
    assert is_error or answer["idTagInfo"]["status"] == "Invalid"
