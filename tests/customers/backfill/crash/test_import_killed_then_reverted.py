"""An import that is killed at any of its writes, and reverted as it is, leaves nothing behind."""

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import csv_text

WRITES = 11  # 5 customers, 6 subscriptions


@pytest.mark.parametrize("nth", range(1, WRITES + 1))
@pytest.mark.parametrize("fault", ["hang_before,seconds=600", "pause_after"], ids=["before", "after"])
def test_what_a_killed_import_had_made_can_be_taken_back(
    fresh_lago: Sandbox, commands: Nursery, tmp_path_factory: pytest.TempPathFactory, fault: str, nth: int
) -> None:
    path = tmp_path_factory.mktemp("input") / "customers.csv"
    path.write_text(csv_text(world.seven_rows()))
    world.furnish(fresh_lago)
    before = world.people(), fresh_lago.state(live=True, volatile=True)
    fresh_lago.fault(f"{fault},method=POST,nth={nth}")

    command = commands.start("backfill_customers", "--input", str(path), "--skip-existing")
    world.wait_for_fault(fresh_lago)
    command.kill()
    command.wait()
    fresh_lago.clear_faults()
    world.wait_until_free()
    commands.run("backfill_revert", "--run-id", world.run_id())

    assert (world.people(), fresh_lago.state(live=True, volatile=True)) == before
    assert world.is_unbilled(fresh_lago)
