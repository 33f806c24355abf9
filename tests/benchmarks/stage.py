"""A database and a Lago of the benchmarks' own, and commands run in them as processes."""

import atexit
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_urlsafe
from tempfile import mkdtemp
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql

from polaris_backfill import embedded
from rehearsal.lago import SANDBOX_KEY
from rehearsal.platform import schema
from rehearsal.steve.sandbox import SANDBOX_KEY as STEVE_KEY
from rehearsal.steve.sandbox import SANDBOX_USERNAME

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("email", "display_name", "external_id", "id_tag", "plan_code", "start_date")
EXPORT = """
[file]
date_format = "%d.%m.%Y"
[fields]
email = "Mail"
display_name = { columns = ["First", "Last"] }
external_id = "No"
id_tag = "Card"
plan_code = "Tariff"
start_date = "Since"
[values.plan_code]
Privat = "standard"
Flotte = "fleet"
Nacht = "night"
[cards]
remove_separators = ":"
upper_case = true
[[leave_out]]
column = "State"
values = ["ended"]
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`document`: what the command printed as JSON. `wall_s`: with the start of the process."""

    code: int
    document: Mapping[str, Any]
    wall_s: float
    max_rss_mb: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took. `cpu_s`: of it alone, neither of the database nor of who answers it."""

    code: int
    wall_s: float
    cpu_s: float
    max_rss_mb: float


@dataclass(frozen=True, slots=True)
class Stage:
    """`tree`: the checkout whose commands are run."""

    folder: Path
    variables: Mapping[str, str]
    tree: Path = ROOT
    lago_pid: int = 0

    def manage(self, *arguments: str) -> Outcome:
        """Run a command that prints JSON, to its end."""
        cost = self.cost(*arguments)
        document = json.loads(self.out.read_bytes())
        return Outcome(cost.code, document, cost.wall_s, cost.max_rss_mb)

    @property
    def out(self) -> Path:
        """Return what the last command printed."""
        return self.folder / "out.json"

    def cost(self, *arguments: str) -> Cost:
        """Run a command that prints JSON, to its end; who looks at its memory must not read all of that.

        The system counts as a process's memory also what its parent had when it began. It runs as at an
        operator's: with DEBUG, Django keeps the last 9,000 statements, and some of ours are large.
        """
        began = time.monotonic()
        with self.out.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments, "--format", "json"],
                cwd=self.tree,
                env={**self.variables, "DEBUG": "0"},
                stdout=stream,
                stderr=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s, cpu_s = time.monotonic() - began, usage.ru_utime + usage.ru_stime
        return Cost(process.returncode, wall_s, cpu_s, usage.ru_maxrss / 1024)

    @contextmanager
    def workers(self, number: int) -> Iterator[None]:
        """Have so many workers of one process each, ready for work."""
        variables = {**self.variables, "WORKER_PROCESSES": "1"}
        started = [
            subprocess.Popen(
                [sys.executable, "manage.py", "qcluster"],
                cwd=ROOT,
                env=variables,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            for _ in range(number)
        ]
        try:
            while self.ask("SELECT count(*) FROM customers_workerseen") < number:
                time.sleep(0.1)
            yield
        finally:
            for process in started:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            self.ask("WITH gone AS (DELETE FROM customers_workerseen RETURNING 1) SELECT count(*) FROM gone")

    def ask(self, query: LiteralString) -> float:
        """Ask our database for one number."""
        with psycopg.connect(self.variables["DATABASE_URL"], autocommit=True) as database:
            found = database.execute(query).fetchone()
        return float(found[0]) if found else 0.0

    def lago_cpu_s(self) -> float:
        """Return how long the stand-in for Lago has had a processor."""
        told = Path(f"/proc/{self.lago_pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def correct(self, path: Path) -> Mapping[str, float]:
        """Preview a file in the admin and correct a cell; give the seconds that takes."""
        command = [sys.executable, "-m", "tests.benchmarks.correcting", str(path)]
        told = subprocess.run(command, cwd=ROOT, env=self.variables, capture_output=True, check=True).stdout
        found: dict[str, float] = json.loads(told.splitlines()[-1])
        return found

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

    def export(self, rows: int) -> tuple[Path, Path, Path]:
        """Write customers as another system exports them, its mapping, and the same in our columns."""
        export, mapping, ours = (self.folder / name for name in ("export.csv", "export.toml", "ours.csv"))
        mapping.write_text(EXPORT, encoding="utf-8")
        with export.open("w", newline="", encoding="utf-8") as theirs, ours.open("w", newline="") as by_hand:
            exported, plain = csv.writer(theirs, delimiter=";"), csv.writer(by_hand)
            exported.writerow(["No", "First", "Last", "Mail", "Card", "Tariff", "Since", "State"])
            plain.writerow(COLUMNS)
            for n in range(rows):
                mail, key, card = f"e{n}@example.com", f"E-{n:06}", f"04{n:08X}"
                colons = ":".join(card[place : place + 2].lower() for place in range(0, 10, 2))
                tariff, plan = (("Privat", "standard"), ("Flotte", "fleet"), ("Nacht", "night"))[n % 3]
                exported.writerow([key, "Customer", n, mail, colons, tariff, "01.01.2024", "active"])
                plain.writerow([mail, f"Customer {n}", key, card, plan, "2024-01-01"])
        return export, mapping, ours


@contextmanager
def stage(*, latency_ms: int, tree: Path = ROOT, **more: str) -> Iterator[Stage]:
    """Set up an empty database and an empty Lago that answers after `latency_ms`, both of a checkout.

    `more` are further variables of the environment.
    """
    folder = Path(mkdtemp(prefix="polaris-bench-"))
    atexit.register(shutil.rmtree, folder)  # before the server registers its end, so it comes after it
    atexit.register(embedded.forget, folder / "postgres")
    variables = {
        **os.environ,
        "DEBUG": "1",
        "SECRET_KEY": token_urlsafe(60),
        "ENV_FILE": "",
        "DATABASE_URL": embedded.database_url(folder / "postgres"),
        "LAGO_API_KEY": SANDBOX_KEY,
        "BACKFILL_LAGO_RATE": "0",
        "BACKFILL_LOG_DIR": str(folder / "logs"),
        **more,
        # Where bytecode is not kept, each start of a command compiles all there is, which nobody's does.
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=tree, env=variables, check=True)
    with _lago(latency_ms, variables) as (url, pid):
        yield Stage(folder, variables | {"LAGO_API_URL": url}, tree, pid)


@contextmanager
def beside(here: Stage, *, platform: bool) -> Iterator[Stage]:
    """Add a SteVe that costs nothing and, if asked, the platform's tables in a database of their own."""
    with _sandbox("steve_sandbox", here.variables, "--ocpp-port", "0") as (url, _):
        more = {"STEVE_BASE_URL": url, "STEVE_API_USERNAME": SANDBOX_USERNAME, "STEVE_API_KEY": STEVE_KEY}
        if platform:
            more["POLARIS_DATABASE_URL"] = _platform(here.variables["DATABASE_URL"])
        yield replace(here, variables={**here.variables, **more})


def _platform(database_url: str) -> str:
    """Make the platform's tables beside ours, and give their address."""
    name = f"platform_{uuid4().hex[:8]}"
    with psycopg.connect(database_url, autocommit=True) as server:
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    head, mark, query = database_url.partition("?")
    address = f"{head.rpartition('/')[0]}/{name}{mark}{query}"
    schema.create(address)
    return address


def _lago(latency_ms: int, variables: Mapping[str, str]) -> AbstractContextManager[tuple[str, int]]:
    return _sandbox("lago_sandbox", variables, "--latency-ms", str(latency_ms))


@contextmanager
def _sandbox(name: str, variables: Mapping[str, str], *options: str) -> Iterator[tuple[str, int]]:
    """Run a sandbox as a process, so that it takes no time from what is measured; give address and number."""
    command = [sys.executable, "manage.py", name, "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("the sandbox has no output")
        ready = process.stdout.readline()
        try:
            yield ready.split(" on ")[1].split()[0], process.pid
        finally:
            process.terminate()
