"""Everything on one machine: `make run` starts database, Lago sandbox, web and worker, and stops them.

It shares its database and its Lago with `make demo` and reads no `.env`, so it cannot touch a real one.
"""

import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NoReturn

from polaris_backfill import startup
from rehearsal.demo import DATA, ROOT, Rehearsal, rehearsal

LOGIN = "admin@example.com"
STOP_S = 150  # what a job may take to finish what is in flight
START_S = 60
NAP_S = 0.2


def main(arguments: Sequence[str]) -> None:
    """Run until Ctrl-C, a signal, or the end of web or worker. `arguments`: the port, 8000 if none."""
    port = int(arguments[0]) if arguments else 8000
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with startup.refusals_in_one_line(), rehearsal() as demo:
            _serve(demo, port)
    except KeyboardInterrupt:
        print("\nStopped.")


def _serve(demo: Rehearsal, port: int) -> None:
    address = f"http://localhost:{port}"
    variables = {
        **demo.variables, "CUSTOMER_BASE_URL": address,
        "EMAIL_URL": "consolemail://", "EMAIL_FROM": "Polaris <no-reply@example.com>",
    }  # fmt: skip
    _manage(variables, "migrate", "--verbosity", "0")
    password = _login(variables)
    with ExitStack() as stack:
        processes = [
            stack.enter_context(_process([sys.executable, "manage.py", "qcluster"], variables)),
            stack.enter_context(_process(_web(port), variables)),
        ]
        _wait_until_ready(address, processes)
        _tell(address, password)
        while all(process.poll() is None for process in processes):
            time.sleep(NAP_S)
        sys.exit("The web server or the worker has ended; stopping the other. What it said is above.")


def _web(port: int) -> list[str]:
    return [
        sys.executable, "-m", "gunicorn", "polaris_backfill.wsgi", "--bind", f"127.0.0.1:{port}",
        "--workers", "1", "--threads", "8", "--worker-tmp-dir", str(DATA), "--log-level", "warning",
    ]  # fmt: skip


@contextmanager
def _process(command: Sequence[str], variables: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own, so that Ctrl-C reaches us alone and we end it in order."""
    process = subprocess.Popen(command, cwd=ROOT, env=variables, start_new_session=True)  # noqa: S603 ours
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _manage(variables: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    if subprocess.run(command, cwd=ROOT, env=variables, check=False).returncode:  # noqa: S603 ours
        sys.exit(1)


def _login(variables: Mapping[str, str]) -> str:
    """Have a superuser, whose password is kept beside the database, readable by its owner only."""
    file = DATA / "admin-password"
    if file.exists():
        return file.read_text().strip()
    password = secrets.token_urlsafe(12)
    file.touch(mode=0o600)
    file.write_text(f"{password}\n")
    chosen = {**variables, "DJANGO_SUPERUSER_PASSWORD": password}
    _manage(chosen, "createsuperuser", "--email", LOGIN, "--noinput", "--verbosity", "0")
    return password


def _wait_until_ready(address: str, processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Wait for web, database and worker; go on anyway after a minute: the overview tells what is missing."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and all(process.poll() is None for process in processes):
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):  # noqa: S310 ours
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(NAP_S)


def _tell(address: str, password: str) -> None:
    print(
        f"""
  Admin     {address}/admin/
  Login     {LOGIN}
  Password  {password}
  Lago      a sandbox, empty at first; it is the one of `make demo`
  Mail      is printed here, and goes nowhere

  A file to begin with: examples/customers.csv
  Ctrl-C stops everything; what is in flight is finished first.
""",
        flush=True,
    )


def _leave(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


if __name__ == "__main__":
    main(sys.argv[1:])
