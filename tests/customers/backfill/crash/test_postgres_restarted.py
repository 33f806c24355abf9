"""PostgreSQL is restarted under an import."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.private_postgres import PrivatePostgres
from tests.customers.backfill.crash.processes import Nursery, nursery
from tests.customers.factories import csv_text


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePostgres]:
    with PrivatePostgres(tmp_path_factory.mktemp("private") / "postgres") as server:
        yield server


@pytest.fixture(scope="module")
def own_commands(
    lasting_lago: Sandbox, postgres: PrivatePostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("commands")
    variables = {
        "DATABASE_URL": postgres.url,
        "LAGO_API_URL": lasting_lago.url,
        "LAGO_API_KEY": lasting_lago.key,
        "BACKFILL_LOG_DIR": str(folder / "logs"),
    }
    with nursery(folder, variables) as ready:
        ready.run("migrate", "--verbosity", "0")
        yield ready


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("GET,path=/subscriptions", id="planning", marks=pytest.mark.matrix),
        pytest.param("POST,path=/subscriptions,nth=3", id="importing"),
    ],
)
def test_an_import_ends_in_a_line_and_goes_on_later(
    lasting_lago: Sandbox,
    own_commands: Nursery,
    postgres: PrivatePostgres,
    tmp_path: Path,
    call: str,
) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(world.twelve_rows()))
    import_it = ("backfill_customers", "--input", str(path), "--batch-size", "5")
    lasting_lago.reset()
    lasting_lago.put_plans(world.IN_ADVANCE)
    lasting_lago.fault(f"pause_after,method={call}")

    command = own_commands.start(*import_it)
    world.wait_for_fault(lasting_lago)
    postgres.restart()
    lasting_lago.clear_faults()
    code = command.wait()
    again = own_commands.run(*import_it, "--format", "json")
    run_id = json.loads(again.out)["run_id"]

    assert code == 1
    assert command.err.splitlines()[-1].startswith("PostgreSQL no longer answers.")
    assert "Traceback" not in command.err
    own_commands.run("backfill_reconcile", "--run-id", run_id)
    own_commands.run("backfill_revert", "--run-id", run_id)
    assert lasting_lago.state(live=True)["customers"] == []
    assert world.is_unbilled(lasting_lago)
