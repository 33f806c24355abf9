"""A database and a Lago of the benchmarks' own, and commands run in them as processes."""

import atexit
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from polaris_backfill import embedded
from rehearsal.lago import SANDBOX_KEY

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")


@dataclass(frozen=True, slots=True)
class Outcome:
    """`document`: what the command printed as JSON. `wall_s`: with the start of the process."""

    code: int
    document: Mapping[str, Any]
    wall_s: float
    max_rss_mb: float


@dataclass(frozen=True, slots=True)
class Stage:
    folder: Path
    variables: Mapping[str, str]

    def manage(self, *arguments: str) -> Outcome:
        """Run a command that prints JSON, to its end."""
        out = self.folder / "out.json"
        began = time.monotonic()
        with out.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments, "--format", "json"],
                cwd=ROOT,
                env=self.variables,
                stdout=stream,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - began
        return Outcome(process.returncode, json.loads(out.read_bytes()), wall_s, usage.ru_maxrss / 1024)

    def file(self, rows: int, prefix: str) -> Path:
        """Write a file of customers that nobody has."""
        path = self.folder / f"{prefix}-{rows}.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            writer.writerows(
                [
                    f"{prefix}{n}@example.com",
                    f"Customer {n}",
                    f"{prefix}-{n:06}",
                    f"{prefix}{n:08X}",
                    plan,
                    "2024-01-01",
                ]
                for n, plan in ((n, ("standard", "fleet", "night")[n % 3]) for n in range(rows))
            )
        return path


@contextmanager
def stage(*, latency_ms: int) -> Iterator[Stage]:
    """Set up an empty database and an empty Lago that answers after `latency_ms`."""
    folder = Path(mkdtemp(prefix="polaris-bench-"))
    atexit.register(shutil.rmtree, folder)  # before the server registers its end, so it comes after it
    atexit.register(embedded.forget, folder / "postgres")
    variables = {
        **os.environ,
        "DEBUG": "1",
        "ENV_FILE": "",
        "DATABASE_URL": embedded.database_url(folder / "postgres"),
        "LAGO_API_KEY": SANDBOX_KEY,
        "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_LOG_DIR": str(folder / "logs"),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=variables, check=True)
    with _lago(latency_ms, variables) as url:
        yield Stage(folder, variables | {"LAGO_API_URL": url})


@contextmanager
def _lago(latency_ms: int, variables: Mapping[str, str]) -> Iterator[str]:
    """Run the sandbox as a process of its own, so that it takes no time from what is measured."""
    command = [sys.executable, "manage.py", "lago_sandbox", "--port", "0", "--latency-ms", str(latency_ms)]
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the sandbox has no output")
        ready = process.stdout.readline()
        try:
            yield ready.split(" on ")[1].split()[0]
        finally:
            process.terminate()
