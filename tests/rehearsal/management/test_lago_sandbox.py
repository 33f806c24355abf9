"""The command `lago_sandbox`, as a process of its own."""

import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.rehearsal.lago.calls import Caller

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(run: Start) -> Start:
    return partial(run, "lago_sandbox", "--port", "0")


class Remote(Sandbox):
    """Where a sandbox in another process listens: enough for a caller."""

    def __init__(self, line: str) -> None:
        match = re.search(r"LAGO_API_URL=http://(\S+):(\d+) LAGO_API_KEY=(\S+)\)", line)
        assert match
        super().__init__(host=match[1], port=int(match[2]), key=match[3])


def _caller(process: "subprocess.Popen[str]") -> Caller:
    assert process.stdout
    return Caller(Remote(process.stdout.readline()))


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_reach_it_and_stops_when_told(start: Start, stop: signal.Signals) -> None:
    process = start()
    caller = _caller(process)

    plans = caller.get("/plans").body["plans"]
    process.send_signal(stop)

    assert caller.key == SANDBOX_KEY
    assert {plan["code"] for plan in plans} == {"standard", "fleet", "night"}
    assert process.wait(60) == 0
    assert process.communicate() == ("", "")
    caller.close()


def test_options_reach_the_sandbox_and_the_state_survives(start: Start, tmp_path: Path) -> None:
    options = ("--plan", "solar:1500:EUR:yearly:advance", "--key", "k", "--state", str(tmp_path / "s.json"))
    options += ("--webhook", "http://127.0.0.1:1/hook")
    process = start(*options, "--compat", "head", "--fault", "429,path=/events")
    caller = _caller(process)

    caller.customer()
    refused = caller.event()
    version = caller.send("GET", "/health").body["version"]
    process.terminate()
    process.wait(60)
    caller.close()
    again = _caller(start(*options))

    assert (caller.key, refused.status, version) == ("k", 429, "2026-08-21")
    assert again.get("/customers/A1").status == 200
    assert [plan["code"] for plan in again.get("/plans").body["plans"]] == ["solar"]
    assert [one["webhook_url"] for one in again.get("/webhook_endpoints").body["webhook_endpoints"]] == [
        "http://127.0.0.1:1/hook"
    ]
    again.close()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--plan", "a:b"), "'a:b' is not CODE"),
        (("--fault", "explode"), "a fault is a kind"),
        (("--state", "pyproject.toml"), "not a saved sandbox state"),
        (("--port", "65536"), "Cannot listen: bind(): port must be 0-65535"),
        (("--latency-ms", "-5"), "below 0"),
        (("--host", "203.0.113.1"), "Cannot listen: Cannot assign requested address"),
    ],
)
def test_a_senseless_option_is_one_line_and_exit_2(
    start: Start, option: tuple[str, str], message: str
) -> None:
    process = start(*option)

    output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (2, "")
    assert message in errors
    assert len(errors.splitlines()) == 1
