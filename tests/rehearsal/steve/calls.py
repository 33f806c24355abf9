"""A caller of the stand-in for SteVe: its API with the key, a charging session, its state."""

import asyncio
import time
from typing import Any

import requests

from charging.charge_point import charging_session
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox

ID_TAG = "A1B2C3D4"


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


def events_in(lago: Sandbox) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {lago.key}"}
    answer = requests.get(f"{lago.url}/api/v1/events", headers=headers, timeout=60).json()
    return list(answer["events"])
