"""A database of version 1.0.0 that was upgraded, with the Lago and the SteVe that it worked with.

`v1_0/` was made by the code of 1.0.0: runs in every status (two of which died, one of them before its rows
were staged), a confirmed and a previewed upload, queued tasks, invitations on their way.
"""

import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from subprocess import run
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from rehearsal.lago import Sandbox
from rehearsal.platform import PlatformSandbox
from rehearsal.steve import SteveSandbox
from tests.customers.commands import Answer, environment
from tests.polaris_backfill.processes import ROOT
from tests.rehearsal.platform.conftest import platform_database as platform_database
from tests.rehearsal.platform.conftest import platform_url as platform_url
from tests.rehearsal.platform.town import Town

MADE = Path(__file__).parent / "v1_0"
TEMPLATE = "upgraded_from_1_0"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What an operator has after the upgrade."""

    address: str
    lago: Sandbox
    variables: Mapping[str, str]

    def manage(self, *arguments: str, **more: str) -> Answer:
        return manage(*arguments, **{**self.variables, **more})

    def ask(self, query: str, *values: Any) -> list[Any]:
        """Give the rows of a query; of one column, its values."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            found = connection.execute(query, values).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    def change(self, statement: str, *values: Any) -> None:
        """Leave the database as something that happened would have."""
        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(statement, values)

    def run_id(self, name: str) -> str:
        """Give the id of the latest run over that file."""
        return str(
            self.ask(
                "SELECT run_id FROM customers_backfillrun WHERE input_name = %s ORDER BY id", f"{name}.csv"
            )[-1]
        )

    def status(self, name: str) -> str:
        return str(
            self.ask("SELECT status FROM customers_backfillrun WHERE run_id = %s", self.run_id(name))[0]
        )

    def again(self, name: str, *options: str) -> Answer:
        """Run the same command over the same file again."""
        return self.manage("backfill_customers", "--input", str(MADE / f"{name}.csv"), *options)


def manage(*arguments: str, **variables: str) -> Answer:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    done = run(command, env=variables, capture_output=True, text=True, timeout=120, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


def _address(database_address: str, name: str) -> str:
    """Give the address of another database of the same server."""
    head, mark, query = database_address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}{mark}{query}"


@pytest.fixture(scope="module")
def template(database_address: str) -> Iterator[str]:
    """Load the dump and migrate it, once."""
    name = f"{TEMPLATE}_{uuid4().hex[:8]}"
    with psycopg.connect(database_address, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            with psycopg.connect(_address(database_address, name), autocommit=True) as connection:
                connection.execute((MADE / "database.sql").read_bytes())
            done = manage(
                "migrate", "--verbosity", "0",
                PATH="/usr/bin:/bin", HOME="/nonexistent", ENV_FILE="", DEBUG="1",
                DATABASE_URL=_address(database_address, name),
            )  # fmt: skip
            assert (done.code, done.err) == (0, "")
            yield name
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def upgraded(template: str, database_address: str, tmp_path: Path) -> Iterator[Upgraded]:
    """A copy of the upgraded database, to be worked on."""
    name = f"{template}_{uuid4().hex[:8]}"
    state = shutil.copy(MADE / "lago.json", tmp_path / "lago.json")
    address = _address(database_address, name)
    with (
        psycopg.connect(database_address, autocommit=True) as server,
        Sandbox(state_file=state, on_a_quiet_day=True) as lago,
    ):
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        try:
            yield Upgraded(address, lago, environment(lago, tmp_path, address))
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    """The SteVe of that time, with the same idTags under the same numbers."""
    with SteveSandbox(charge_boxes=["TEST-1"]) as sandbox:
        for tag in json.loads((MADE / "steve.json").read_text()):
            added = sandbox.world.add_tag(
                tag["idTag"],
                max_active_transaction_count=tag["maxActiveTransactionCount"],
                note=tag["note"],
            )
            assert added.pk == tag["ocppTagPk"]
        yield sandbox


@pytest.fixture
def with_steve(upgraded: Upgraded, steve: SteveSandbox) -> Upgraded:
    configured = {
        "STEVE_BASE_URL": steve.url,
        "STEVE_API_USERNAME": steve.username,
        "STEVE_API_KEY": steve.key,
    }
    return Upgraded(upgraded.address, upgraded.lago, {**upgraded.variables, **configured})


@pytest.fixture
def town(with_steve: Upgraded, steve: SteveSandbox, platform_url: str) -> Iterator[Town]:
    """A platform beside the two, which nobody thought of in that time."""
    lago = with_steve.lago
    with (
        PlatformSandbox(
            database_url=platform_url,
            lago_url=lago.url,
            lago_key=lago.key,
            steve_url=steve.url,
            steve_username=steve.username,
            steve_key=steve.key,
        ) as platform,
        psycopg.connect(platform_url, autocommit=True) as database,
    ):
        yield Town(lago, steve, platform, database)


@pytest.fixture
def beside(with_steve: Upgraded, town: Town) -> Upgraded:
    """What an operator has who connects the platform after the upgrade."""
    return Upgraded(
        with_steve.address, with_steve.lago, {**with_steve.variables, **town.platform.variables()}
    )
