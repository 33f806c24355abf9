"""The backfill commands, called in this process or as processes of their own."""

import io
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command

from rehearsal.lago import Sandbox
from tests.polaris_backfill.processes import ROOT

WAIT_S = 60.0


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of standard output, which is one document."""
        return json.loads(self.out)

    @property
    def rows(self) -> dict[int, Any]:
        return {row["line"]: row for row in self.json["rows"]}

    @property
    def codes(self) -> dict[int, list[str]]:
        """The problems of the rows that have any, by line."""
        found = {line: [problem["code"] for problem in row["problems"]] for line, row in self.rows.items()}
        return {line: codes for line, codes in found.items() if codes}


def command(path: Path, *arguments: str) -> Answer:
    """Run `backfill_customers` over a file, in this process."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("backfill_customers", "--input", str(path), *arguments, stdout=out, stderr=err)
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, out.getvalue(), err.getvalue())


def as_json(path: Path, *arguments: str) -> Answer:
    return command(path, "--format", "json", *arguments)


def environment(lago: Sandbox, log_dir: Path, database_url: str) -> dict[str, str]:
    """What an operator sets, and nothing of ours."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "ENV_FILE": "",
        "DEBUG": "1",
        "DATABASE_URL": database_url,
        "LAGO_API_URL": lago.url,
        "LAGO_API_KEY": lago.key,
        "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_LOG_DIR": str(log_dir),
    }


@dataclass(frozen=True)
class Running:
    """A command that is under way; what it says is kept in files."""

    process: "subprocess.Popen[bytes]"
    folder: Path

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def says(self, words: str) -> None:
        """Wait until it has said so on standard error."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.err:
            assert time.monotonic() < deadline, f"it never said {words!r} but: {self.err}"
            time.sleep(0.005)

    def answer(self) -> Answer:
        code = self.process.wait(WAIT_S)
        return Answer(code, self.out, self.err)


@contextmanager
def started(variables: Mapping[str, str], *arguments: str) -> Iterator[Running]:
    """Start a command as a process of its own; whatever happens, it has ended when this leaves."""
    line = [sys.executable, str(ROOT / "manage.py"), *arguments]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            process = subprocess.Popen(line, env=variables, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            yield Running(process, folder)
        finally:
            process.kill()
            process.wait()


def manage(variables: Mapping[str, str], *arguments: str) -> Answer:
    """Run a command as a process of its own, to its end."""
    with started(variables, *arguments) as running:
        return running.answer()
