"""The command `steve_sandbox`, as a process of its own."""

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import requests

from charging import SteveClient

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(run: Start) -> Start:
    return partial(run, "steve_sandbox", "--port", "0", "--ocpp-port", "0")


def ready(process: "subprocess.Popen[str]") -> dict[str, str]:
    """Wait for the line that tells how to reach it, and read the variables in it."""
    assert process.stdout
    return dict(re.findall(r"(STEVE_\w+)=([^\s)]+)", process.stdout.readline()))


def asked(variables: dict[str, str], key_header: str = "") -> requests.Response:
    headers = {key_header: variables["STEVE_API_KEY"]} if key_header else {}
    return requests.get(f"{variables['STEVE_BASE_URL']}/api/v1/ocppTags", headers=headers, timeout=60)


def state(variables: dict[str, str]) -> dict[str, Any]:
    url = variables["STEVE_BASE_URL"].removesuffix("/steve") + "/sandbox/state"
    answer: dict[str, Any] = requests.get(url, timeout=60).json()
    return answer


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_reach_it_and_stops_when_told(start: Start, stop: signal.Signals) -> None:
    process = start()
    variables = ready(process)
    client = SteveClient(
        variables["STEVE_BASE_URL"], variables["STEVE_API_USERNAME"], variables["STEVE_API_KEY"]
    )

    client.preflight()
    process.send_signal(stop)
    _, errors = process.communicate(timeout=60)

    client.close()
    assert variables["STEVE_OCPP_URL"].startswith("ws://127.0.0.1:")
    assert (process.returncode, errors) == (0, "")


def test_charge_boxes_and_subscriptions_can_be_given(start: Start) -> None:
    variables = ready(start("--charge-box", "A", "--charge-box", "B", "--map", "A1B2C3D4=backfill-1"))

    told = state(variables)

    assert (told["charge_boxes"], told["mapping"]) == (["A", "B"], {"A1B2C3D4": "backfill-1"})


def test_a_rule_that_is_none_is_refused(start: Start) -> None:
    process = start("--map", "A1B2C3D4")

    _, errors = process.communicate(timeout=60)

    assert (process.returncode, "IDTAG=SUBSCRIPTION" in errors) == (2, True)


@pytest.mark.parametrize("option", ["--port", "--ocpp-port"])
def test_a_port_that_there_is_not_is_said_in_one_line(start: Start, option: str) -> None:
    process = start(option, "65536")

    errors = process.communicate(timeout=60)[1]

    assert (process.returncode, errors.count("\n")) == (2, 1)


def test_a_taken_port_is_said_in_one_line(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start("--port", str(taken.getsockname()[1]))

        _, errors = process.communicate(timeout=60)

    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert "Cannot listen" in errors


def test_it_can_be_an_old_steve(start: Start) -> None:
    variables = ready(start("--steve-version", "3.7", "--key-header", "X-Key"))

    assert (asked(variables).status_code, asked(variables, "X-Key").status_code) == (401, 200)


def test_its_clock_and_its_cost_can_be_given(start: Start) -> None:
    variables = ready(start("--clock-offset-s", "864000", "--cost-factor", "0.001", "--steve-version", "3.7"))
    asked(variables)

    told = state(variables)

    assert datetime.fromisoformat(told["now"]) > datetime.now(UTC) + timedelta(days=9)
    assert told["cost_ms"] == 13.0


def test_a_charge_box_can_have_a_password(start: Start) -> None:
    variables = ready(start("--charge-box-password", "LOCKED=secret"))
    url = variables["STEVE_OCPP_URL"].replace("ws:", "http:")
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    answer = requests.get(f"{url}/LOCKED", headers=upgrade, timeout=60)

    assert (answer.status_code, state(variables)["charge_boxes"]) == (401, ["LOCKED"])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--steve-version", "2.0"], "3.15"),
        (["--charge-box-password", "LOCKED"], "ID=PASSWORD"),
        (["--charge-box-password", "LOCKED=x", "--steve-version", "3.9"], "3.12"),
    ],
)
def test_a_steve_that_there_is_not_is_refused(start: Start, options: list[str], why: str) -> None:
    process = start(*options)

    _, errors = process.communicate(timeout=60)

    assert (process.returncode, why in errors) == (2, True)
