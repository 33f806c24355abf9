"""The simulated charge point, over a real websocket."""

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from charging.charge_point import ChargePointError, Session, charging_session
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, charging

ID_TAG = "A1B2C3D4"


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    with SteveSandbox(charge_boxes=["TEST-1", "Halle 7/Süd"]) as sandbox:
        yield sandbox


def charge(ocpp_url: str, *, charge_box: str = "TEST-1", timeout_s: float = 60) -> Session:
    return asyncio.run(charging_session(ocpp_url, charge_box, ID_TAG, energy_wh=7400, timeout_s=timeout_s))


def failure(ocpp_url: str, *, charge_box: str = "TEST-1", timeout_s: float = 60) -> ChargePointError:
    with pytest.raises(ChargePointError) as caught:
        charge(ocpp_url, charge_box=charge_box, timeout_s=timeout_s)
    assert ID_TAG not in str(caught.value)
    return caught.value


# --- A session ---------------------------------------------------------------------------------------


def test_a_session_is_recorded_as_it_was_told(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    session = charge(steve.ocpp_url)

    stored = steve.world.sessions[session.transaction_id]
    assert (session.authorised, session.energy_wh) == ("Accepted", 7400)
    assert (stored.charge_box_id, stored.id_tag, stored.stop_reason) == ("TEST-1", ID_TAG, "Local")
    assert (stored.start_wh, stored.stop_wh) == (session.meter_start_wh, session.meter_stop_wh)
    assert (stored.started_at, stored.stopped_at) == (session.started_at, session.stopped_at)


def test_a_charge_box_may_have_any_name(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    session = charge(steve.ocpp_url + "/", charge_box="Halle 7/Süd")

    assert steve.world.sessions[session.transaction_id].charge_box_id == "Halle 7/Süd"


# --- An idTag that may not charge --------------------------------------------------------------------


def test_an_unknown_id_tag_is_refused_and_nothing_begins(steve: SteveSandbox) -> None:
    error = failure(steve.ocpp_url)

    assert (error.code, error.status, error.transaction_id) == ("id_tag_refused", "Invalid", None)
    assert steve.world.sessions == {}


@pytest.mark.parametrize(
    ("tag", "status"),
    [({"max_active_transaction_count": 0}, "Blocked"), ({"expiry_date": LAST_YEAR}, "Expired")],
)
def test_a_barred_id_tag_is_refused(steve: SteveSandbox, tag: dict[str, Any], status: str) -> None:
    steve.world.add_tag(ID_TAG, **tag)

    error = failure(steve.ocpp_url)

    assert (error.code, error.status) == ("id_tag_refused", status)


def test_a_session_that_is_refused_at_its_start_is_not_left_open(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG, max_active_transaction_count=1)
    other = charging(steve, ID_TAG)

    error = failure(steve.ocpp_url)

    assert (error.code, error.status) == ("id_tag_refused", "ConcurrentTx")
    begun = steve.world.sessions[error.transaction_id or 0]
    assert (begun.is_running, begun.stop_reason, begun.stop_wh) == (False, "DeAuthorized", 0)
    assert steve.world.sessions[other].is_running


# --- A system that does not play along ---------------------------------------------------------------


def test_an_unknown_charge_box_is_turned_away(steve: SteveSandbox) -> None:
    error = failure(steve.ocpp_url, charge_box="TEST-9")

    assert error.code == "charge_box_unknown"
    assert "TEST-9" in str(error)


def test_where_nobody_listens_the_setting_is_named() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        error = failure(f"ws://127.0.0.1:{unused.getsockname()[1]}")

    assert error.code == "ocpp_unreachable"
    assert "STEVE_OCPP_URL" in str(error)


def test_an_address_that_is_none_is_said_so() -> None:
    assert failure("http://127.0.0.1/steve").code == "ocpp_unreachable"


def test_a_web_server_is_no_charging_system(steve: SteveSandbox) -> None:
    error = failure(f"ws://127.0.0.1:{steve.port}/steve")

    assert (error.code, "STEVE_OCPP_URL" in str(error)) == ("ocpp_address", True)  # SteVe's sign-in page


def against(
    behave: Callable[[ServerConnection], Awaitable[None]],
    subprotocol: str = "ocpp1.6",
    timeout_s: float = 60,
) -> ChargePointError:
    """Charge at a server of another behaviour, and give what came of it."""

    async def scenario() -> ChargePointError:
        async with serve(behave, "127.0.0.1", 0, subprotocols=[Subprotocol(subprotocol)]) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(ChargePointError) as caught:
                await charging_session(
                    f"ws://127.0.0.1:{port}", "TEST-1", ID_TAG, energy_wh=1, timeout_s=timeout_s
                )
            return caught.value

    return asyncio.run(scenario())


def test_a_silent_system_is_not_waited_for_beyond_the_time_out() -> None:
    async def silent(connection: ServerConnection) -> None:
        await connection.wait_closed()

    error = against(silent, timeout_s=0.2)

    assert error.code == "ocpp_timeout"
    assert "0.2 s" in str(error)


def test_a_connection_that_ends_in_the_middle_is_noticed_at_once() -> None:
    async def curt(connection: ServerConnection) -> None:
        await connection.recv()

    error = against(curt)

    assert (error.code, "closed" in str(error)) == ("ocpp_unexpected", True)


def test_an_answer_that_is_an_error_is_said_so() -> None:
    async def cross(connection: ServerConnection) -> None:
        number = str(await connection.recv()).split('"')[1]
        await connection.send(f'[4,"{number}","SecurityError","no",{{}}]')
        await connection.wait_closed()

    error = against(cross)

    assert (error.code, "SecurityError" in str(error)) == ("ocpp_unexpected", True)


def test_a_charge_box_that_is_not_accepted_does_not_charge() -> None:
    async def reluctant(connection: ServerConnection) -> None:
        number = str(await connection.recv()).split('"')[1]
        answer = '{"currentTime":"2026-11-22T12:00:00Z","interval":60,"status":"Pending"}'
        await connection.send(f'[3,"{number}",{answer}]')
        await connection.wait_closed()

    error = against(reluctant)

    assert (error.code, "Pending; set it to Accepted" in str(error)) == ("charge_box_not_accepted", True)


def test_a_session_that_may_be_left_running_is_named() -> None:
    accepted = {"status": "Accepted"}
    answers: dict[str, Any] = {
        "BootNotification": {"currentTime": "2026-11-22T12:00:00Z", "interval": 60, **accepted},
        "StatusNotification": {},
        "Authorize": {"idTagInfo": accepted},
        "StartTransaction": {"transactionId": 4711, "idTagInfo": accepted},
    }

    async def fainting(connection: ServerConnection) -> None:
        async for message in connection:
            _, number, action, _ = json.loads(message)
            if action in answers:
                await connection.send(json.dumps([3, number, answers[action]]))

    error = against(fainting, timeout_s=0.5)

    assert (error.code, error.transaction_id) == ("ocpp_timeout", 4711)


def test_another_protocol_is_said_so() -> None:
    async def never(connection: ServerConnection) -> None:
        raise AssertionError("no charge point gets here")

    assert against(never, subprotocol="ocpp2.0.1").code == "ocpp_address"
