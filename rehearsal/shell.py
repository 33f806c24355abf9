"""A shell to follow the handbook in: `make shell`. Database, Lago, SteVe and worker are its own.

It reads no `.env`, so it cannot touch a real system, and everything is forgotten when the shell is left.
"""

import atexit
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg

from polaris_backfill import embedded, environment, startup
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox

ROOT = Path(__file__).resolve().parent.parent
CHARGE_BOX = "TEST-BOX"
STOP_S = 60  # what a mail or a slice of an import may take to finish

WELCOME = f"""
A database, a Lago, a SteVe and a worker of your own, to follow docs/runbook.md with.

  $FILES           where files, run logs and reports go, as /data/backfill for real
  {CHARGE_BOX}         a charge box in SteVe that is there for tests
  worker.log       in $FILES: mails are written there and go nowhere

Leave with exit; everything is forgotten then.
"""

SUBSCRIPTION = (
    "SELECT lago_subscription_external_id FROM customers_idtagmapping WHERE is_active AND id_tag = %s"
)


@contextmanager
def systems(files: Path, database_url: str) -> Iterator[Mapping[str, str]]:
    """Run a Lago and a SteVe beside that database; give the environment in which commands reach all three."""
    with Sandbox() as lago, _steve(lago, database_url) as steve:
        yield {
            **environment.without_ours(ROOT / ".env.example"),
            "ENV_FILE": "",
            "DEBUG": "1",
            "DATABASE_URL": database_url,
            "LAGO_API_URL": lago.url,
            "LAGO_API_KEY": lago.key,
            "BACKFILL_LAGO_RATE": "100",  # quick, and still slow enough for Ctrl-C
            "STEVE_BASE_URL": steve.url,
            "STEVE_API_USERNAME": steve.username,
            "STEVE_API_KEY": steve.key,
            "STEVE_OCPP_URL": steve.ocpp_url,
            "BACKFILL_LOG_DIR": str(files),
            "EMAIL_FROM": "Sandbox Charging <noreply@example.com>",
            "OPERATOR_NAME": "Sandbox Charging",
            "OPERATOR_CONTACT_EMAIL": "support@example.com",
            "FILES": str(files),
        }


@contextmanager
def worker(variables: Mapping[str, str]) -> Iterator[None]:
    """Run a worker, which writes what it says, and the mails it sends, to worker.log."""
    command = [sys.executable, "manage.py", "qcluster"]
    with Path(variables["FILES"], "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)  # noqa: S603 ours
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _steve(lago: Sandbox, database_url: str) -> SteveSandbox:
    """Make a SteVe with the platform behind it, which bills a session to whom our mappings say."""
    return SteveSandbox(
        lago_url=lago.url,
        lago_key=lago.key,
        charge_boxes=[CHARGE_BOX],
        subscription_of=partial(_subscription_of, database_url),
    )


def _subscription_of(database_url: str, id_tag: str) -> str | None:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(SUBSCRIPTION, [id_tag]).fetchone()
    return str(found[0]) if found else None


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="polaris-"))
    # Registered first, so done last: the database says farewell before its folder goes.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(embedded.forget, folder / "postgres")
    files = folder / "files"
    files.mkdir(mode=0o700)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, frame: sys.exit(128 + number))
    with startup.refusals_in_one_line():
        url = embedded.database_url(folder / "postgres")
        with systems(files, url) as variables:
            _shell(variables)


def _shell(variables: Mapping[str, str]) -> None:
    """Run a shell until it is left; how its last command ended is nobody's business here."""
    path = f"{Path(sys.executable).parent}:{variables.get('PATH', '')}"
    variables = {**variables, "PATH": path, "PS1": "(rehearsal) $ "}
    migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    if code := subprocess.run(migrate, cwd=ROOT, env=variables, check=False).returncode:  # noqa: S603 ours
        sys.exit(code)
    with worker(variables):
        print(WELCOME, flush=True)
        signal.signal(signal.SIGINT, lambda number, frame: None)  # Ctrl-C is meant for what runs in the shell
        shell = ["bash", "--noprofile", "--norc"] if shutil.which("bash") else ["sh"]
        subprocess.run(shell, cwd=ROOT, env=variables, check=False)  # noqa: S603 a shell


if __name__ == "__main__":
    main()
