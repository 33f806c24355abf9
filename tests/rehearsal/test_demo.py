"""`make demo`, run as a stranger does: from a copy of the sources, with whatever is in the environment."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from polaris_backfill import embedded
from polaris_backfill.embedded_place import data_folder
from tests.polaris_backfill.processes import ROOT

SOURCES = (
    "manage.py",
    ".env.example",
    "polaris_backfill",
    "customers",
    "billing",
    "charging",
    "polaris",
    "auditlog",
    "kernel",
    "rehearsal",
    "templates",
    "examples",
)
AN_OPERATORS_OWN = {
    "PATH": os.defpath,
    "DATABASE_URL": "postgres://me:hunter2@127.0.0.1:1/precious",
    "LAGO_API_URL": "http://127.0.0.1:1",
    "STEVE_BASE_URL": "http://127.0.0.1:1",
    "BACKFILL_LOG_DIR": "/nonexistent",
}


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """A copy whose path has a space, beside a `.env` that would break anything that read it."""
    with tempfile.TemporaryDirectory(prefix="a clone ") as folder:
        for name in SOURCES:
            source = ROOT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, Path(folder, name))
        Path(folder, ".env").write_text("DEBUG=maybe\n")
        yield Path(folder)
        embedded.forget(database(Path(folder)))


def database(clone: Path) -> Path:
    return clone / ".data" / "demo" / "postgres"


def start(clone: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rehearsal.demo", *arguments],
        cwd=clone,
        env=AN_OPERATORS_OWN,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def demo(clone: Path, *arguments: str) -> tuple[int, str]:
    process = start(clone, *arguments)
    shown, _ = process.communicate(timeout=300)
    return process.returncode, shown


def left_behind(clone: Path) -> list[str]:
    """Name the processes that still work in the copy, after a moment for their parents to see them off."""
    deadline = time.monotonic() + 60
    while (alive := _working_in(clone)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _working_in(clone: Path) -> list[str]:
    places = (str(clone), str(data_folder(database(clone))))
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "status"]):
        told = f"{process.info['cwd']} {' '.join(process.info['cmdline'] or [])}"
        if any(place in told for place in places) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(told)
    return found


@pytest.fixture(scope="module")
def first(clone: Path) -> tuple[int, str]:
    return demo(clone)


def test_the_first_rehearsal_refuses_the_defects_and_imports_the_customers(clone, first):
    code, shown = first

    assert code == 0, shown
    assert "21 fail" in shown
    assert "300 created" in shown
    assert re.search(r'make demo DO="backfill_reconcile --run-id [0-9a-f-]+"', shown)
    assert re.search(r"^The database is in (\S+), ", shown, re.MULTILINE)
    assert left_behind(clone) == []


def test_the_second_finds_everything_imported(clone, first):
    code, shown = demo(clone)

    assert code == 0, shown
    assert "everything is already imported" in shown
    assert "0 created" in shown


@pytest.mark.matrix
def test_a_command_runs_in_the_rehearsal_and_gives_its_own_exit_code(clone, first):
    code, shown = demo(clone, "backfill_customers", "--input", "not-there.csv", "--dry-run")

    assert code == 2
    assert "not-there.csv" in shown


@pytest.mark.matrix
def test_beside_a_platform_the_cards_are_open_at_the_end_and_nothing_is_kept(clone):
    kept = sorted(Path(clone).rglob(".data/*"))

    code, shown = demo(clone, "--beside", "platform")

    assert code == 0, shown
    assert "The platform has synced since, and all cards are as they should be." in shown
    assert re.search(r"SteVe +300 cards open, 0 blocked", shown)
    assert re.search(r"Platform +197 customers, 300 active mappings", shown)
    assert sorted(Path(clone).rglob(".data/*")) == kept
    assert left_behind(clone) == []


def test_beside_anything_else_is_refused(clone):
    code, shown = demo(clone, "--beside", "something")

    assert (code, shown) == (1, "BESIDE can be platform, and nothing else.\n")


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_in_the_middle_leaves_nothing_running(clone, number, expected):
    process = start(clone)
    assert process.stdout is not None
    process.stdout.readline()

    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    process.communicate(timeout=300)

    assert process.returncode == expected
    assert left_behind(clone) == []
