"""An import that is killed at any of its calls, and run again, ends as if nothing had happened."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text
from tests.support.processes import wait_for

CALLS = 28  # 4 to get to know Lago, 2 plans, 3 look-ups, 9 customers, 10 subscriptions


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.twelve_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> tuple[Any, Any]:
    """What our database and Lago are like after an import that nothing disturbed."""
    with world.rehearsal(lasting_lago, django_db_blocker):
        world.furnish(lasting_lago)
        lasting_lago.reset_requests()
        commands.run(*import_it)
        assert lasting_lago.requests()["total"] == CALLS
        return world.here(), lasting_lago.state()


@pytest.mark.parametrize("nth", sampled(CALLS))
@BEFORE_AND_AFTER
def test_an_import_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, Any],
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)

    died = killed(fresh_lago, commands, f"{fault},nth={nth}", *import_it)
    meanwhile = world.nobody_charges_unbilled(fresh_lago)
    commands.run(*import_it)

    assert meanwhile
    assert died == -9
    assert (world.here(), fresh_lago.state()) == undisturbed
    assert world.refs_are_true(fresh_lago)
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
@pytest.mark.parametrize("nth", [1, 4, 8])
def test_a_call_that_arrives_after_its_sender_was_killed_makes_nothing_twice(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, Any],
    path: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)
    fresh_lago.reset_requests()
    fresh_lago.fault(f"pause_before,method=POST,path={path},nth={nth}")

    command = commands.start(*import_it)
    world.wait_for_fault(fresh_lago)
    command.kill()
    command.wait()
    world.wait_until_free()
    again = commands.start(*import_it)
    wait_for(lambda: fresh_lago.counts().get("GET /subscriptions") == 2, every_s=0.001)  # it has looked
    fresh_lago.clear_faults()
    code = again.wait()

    assert code == 0
    assert (world.here(), fresh_lago.state()) == undisturbed
    assert world.is_unbilled(fresh_lago)
