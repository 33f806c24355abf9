"""A revert of chosen customers that is killed at any of its calls, and run again, comes to the same end."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text
from tests.customers.undoing import latest_run

CHOSEN = ("C-1", "C-3", "C-5")  # the second has two cards, the third was in Lago before
CALLS = 15
SAMPLES = (12, CALLS)


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.seven_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


def take_back(*external_ids: str) -> tuple[str, ...]:
    return ("backfill_revert", "--run-id", world.run_id(), "--external-id", *external_ids)


def ended(commands: Nursery, arguments: tuple[str, ...]) -> tuple[int, str]:
    command = commands.start(*arguments)
    return command.wait(), command.err


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> tuple[Any, Any]:
    with world.rehearsal(lasting_lago, django_db_blocker):
        world.furnish(lasting_lago)
        commands.run(*import_it)
        lasting_lago.reset_requests()
        commands.run(*take_back(*CHOSEN))
        assert lasting_lago.requests()["total"] == CALLS
        return world.here(), lasting_lago.state()


@pytest.mark.parametrize(
    "nth", [n if n in SAMPLES else pytest.param(n, marks=pytest.mark.matrix) for n in range(1, CALLS + 1)]
)
@BEFORE_AND_AFTER
def test_killed_at_a_call_and_run_again_it_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, Any],
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)
    commands.run(*import_it)

    killed(fresh_lago, commands, f"{fault},nth={nth}", *take_back(*CHOSEN))
    meanwhile = world.nobody_charges_unbilled(fresh_lago), latest_run().status
    commands.run(*take_back(*CHOSEN))

    assert meanwhile == (True, "succeeded")
    assert (world.here(), fresh_lago.state()) == undisturbed
    assert world.is_unbilled(fresh_lago)


def test_while_it_is_unfinished_nothing_else_takes_its_customers_for_whole(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...]
) -> None:
    world.furnish(fresh_lago)
    commands.run(*import_it)

    killed(fresh_lago, commands, f"hang_before,seconds=600,nth={CALLS - 4}", *take_back(*CHOSEN))
    shown = commands.run("backfill_runs", world.run_id())
    refused = [import_it, ("backfill_repair", "--run-id", world.run_id())]
    told = [ended(commands, command) for command in refused]
    named = commands.run(*take_back("C-1"))  # any of them goes on with all

    assert f"backfill_revert --run-id {world.run_id()} --external-id C-1" in shown.out
    assert [code for code, _ in told] == [2, 2]
    assert all("chosen customers" in err for _, err in told)
    assert "3 chosen customers" in named.out
    commands.run("backfill_reconcile", "--run-id", world.run_id())
    assert latest_run().taking_back == []
