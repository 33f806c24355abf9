"""A caller of the stand-in for SteVe: its API with the key, a charging session, its state."""

import asyncio
import base64
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
        headers={"STEVE-API-KEY": steve.key},  # both together work on every version
        timeout=60,
    )


def told(
    steve: SteveSandbox, method: str, path: str, *, body: bytes = b"", **headers: str
) -> requests.Response:
    """Call any address, byte by byte, with no header but those given (`X_Y` for X-Y); follow no redirect."""
    with requests.Session() as session:
        request = requests.Request(method, f"http://{steve.host}:{steve.port}").prepare()
        request.url = f"http://{steve.host}:{steve.port}{path}"  # as it is: requests would put it in order
        request.headers.clear()
        request.headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        request.headers["Content-Length"] = str(len(body))
        request.body = body
        return session.send(request, timeout=60, allow_redirects=False)


def login(steve: SteveSandbox, username: str = "", password: str = "") -> str:
    """Return the Authorization header of a user, the sandbox's own if none is named."""
    credentials = f"{username or steve.username}:{password or steve.key}"
    return f"Basic {base64.b64encode(credentials.encode()).decode()}"


def written(
    steve: SteveSandbox, method: str, path: str, body: bytes, content_type: str = "application/json"
) -> requests.Response:
    """Write to the API what need not be JSON."""
    return told(
        steve,
        method,
        f"/steve/api/v1/{path}",
        body=body,
        Authorization=login(steve),
        Content_Type=content_type,
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
