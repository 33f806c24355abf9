"""A shell to follow the handbook in: `make shell`. Database, Lago, SteVe and worker are its own.

It reads no `.env`, so it cannot touch a real system, and everything is forgotten when the shell is left.
"""

import atexit
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import requests
from psycopg import sql

from polaris_backfill import embedded, environment, startup
from rehearsal.lago import Sandbox
from rehearsal.lago.clock import quiet_zone
from rehearsal.platform import PlatformSandbox
from rehearsal.steve import SteveSandbox

ROOT = Path(__file__).resolve().parent.parent
CHARGE_BOX = "TEST-BOX"
PLATFORM = "platform"
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
def systems(files: Path, database_url: str, *, platform: bool = False) -> Iterator[Mapping[str, str]]:
    """Run a Lago and a SteVe beside that database; give the environment in which commands reach all three.

    With `platform`, a Polaris Express with a database of its own is there too, and bills the sessions.
    """
    with ExitStack() as stack:
        lago = stack.enter_context(Sandbox())
        lago.set_organization(billing_entity_timezone=quiet_zone(datetime.now(UTC)))
        steve = stack.enter_context(_steve(lago, "" if platform else database_url))
        beside = stack.enter_context(_platform(lago, steve, database_url)) if platform else None
        if beside:
            _send_webhooks(lago, beside)
            beside.sync()  # as one that is in use has long done
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
            **(beside.variables() if beside else {}),
        }


def _platform(lago: Sandbox, steve: SteveSandbox, database_url: str) -> PlatformSandbox:
    """Make a platform that hears of what happens in Lago and syncs every minute."""
    url = urlsplit(database_url)._replace(path=f"/{PLATFORM}").geturl()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(PLATFORM)))
    return PlatformSandbox(
        database_url=url,
        lago_url=lago.url,
        lago_key=lago.key,
        steve_url=steve.url,
        steve_username=steve.username,
        steve_key=steve.key,
        every_s=60,
    )


def _send_webhooks(lago: Sandbox, platform: PlatformSandbox) -> None:
    """Have Lago tell the platform what happens, signed as it wants it."""
    endpoint = {"webhook_url": platform.webhook_url, "signature_algo": "jwt"}
    requests.post(
        f"{lago.url}/api/v1/webhook_endpoints",
        json={"webhook_endpoint": endpoint},
        headers={"Authorization": f"Bearer {lago.key}"},
        timeout=STOP_S,
    ).raise_for_status()


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
    """Make a SteVe with the platform's part behind it, which bills a session to whom our mappings say.

    Without a database nobody bills from it: a platform of its own does.
    """
    if not database_url:
        return SteveSandbox(charge_boxes=[CHARGE_BOX])
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


def main(arguments: Sequence[str]) -> None:
    """Run a shell; with `platform` as an argument, beside a Polaris Express."""
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
        with systems(files, url, platform=PLATFORM in arguments) as variables:
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
    main(sys.argv[1:])
