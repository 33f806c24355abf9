"""Several workers as processes, each with its own folder for logs, and a command that follows them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from customers.models import BackfillRun, IdTagMapping, User, WorkerSeen
from rehearsal.lago import Sandbox
from tests.customers.admin.world import audited
from tests.customers.factories import csv_text, rows
from tests.support.processes import MANAGE, environment, kill_group, wait_for

LEASE_S = 3


class Crew:
    """`size` workers of one process each. Whoever is killed is made up for by `recruit`."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder, self._env, self._number = folder, env, 0
        self.workers: list[subprocess.Popen[bytes]] = []

    def recruit(self, size: int) -> None:
        """Have so many workers, and wait until all of them live."""
        while len(self.workers) < size:
            self._number += 1
            logs = self._folder / f"machine-{self._number}"
            logs.mkdir()
            with (logs / "worker.out").open("wb") as out:
                self.workers.append(self._start(out, BACKFILL_LOG_DIR=str(logs), WORKER_PROCESSES="1"))

    def assemble(self, size: int) -> None:
        WorkerSeen.objects.all().delete()
        self.recruit(size)
        wait_for(lambda: WorkerSeen.number_alive() >= size, within_s=180)

    def _start(self, out: object, **more: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, str(MANAGE), "qcluster"]
        return subprocess.Popen(
            command, env={**self._env, **more}, stdout=out, stderr=out, start_new_session=True  # type: ignore[call-overload]
        )  # fmt: skip

    def kill(self, place: int) -> None:
        kill_group(self.workers.pop(place))  # type: ignore[arg-type]

    def stop(self, place: int) -> None:
        os.killpg(self.workers[place].pid, signal.SIGSTOP)

    def wake(self, place: int) -> None:
        os.killpg(self.workers[place].pid, signal.SIGCONT)

    @property
    def logs(self) -> list[Path]:
        return sorted(self._folder.glob("machine-*/run-*.log"))

    def import_(self, number: int, *options: str) -> "subprocess.Popen[str]":
        """Begin an import of so many customers, and follow it."""
        path, logs = self._folder / "customers.csv", self._folder / "terminal"
        path.write_text(csv_text(rows(number)))
        logs.mkdir(exist_ok=True)
        command = [sys.executable, str(MANAGE), "backfill_customers", "--input", str(path), "--workers"]
        return subprocess.Popen(
            [*command, *options], env={**self._env, "BACKFILL_LOG_DIR": str(logs)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip


@contextmanager
def crew(folder: Path, database_url: str, lago: Sandbox, **more: str) -> Iterator[Crew]:
    env = environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_CONCURRENCY="2", BACKFILL_BATCH_SIZE="10", BACKFILL_LEASE_S=str(LEASE_S), **more,
    )  # fmt: skip
    here = Crew(folder, env)
    try:
        yield here
    finally:
        while here.workers:
            here.kill(0)


def settled() -> int:
    run = BackfillRun.objects.first()
    return run.rows.exclude(outcome="").count() if run else 0


def check_end(lago: Sandbox, number: int, log: Path) -> None:
    """Check that all is as one undisturbed worker leaves it: there, once, and nobody is billed."""
    run, state = BackfillRun.objects.get(), lago.state(live=True)
    lines = [line for line in log.read_text().splitlines() if " line=" in line]
    assert run.status == "succeeded"
    assert run.rows.filter(outcome__in=("created", "completed")).count() == number
    assert {state for row in run.rows.all() for state in row.steps.values_list("state", flat=True)} == {
        "created"
    }
    assert User.objects.filter(role="customer").count() == number
    assert IdTagMapping.objects.filter(is_active=True).count() == number
    assert len(state["customers"]) == len(state["subscriptions"]) == number
    assert len(audited("user.created")) == number
    assert len(audited("run.succeeded")) == 1
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert len(lines) == len({line.partition(" line=")[2].partition(" ")[0] for line in lines}) == number
