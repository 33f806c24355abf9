"""An import of the first customers, or of the rest, that is killed ends as if nothing had happened."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text

AT_FIRST = 17  # 4 to get to know Lago, 2 plans, 3 look-ups, 4 customers, 4 subscriptions
LATER = 20  # the same to look, 5 customers, 6 subscriptions
REVERT = 15  # 4 to get to know Lago, 2 look-ups, 1 for activity, 8 to end and delete

Whole = tuple[Any, Any]


@pytest.fixture(scope="module")
def the_rest(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.twelve_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


@pytest.fixture(scope="module")
def the_first(the_rest: tuple[str, ...]) -> tuple[str, ...]:
    """Four customers, the third with cards in three batches of the whole file."""
    return (*the_rest, "--first", "4")


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox,
    commands: Nursery,
    the_first: tuple[str, ...],
    the_rest: tuple[str, ...],
    django_db_blocker: Any,
) -> tuple[Whole, Whole]:
    """What our database and Lago are like after the first customers, and after all of them."""
    with world.rehearsal(lasting_lago, django_db_blocker):
        world.furnish(lasting_lago)
        lasting_lago.reset_requests()
        commands.run(*the_first)
        assert lasting_lago.requests()["total"] == AT_FIRST
        first = world.here(), lasting_lago.state()
        lasting_lago.reset_requests()
        commands.run(*the_rest)
        assert lasting_lago.requests()["total"] == LATER
        return first, (world.here(), lasting_lago.state())


def test_the_rest_after_the_first_makes_what_one_import_makes(
    fresh_lago: Sandbox,
    commands: Nursery,
    the_rest: tuple[str, ...],
    undisturbed: tuple[Whole, Whole],
) -> None:
    world.furnish(fresh_lago)

    commands.run(*the_rest)

    here, lago = undisturbed[1]
    assert world.here() == here
    assert _sorted(fresh_lago.state()) == _sorted(lago)


def _sorted(state: Any) -> Any:
    """Give what is in Lago in an order of its own: it was not made in the same one."""
    return {name: sorted(repr(one) for one in some) for name, some in state.items() if isinstance(some, list)}


@pytest.mark.parametrize("nth", sampled(AT_FIRST))
@BEFORE_AND_AFTER
def test_the_first_killed_at_a_call_and_run_again_are_the_same_first(
    fresh_lago: Sandbox,
    commands: Nursery,
    the_first: tuple[str, ...],
    the_rest: tuple[str, ...],
    undisturbed: tuple[Whole, Whole],
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)

    died = killed(fresh_lago, commands, f"{fault},nth={nth}", *the_first)
    meanwhile = world.nobody_charges_unbilled(fresh_lago)
    commands.run(*the_first)
    first = world.here(), fresh_lago.state()
    commands.run(*the_rest)

    assert (died, meanwhile) == (-9, True)
    assert (first, (world.here(), fresh_lago.state())) == undisturbed
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("nth", sampled(LATER))
@BEFORE_AND_AFTER
@pytest.mark.matrix
def test_the_rest_killed_at_a_call_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    the_first: tuple[str, ...],
    the_rest: tuple[str, ...],
    undisturbed: tuple[Whole, Whole],
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)
    commands.run(*the_first)

    died = killed(fresh_lago, commands, f"{fault},nth={nth}", *the_rest)
    meanwhile = world.nobody_charges_unbilled(fresh_lago)
    commands.run(*the_rest)

    assert (died, meanwhile) == (-9, True)
    assert (world.here(), fresh_lago.state()) == undisturbed[1]
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("nth", sampled(8))
@BEFORE_AND_AFTER
@pytest.mark.parametrize("state", ["at first", "later"])
def test_what_was_killed_can_be_taken_back(
    fresh_lago: Sandbox,
    commands: Nursery,
    the_first: tuple[str, ...],
    the_rest: tuple[str, ...],
    state: str,
    fault: str,
    nth: int,
) -> None:
    world.furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)
    if state == "later":
        commands.run(*the_first)

    killed(
        fresh_lago, commands, f"{fault},method=POST,nth={nth}", *(the_rest if state == "later" else the_first)
    )
    commands.run("backfill_revert", "--run-id", world.run_id())

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)


@pytest.mark.parametrize("nth", sampled(REVERT))
@BEFORE_AND_AFTER
def test_a_revert_of_the_first_that_is_killed_and_run_again_leaves_nothing(
    fresh_lago: Sandbox, commands: Nursery, the_first: tuple[str, ...], fault: str, nth: int
) -> None:
    world.furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)
    commands.run(*the_first)
    revert_it = ("backfill_revert", "--run-id", world.run_id())

    killed(fresh_lago, commands, f"{fault},nth={nth}", *revert_it)
    commands.run(*revert_it)

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)
