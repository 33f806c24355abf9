"""The runbook, followed: its commands are run in order, and what it shows is what they say."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rehearsal import shell as playground
from tests.docs.handbook import ROOT, Command, blocks, page

NOWHERE = "http://127.0.0.1:1"
RUN_ID = re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b")
IMPORTED = re.compile(r"^Run (\S+): ", re.MULTILINE)


@dataclass(slots=True)
class Operator:
    """Types commands as the runbook has them, and remembers the run ids that it was told to."""

    variables: Mapping[str, str]
    known: dict[str, str] = field(default_factory=dict)

    def follow(self, command: Command) -> str:
        """Run a command; give what it said on both streams."""
        options = command.options
        typed = command.typed
        for name, run_id in self.known.items():
            typed = re.sub(rf"\b{name}\b", run_id, typed)
        said, code = self._run(typed, options)
        assert code == int(options.get("exit", 0)), f"$ {typed}\n{said}"
        if "as" in options and (found := IMPORTED.search(said)):
            self.known[options["as"]] = found[1]
        return said

    def _run(self, typed: str, options: Mapping[str, str]) -> tuple[str, int]:
        variables = {**self.variables, "BACKFILL_LAGO_RATE": options.get("rate", "0")}
        if options.get("lago") == "down":
            variables["LAGO_API_URL"] = NOWHERE
        with subprocess.Popen(
            ["bash", "-c", f"exec {typed}"],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            said = _until_progress(process) if "stop" in options else ""
            rest, _ = process.communicate(timeout=120)
        return said + rest, process.returncode


def _until_progress(process: subprocess.Popen[str]) -> str:
    """Wait for the first line of progress, and press Ctrl-C."""
    assert process.stdout is not None
    said = ""
    while line := process.stdout.readline():
        said += line
        if re.search(r"\(\d+ %\)", line):
            process.send_signal(signal.SIGINT)
            break
    return said


@pytest.fixture
def operator(database_url: str, tmp_path: Path) -> Iterator[Operator]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with ExitStack() as stack:
        variables = stack.enter_context(playground.systems(tmp_path, database_url))
        variables = {**variables, "PATH": path, "PYTHONUNBUFFERED": "1"}
        stack.enter_context(playground.worker(variables))
        yield Operator(variables)


def plain(line: str) -> str:
    """Leave out what differs from run to run: run ids, paths of the machine, and how a table is aligned."""
    line = RUN_ID.sub("RUN_ID", line)
    return " ".join(line.split())


def missing(command: Command, said: str, operator: Operator) -> list[str]:
    """Name the first shown line that does not come, in order; an empty list if all do."""
    lines = iter(
        plain(line.replace(operator.variables["FILES"], "/data/backfill")) for line in said.splitlines()
    )
    for shown in command.shown:
        wanted = re.compile(re.escape(plain(shown)).replace("…", ".*"))
        if not any(wanted.fullmatch(line) for line in lines):
            return [shown]
    return []


def test_the_runbook_can_be_followed_word_for_word(operator):
    text = page("runbook.md") + page("security-and-privacy.md")
    told = [command for block in blocks(text) if block.is_run for command in block.commands()]

    for command in told:
        said = operator.follow(command)
        assert not missing(command, said, operator), f"$ {command.typed}\n{said}"

    assert len(told) > 12


def test_every_block_of_commands_is_run_or_says_why_not():
    untold = [
        block.body
        for name in (
            "runbook.md",
            "file.md",
            "console.md",
            "scaling.md",
            "security-and-privacy.md",
            "README.md",
        )
        for block in blocks(page(name))
        if block.kind in ("console", "sh") and not block.about.startswith(("run", "shown: "))
    ]

    assert untold == []
