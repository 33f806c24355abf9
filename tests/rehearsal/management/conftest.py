"""The commands of the stand-ins, each as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
NOWHERE = "postgres://nobody:nothing@127.0.0.1:1/none"  # whoever touches the database fails

Process = subprocess.Popen[str]


@pytest.fixture
def run() -> Iterator[Callable[..., Process]]:
    """Start a command of manage.py; what still runs at the end of the test is killed."""
    running: list[Process] = []

    def run(*words: str) -> Process:
        environment = {**os.environ, "DATABASE_URL": NOWHERE, "DEBUG": "1", "ENV_FILE": ""}
        command = [sys.executable, str(ROOT / "manage.py"), *words]
        pipe = subprocess.PIPE
        running.append(
            subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment)
        )
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()
