"""An approved import that is killed at any of its calls goes on without a new approval."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission

from customers.backfill import approvals
from customers.models import BackfillRun, PlanApproval
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.killing import BEFORE_AND_AFTER, killed, sampled
from tests.customers.backfill.crash.processes import Nursery, nursery, one_at_a_time

CALLS = 18


@pytest.fixture(scope="module")
def commands(
    lasting_lago: Sandbox, tmp_path_factory: pytest.TempPathFactory, database_address: str
) -> Iterator[Nursery]:
    folder = tmp_path_factory.mktemp("commands")
    with nursery(
        folder,
        one_at_a_time(
            folder, database_address, lasting_lago, BACKFILL_BATCH_SIZE="3", BACKFILL_REQUIRE_APPROVAL="1"
        ),
    ) as ready:
        yield ready


@pytest.fixture
def import_it(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "customers.csv"
    path.write_text(factories.csv_text(world.seven_rows()))
    return ("backfill_customers", "--input", str(path), "--skip-existing")


@pytest.mark.parametrize("nth", sampled(CALLS))
@BEFORE_AND_AFTER
def test_an_approved_import_killed_at_a_call_goes_on_by_its_approval(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], tmp_path: Path, fault: str, nth: int
) -> None:
    world.furnish(fresh_lago)
    plan = str(tmp_path / "plan.json")
    commands.run(*import_it, "--dry-run", "--save-plan", plan)
    colleague = factories.staff()
    colleague.user_permissions.set(Permission.objects.filter(codename="approve_backfill"))
    approvals.approve(PlanApproval.objects.get(), colleague)
    fresh_lago.reset_requests()

    died = killed(fresh_lago, commands, f"{fault},nth={nth}", *import_it)
    commands.run(*import_it, "--plan", plan)

    assert died == -9
    assert BackfillRun.objects.get().status == "succeeded"
    assert PlanApproval.objects.get().run == BackfillRun.objects.get()
    assert world.refs_are_true(fresh_lago)
    assert world.is_unbilled(fresh_lago)
