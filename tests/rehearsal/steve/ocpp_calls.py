"""A charge point that says exactly what it is told to, message by message."""

import asyncio
import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from rehearsal.steve import SteveSandbox

Answer = dict[str, Any]
CALL, RESULT, ERROR = 2, 3, 4


def utc(instant: datetime | None = None) -> str:
    return (instant or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def spoken(
    steve: SteveSandbox, *messages: tuple[str, Answer], charge_box: str = "TEST-1", **connection: Any
) -> list[Answer]:
    """Send messages one after the other and return the answers; `{"error": code}` for a CALLERROR."""
    return asyncio.run(_spoken(steve, messages, charge_box, connection))


def asked_of_it(steve: SteveSandbox) -> list[Any]:
    """Return the first message that SteVe sends of itself, before a word was said."""
    return asyncio.run(_first(steve))


def knocked(steve: SteveSandbox, path: str, subprotocols: Sequence[str], **headers: str) -> int:
    """Return the status with which a websocket is opened (101) or turned away."""
    return asyncio.run(_knocked(steve, path, subprotocols, headers))


def own_password(charge_box: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{charge_box}:{password}'.encode()).decode()}"


async def _spoken(
    steve: SteveSandbox, messages: Sequence[tuple[str, Answer]], charge_box: str, connection: dict[str, Any]
) -> list[Answer]:
    url = f"{steve.ocpp_url}/{charge_box}"
    async with asyncio.timeout(60), connect(url, subprotocols=[Subprotocol("ocpp1.6")], **connection) as ws:
        answers = []
        for number, (action, payload) in enumerate(messages):
            await ws.send(json.dumps([CALL, str(number), action, payload]))
            answers.append(await _answer(ws, str(number)))
        return answers


async def _answer(ws: Any, number: str) -> Answer:
    """Wait for the answer to a message, past whatever SteVe asks meanwhile."""
    while True:
        kind, unique_id, *rest = json.loads(await ws.recv())
        if unique_id == number and kind in (RESULT, ERROR):
            answer: Answer = rest[0] if kind == RESULT else {"error": rest[0]}
            return answer


async def _first(steve: SteveSandbox) -> list[Any]:
    url = f"{steve.ocpp_url}/TEST-1"
    async with asyncio.timeout(60), connect(url, subprotocols=[Subprotocol("ocpp1.6")]) as ws:
        message: list[Any] = json.loads(await ws.recv())
        return message


async def _knocked(
    steve: SteveSandbox, path: str, subprotocols: Sequence[str], headers: dict[str, str]
) -> int:
    url = f"ws://{steve.host}:{steve.ocpp_port}{path}"
    offered = [Subprotocol(one) for one in subprotocols] or None
    try:
        async with asyncio.timeout(60), connect(url, subprotocols=offered, additional_headers=headers):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


# --- Messages ----------------------------------------------------------------------------------------


def authorize(id_tag: str) -> tuple[str, Answer]:
    return "Authorize", {"idTag": id_tag}


def boot() -> tuple[str, Answer]:
    return "BootNotification", {"chargePointModel": "Test", "chargePointVendor": "Test"}


def start(
    id_tag: str, at: datetime | None = None, *, connector: int = 1, meter: int = 100
) -> tuple[str, Answer]:
    payload = {"connectorId": connector, "idTag": id_tag, "meterStart": meter, "timestamp": utc(at)}
    return "StartTransaction", payload


def stop(pk: int, at: datetime | None = None, *, meter: int = 7400, **more: str) -> tuple[str, Answer]:
    return "StopTransaction", {"transactionId": pk, "meterStop": meter, "timestamp": utc(at), **more}
