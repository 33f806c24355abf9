"""An import that is killed at any of its writes, and reverted as it is, leaves nothing behind."""

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text

WRITES = 11  # 5 customers, 6 subscriptions


@pytest.mark.parametrize("nth", sampled(WRITES))
@BEFORE_AND_AFTER
def test_what_a_killed_import_had_made_can_be_taken_back(
    fresh_lago: Sandbox, commands: Nursery, tmp_path_factory: pytest.TempPathFactory, fault: str, nth: int
) -> None:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.seven_rows()))
    world.furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)

    import_it = ("backfill_customers", "--input", str(path), "--skip-existing")
    killed(fresh_lago, commands, f"{fault},method=POST,nth={nth}", *import_it)
    commands.run("backfill_revert", "--run-id", world.run_id())

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)
