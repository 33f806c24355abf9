"""`make run`: everything on one machine, and gone again without a trace of a process."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from polaris_backfill import embedded
from tests.polaris_backfill.processes import ROOT
from tests.support.processes import wait_for

LAPTOP = """
import sys
from pathlib import Path
from rehearsal import demo
from rehearsal import laptop
demo.DATA = laptop.DATA = Path(sys.argv[2])
laptop.main([sys.argv[1]])
"""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def laptop(tmp_path: Path, port: int) -> Iterator["subprocess.Popen[str]"]:
    """Everything, with a folder of its own for database and Lago."""
    command = [sys.executable, "-c", LAPTOP, str(port), str(tmp_path / "data")]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
        embedded.forget(tmp_path / "data" / "postgres")


@pytest.mark.matrix
def test_it_tells_address_and_login_and_stops_cleanly_on_ctrl_c(
    laptop: "subprocess.Popen[str]", port: int
) -> None:
    assert laptop.stdout is not None
    told = ""
    while "Ctrl-C" not in told:
        told += laptop.stdout.readline()
    children = psutil.Process(laptop.pid).children(recursive=True)
    with urllib.request.urlopen(f"http://localhost:{port}/readyz") as answer:
        assert answer.status == 200

    laptop.send_signal(signal.SIGINT)
    output, _ = laptop.communicate(timeout=120)

    assert f"http://localhost:{port}/admin/" in told
    assert "admin@example.com" in told
    assert output.endswith("Stopped.\n")
    assert laptop.returncode == 0
    wait_for(lambda: not any(child.is_running() for child in children))
