"""A revert that is killed at any of its calls, and run again, leaves nothing behind."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text

CALLS = 26  # 4 to get to know Lago, 1 look-up, 3 for activity, 18 to end and delete


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.seven_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> tuple[Any, Any]:
    """What our database and Lago are like after an import and a revert that nothing disturbed."""
    with world.rehearsal(lasting_lago, django_db_blocker):
        world.furnish(lasting_lago)
        commands.run(*import_it)
        lasting_lago.reset_requests()
        commands.run("backfill_revert", "--run-id", world.run_id())
        assert lasting_lago.requests()["total"] == CALLS
        return world.here(), lasting_lago.state()


@pytest.mark.parametrize("nth", sampled(CALLS))
@BEFORE_AND_AFTER
def test_a_revert_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, Any],
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)
    commands.run(*import_it)
    revert_it = ("backfill_revert", "--run-id", world.run_id())

    killed(fresh_lago, commands, f"{fault},nth={nth}", *revert_it)
    meanwhile = world.nobody_charges_unbilled(fresh_lago)
    commands.run(*revert_it)

    assert meanwhile
    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert (world.here(), fresh_lago.state()) == undisturbed
    assert world.is_unbilled(fresh_lago)
