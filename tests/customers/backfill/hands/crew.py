"""Several workers as processes, each with its own folder for logs, and a command that follows them."""

import os
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from customers.backfill.ledger.log_reading import parse
from customers.models import BackfillRun, BackfillStep, IdTagMapping, RunLogPart, User, WorkerSeen
from rehearsal.lago import Sandbox
from tests.customers.admin.world import audited
from tests.customers.factories import csv_text, rows
from tests.support.processes import MANAGE, environment, kill_group, wait_for

LEASE_S = 3
Machine = Callable[[], Sequence[str]]


class Crew:
    """`size` workers of one process each. Whoever is killed is made up for by `recruit`.

    `machine` says for each how a command is begun on its machine.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], machine: Machine) -> None:
        self.folder, self._env, self._machine, self._number = folder, env, machine, 0
        self.workers: list[subprocess.Popen[bytes]] = []

    def recruit(self, size: int) -> None:
        """Have so many workers, and wait until all of them live."""
        while len(self.workers) < size:
            self._number += 1
            logs = self.folder / f"machine-{self._number}"
            logs.mkdir()
            with (logs / "worker.out").open("wb") as out:
                self.workers.append(self._start(out, BACKFILL_LOG_DIR=str(logs), WORKER_PROCESSES="1"))

    def assemble(self, size: int) -> None:
        WorkerSeen.objects.all().delete()
        self.recruit(size)
        wait_for(lambda: WorkerSeen.number_alive() >= size, within_s=180)

    def _start(self, out: object, **more: str) -> "subprocess.Popen[bytes]":
        command = [*self._machine(), sys.executable, str(MANAGE), "qcluster"]
        return subprocess.Popen(
            command, env={**self._env, **more}, stdout=out, stderr=out, start_new_session=True  # type: ignore[call-overload]
        )  # fmt: skip

    def kill(self, place: int) -> None:
        kill_group(self.workers.pop(place))  # type: ignore[arg-type]

    def stop(self, place: int) -> None:
        os.killpg(self.workers[place].pid, signal.SIGSTOP)

    def wake(self, place: int) -> None:
        os.killpg(self.workers[place].pid, signal.SIGCONT)

    def import_(self, number: int, rate: float = 0) -> "subprocess.Popen[str]":
        """Begin an import of so many customers, and follow it."""
        path = self.folder / "customers.csv"
        path.write_text(csv_text(rows(number)))
        return self._begin(rate, "backfill_customers", "--input", str(path))

    def revert(self, rate: float = 0) -> "subprocess.Popen[str]":
        """Begin to take the run back, and follow that."""
        run_id = BackfillRun.objects.get().run_id
        return self._begin(rate, "backfill_revert", "--run-id", run_id, "--noinput")

    def _begin(self, rate: float, *command: str) -> "subprocess.Popen[str]":
        logs = self.folder / "terminal"
        logs.mkdir(exist_ok=True)
        env = {**self._env, "BACKFILL_LOG_DIR": str(logs), "BACKFILL_LAGO_RATE": str(rate)}
        return subprocess.Popen(
            [sys.executable, str(MANAGE), *command, "--workers"], env=env,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip


@contextmanager
def crew(
    folder: Path, database_url: str, lago: Sandbox, machine: Machine = lambda: (), **more: str
) -> Iterator[Crew]:
    usual = {"LAGO_API_URL": lago.url, "LAGO_API_KEY": lago.key, "BACKFILL_LAGO_RATE": "0"}
    env = environment(
        DATABASE_URL=database_url, BACKFILL_CONCURRENCY="2", BACKFILL_BATCH_SIZE="10",
        BACKFILL_LEASE_S=str(LEASE_S), **(usual | more),
    )  # fmt: skip
    here = Crew(folder, env, machine)
    try:
        yield here
    finally:
        while here.workers:
            here.kill(0)


class Work(ABC):
    """What the workers do in a test: all of it is to be as one undisturbed worker leaves it, with one log."""

    log, part = "run", RunLogPart.Log.RUN

    def __init__(self, crew: Crew, lago: Sandbox, number: int) -> None:
        self.crew, self.lago, self.number = crew, lago, number

    @abstractmethod
    def begin(self, rate: float = 0) -> "subprocess.Popen[str]": ...

    @abstractmethod
    def settled(self) -> int:
        """Count the rows that are done."""

    @abstractmethod
    def check_end(self) -> None: ...

    @property
    def whole_log(self) -> Path:
        (log,) = (self.crew.folder / "terminal").glob(f"{self.log}-*.log")
        return log

    @property
    def logs(self) -> list[Path]:
        return sorted(self.crew.folder.glob(f"machine-*/{self.log}-*.log"))

    def said(self, *keys: str) -> list[tuple[str, ...]]:
        """Return what the log says of rows, by these keys."""
        read = (parse(line) for line in self.whole_log.read_text().splitlines())
        return [tuple(values[2][key] for key in keys) for values in read if values and "line" in values[2]]


class Import(Work):
    def begin(self, rate: float = 0) -> "subprocess.Popen[str]":
        return self.crew.import_(self.number, rate)

    def settled(self) -> int:
        run = BackfillRun.objects.first()
        return run.rows.exclude(outcome="").count() if run else 0

    def check_end(self) -> None:
        run, state, number = BackfillRun.objects.get(), self.lago.state(live=True), self.number
        assert run.status == "succeeded"
        assert run.rows.filter(outcome__in=("created", "completed")).count() == number
        assert set(BackfillStep.objects.values_list("state", flat=True)) == {"created"}
        assert User.objects.filter(role="customer").count() == number
        assert IdTagMapping.objects.filter(is_active=True).count() == number
        assert len(state["customers"]) == len(state["subscriptions"]) == number
        assert len(audited("user.created")) == number
        assert len(audited("run.succeeded")) == 1
        assert self.lago.journal() == {"invoices": [], "credit_notes": []}
        assert len(self.said("line")) == len(set(self.said("line"))) == number


class Revert(Work):
    log, part = "revert", RunLogPart.Log.MANIFEST

    def begin(self, rate: float = 0) -> "subprocess.Popen[str]":
        """Have what the workers imported taken back."""
        import_ = self.crew.import_(self.number)
        told = import_.communicate(timeout=600)[0]
        assert import_.returncode == 0, told
        return self.crew.revert(rate)

    def settled(self) -> int:
        return BackfillStep.objects.filter(name="user", state="removed").count()

    def check_end(self) -> None:
        run, state, number = BackfillRun.objects.get(), self.lago.state(live=True), self.number
        assert run.status == "reverted"
        assert set(BackfillStep.objects.values_list("state", flat=True)) == {"removed"}
        assert not User.objects.filter(role="customer").exists()
        assert not IdTagMapping.objects.exists()
        assert (state["customers"], state["subscriptions"]) == ([], [])
        assert len(audited("user.removed")) == len(audited("id_tag_mapping.removed")) == number
        assert len(audited("run.reverting")) == len(audited("run.reverted")) == 1
        assert self.lago.journal() == {"invoices": [], "credit_notes": []}
        assert len(self.said("line", "step")) == len(set(self.said("line", "step"))) == 4 * number
