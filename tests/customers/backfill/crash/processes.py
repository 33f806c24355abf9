"""Real processes to be killed: `manage.py`, forked by a nursery that is ready to go."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.polaris_backfill.processes import PRODUCTION, ROOT
from tests.support.processes import wait_for

QUIETLY = {"DJANGO_SETTINGS_MODULE": "polaris_backfill.settings", "ENV_FILE": ""}


@dataclass
class Command:
    """A running `manage.py`."""

    pid: int
    output: Path
    _answers: TextIO

    def kill(self) -> None:
        """End it as a loss of power does; it may have ended by itself already."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def interrupt(self) -> None:
        os.kill(self.pid, signal.SIGINT)

    def says(self, words: str) -> None:
        """Wait until it has said so on standard error."""
        wait_for(lambda: words in self.err, every_s=0.005)

    def wait(self) -> int:
        """Give its exit code, or the negative number of the signal that ended it."""
        return int(self._answers.readline())

    @property
    def out(self) -> str:
        return self.output.with_suffix(".out").read_text()

    @property
    def err(self) -> str:
        return self.output.with_suffix(".err").read_text()


class Nursery:
    """Forks one command after the other."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._folder = folder
        self._number = 0

    def start(self, *arguments: str, largest_file: int | None = None) -> Command:
        """Begin a command; `largest_file` is how many bytes any file of its may have."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._number += 1
        output = self._folder / f"command-{self._number}"
        order = {"arguments": arguments, "output": str(output), "largest_file": largest_file}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Command(int(self._process.stdout.readline()), output, self._process.stdout)

    def run(self, *arguments: str) -> Command:
        """Run a command to its end, which must be a good one."""
        command = self.start(*arguments)
        code = command.wait()
        assert code == 0, f"{arguments}: exit {code}\n{command.out}\n{command.err}"
        return command


def one_at_a_time(
    folder: Path, database: str, lago: Sandbox, steve: SteveSandbox | None = None, **more: str
) -> dict[str, str]:
    """Give variables with which a command makes one call after the other, so that its number says which."""
    beside = (
        {}
        if steve is None
        else {
            "STEVE_BASE_URL": steve.url,
            "STEVE_API_USERNAME": steve.username,
            "STEVE_API_KEY": steve.key,
        }
    )
    return {
        "DATABASE_URL": database,
        "LAGO_API_URL": lago.url,
        "LAGO_API_KEY": lago.key,
        "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_BATCH_SIZE": "5",
        "BACKFILL_CONCURRENCY": "1",
        "BACKFILL_LOG_DIR": str(folder / "logs"),
        **beside,
        **more,
    }


@contextmanager
def nursery(folder: Path, variables: Mapping[str, str]) -> Iterator[Nursery]:
    """Start a nursery whose commands see these variables; its last command has ended when this leaves."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.customers.backfill.crash.nursery"],
        cwd=ROOT,
        env={**PRODUCTION, **QUIETLY, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(process, folder)
    finally:
        process.communicate()
