"""The command `steve_sandbox`, as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from charging import SteveClient

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = "postgres://nobody:nothing@127.0.0.1:1/none"  # whoever touches the database fails

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command; what still runs at the end of the test is killed."""
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> "subprocess.Popen[str]":
        environment = {**os.environ, "DATABASE_URL": NOWHERE, "DEBUG": "1", "ENV_FILE": ""}
        ports = ["--port", "0", "--ocpp-port", "0"]
        command = [sys.executable, str(ROOT / "manage.py"), "steve_sandbox", *ports, *options]
        pipe = subprocess.PIPE
        running.append(
            subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)
        )
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


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
