"""Real processes: the worker, and the commands."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
STOP_WITHIN_S = 60


def environment(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "ENV_FILE": "",
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "polaris_backfill.settings",
        "EMAIL_FROM": "noreply@example.com",
        "OPERATOR_NAME": "Acme Charging",
        "OPERATOR_CONTACT_EMAIL": "help@example.com",
        "CUSTOMER_BASE_URL": "http://localhost:8000",
        **more,
    }


def manage(*arguments: str, env: Mapping[str, str], timeout: float = 180) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(MANAGE), *arguments], env=env, capture_output=True, text=True, timeout=timeout
    )


@contextmanager
def started(*arguments: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Start a command in a process group of its own; on leaving, whatever is left of it is killed."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, str(MANAGE), *arguments],
            env=env, stdout=output, stderr=output, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            yield process
        finally:
            kill_group(process)


@contextmanager
def worker(env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run `manage.py qcluster` and stop it as an operator's supervisor does."""
    with started("qcluster", env=env) as process:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # to the parent only: it tells the others itself
            process.wait(STOP_WITHIN_S)


def kill_group(process: subprocess.Popen[str]) -> None:
    """Kill a process and all its children, as a machine that loses power does."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(condition: Callable[[], object], *, within_s: float = 60, every_s: float = 0.02) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s} s in vain"
        time.sleep(every_s)
