"""The command `platform_sandbox`, as a process of its own."""

import re
import signal
import subprocess
from collections.abc import Callable
from functools import partial

import psycopg
import pytest
import requests

from tests.rehearsal.platform.databases import fresh_database

Start = Callable[..., "subprocess.Popen[str]"]

SYSTEMS = (
    *("--lago-url", "http://127.0.0.1:1", "--lago-key", "k"),
    *("--steve-url", "http://127.0.0.1:1/steve", "--steve-username", "u", "--steve-key", "k"),
)


@pytest.fixture
def start(run: Start) -> Start:
    return partial(run, "platform_sandbox", "--port", "0", *SYSTEMS)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_says_how_to_reach_it_and_stops_when_told(
    start: Start, database_address: str, stop: signal.Signals
) -> None:
    with fresh_database(database_address) as address:
        process = start("--database-url", address, "--hole", "0031", "--library", "1.7")
        assert process.stdout
        variables = dict(re.findall(r"(POLARIS_\w+)=([^\s)]+)", process.stdout.readline()))

        answer = requests.get(f"{variables['POLARIS_CUSTOMER_URL']}/api/health", timeout=60)
        with psycopg.connect(variables["POLARIS_DATABASE_URL"]) as connection:
            found = connection.execute(
                "select 1 from information_schema.columns where column_name = 'steve_parent_id_tag'"
            ).fetchall()
        process.send_signal(stop)
        _, errors = process.communicate(timeout=60)

        assert (answer.json(), found) == ({"status": "ok"}, [])
        assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (("--database-url", "postgres://nobody:secret@127.0.0.1:1/none"), "cannot be used: OperationalError"),
        (("--database-url", "nonsense"), "cannot be used: ProgrammingError"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_and_exit_2(
    start: Start, option: tuple[str, str], message: str
) -> None:
    process = start(*option)

    output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (2, "")
    assert message in errors
    assert "secret" not in errors
    assert len(errors.splitlines()) == 1
