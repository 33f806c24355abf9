"""Which charge points are let in."""

import asyncio

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from rehearsal.steve import SteveSandbox
from rehearsal.steve.door import OCPP_PATH
from tests.rehearsal.steve.calls import ID_TAG, call
from tests.rehearsal.steve.ocpp_calls import authorize, boot, knocked, own_password, spoken, start

BOX = f"{OCPP_PATH}/TEST-1"


@pytest.mark.parametrize(
    ("path", "subprotocols", "status"),
    [
        (BOX, ["ocpp1.6"], 101),
        (BOX, ["ocpp2.0.1", "ocpp1.6"], 101),
        (BOX, [], 400),
        (BOX, ["ocpp2.0.1"], 404),
        (f"{OCPP_PATH}/test-1", ["ocpp1.6"], 101),
        (f"{OCPP_PATH}/UNKNOWN", ["ocpp1.6"], 404),
        (f"{OCPP_PATH}/UNKNOWN", [], 404),
        (f"{OCPP_PATH}/", ["ocpp1.6"], 404),
        ("/TEST-1", ["ocpp1.6"], 404),
        ("/steve/websocket/TEST-1", ["ocpp1.6"], 404),
    ],
)
def test_a_charge_point_is_let_in_or_told_why_not(
    steve: SteveSandbox, path: str, subprotocols: list[str], status: int
) -> None:
    assert knocked(steve, path, subprotocols) == status


def test_a_charge_box_keeps_its_own_capitals(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    spoken(steve, start(ID_TAG), charge_box="test-1")

    assert [one["chargeBoxId"] for one in call(steve, "GET", "transactions").json()] == ["TEST-1"]


# --- Passwords ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": own_password("LOCKED", "wrong")}, 401),
        ({"Authorization": own_password("TEST-1", "secret")}, 401),
        ({"Authorization": "Basic %%%"}, 401),
        ({"Authorization": "Bearer secret"}, 401),
        ({"Authorization": own_password("LOCKED", "secret")}, 101),
    ],
)
def test_a_charge_box_with_a_password_has_to_bring_it(headers: dict[str, str], status: int) -> None:
    with SteveSandbox(charge_box_passwords={"LOCKED": "secret"}) as steve:
        assert knocked(steve, f"{OCPP_PATH}/LOCKED", ["ocpp1.6"], **headers) == status


def test_a_password_can_be_set_and_taken_away(steve: SteveSandbox) -> None:
    steve.steer("POST", "charge-boxes", charge_boxes=["TEST-1"], password="secret")
    locked = knocked(steve, BOX, ["ocpp1.6"])
    steve.steer("POST", "charge-boxes", charge_boxes=["TEST-1"], password="")

    assert (locked, knocked(steve, BOX, ["ocpp1.6"])) == (401, 101)


def test_before_3_12_no_charge_box_has_a_password() -> None:
    with pytest.raises(ValueError, match=r"3\.12"):
        SteveSandbox(version="3.9", charge_box_passwords={"LOCKED": "secret"})


# --- Registration ------------------------------------------------------------------------------------


@pytest.mark.parametrize("registration", ["Rejected", "Pending"])
def test_a_box_that_is_not_accepted_is_told_so_and_may_ask_all_the_same(
    steve: SteveSandbox, registration: str
) -> None:
    steve.world.add_tag(ID_TAG)
    steve.steer("POST", "charge-boxes", charge_boxes=["TEST-1"], registration=registration)

    booted, authorised = spoken(steve, boot(), authorize(ID_TAG))

    assert (booted["status"], authorised["idTagInfo"]["status"]) == (registration, "Accepted")


def test_a_registration_that_there_is_not_is_refused(steve: SteveSandbox) -> None:
    with pytest.raises(ValueError, match="Accepted, Pending, Rejected"):
        steve.world.add_charge_box("TEST-1", registration="Perhaps")


def test_two_connections_of_one_box_are_both_served(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    async def meanwhile() -> list[str]:
        url = f"{steve.ocpp_url}/TEST-1"
        async with connect(url, subprotocols=[Subprotocol("ocpp1.6")]):
            answers = await asyncio.to_thread(spoken, steve, authorize(ID_TAG))
            return [answer["idTagInfo"]["status"] for answer in answers]

    assert asyncio.run(meanwhile()) == ["Accepted"]
