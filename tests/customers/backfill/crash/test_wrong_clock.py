"""A Lago whose clock is hours wrong and that sends no `Date`: what the run made is still known as its own."""

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text, set_wrong

HOURS = [-30, -5, 5, 30]


@pytest.fixture
def arguments(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.seven_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


@pytest.mark.parametrize("hours", HOURS)
def test_an_import_and_its_revert_leave_nothing_behind(
    fresh_lago: Sandbox, commands: Nursery, arguments: tuple[str, ...], hours: int
) -> None:
    world.furnish(fresh_lago)
    set_wrong(fresh_lago, hours)
    before = world.people(), fresh_lago.state(live=True, volatile=True)

    commands.run(*arguments)
    commands.run("backfill_revert", "--run-id", world.run_id())

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
@BEFORE_AND_AFTER
@pytest.mark.parametrize("goes_on", [True, False], ids=["run again", "reverted at once"])
@pytest.mark.matrix
def test_what_a_killed_import_had_made_is_its_own(
    fresh_lago: Sandbox,
    commands: Nursery,
    arguments: tuple[str, ...],
    hours: int,
    path: str,
    fault: str,
    goes_on: bool,
) -> None:
    world.furnish(fresh_lago)
    set_wrong(fresh_lago, hours)
    before = world.people(), fresh_lago.state(live=True, volatile=True)

    killed(fresh_lago, commands, f"{fault},method=POST,path={path},nth=2", *arguments)
    if goes_on:
        commands.run(*arguments)
    commands.run("backfill_revert", "--run-id", world.run_id())

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)
