"""An import of 200 rows that is killed at any instant, at full speed, and run again."""

import random
import time
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import Row, csv_text, row

CUSTOMERS = 50
CARDS = 4
CALLS = 7 + 2 * CUSTOMERS
INSTANTS = 50
AT_FULL_SPEED = ("--batch-size", "25", "--concurrency", "8")


@pytest.fixture(scope="module")
def import_it(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(card(number) for number in range(CUSTOMERS * CARDS)))
    return ("backfill_customers", "--input", str(path), *AT_FULL_SPEED)


def card(number: int) -> Row:
    """Give the rows of a customer far from each other, so that they are in several batches."""
    return row(1 + number % CUSTOMERS, id_tag=f"TAG{number:04}")


@pytest.fixture(scope="module")
def undisturbed(
    lasting_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], django_db_blocker: Any
) -> tuple[Any, Any]:
    with world.rehearsal(lasting_lago, django_db_blocker):
        commands.run(*import_it)
        assert lasting_lago.requests()["total"] == CALLS
        return world.here(), lasting_lago.state()


@pytest.mark.parametrize("seed", sampled(INSTANTS))
def test_an_import_killed_at_any_instant_and_run_again_is_as_if_undisturbed(
    fresh_lago: Sandbox,
    commands: Nursery,
    import_it: tuple[str, ...],
    undisturbed: tuple[Any, Any],
    seed: int,
) -> None:
    dice = random.Random(seed)

    command = commands.start(*import_it)
    world.wait_for_calls(fresh_lago, dice.randint(1, CALLS))
    time.sleep(dice.uniform(0, 0.01))
    command.kill()
    command.wait()
    world.wait_until_free()
    meanwhile = world.nobody_charges_unbilled(fresh_lago)
    commands.run(*import_it)

    assert meanwhile
    assert (world.here(), fresh_lago.state()) == undisturbed
    assert world.refs_are_true(fresh_lago)
    assert world.is_unbilled(fresh_lago)
