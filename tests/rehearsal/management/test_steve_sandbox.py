"""The command `steve_sandbox`, as a process of its own."""

import re
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial

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

    url = variables["STEVE_BASE_URL"].removesuffix("/steve") + "/sandbox/state"
    state = requests.get(url, timeout=60).json()

    assert (state["charge_boxes"], state["mapping"]) == (["A", "B"], {"A1B2C3D4": "backfill-1"})


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
