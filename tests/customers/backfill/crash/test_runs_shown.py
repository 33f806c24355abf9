"""What `backfill_runs` says of runs that live, died, were taken back, or were preferred to by a new one."""

import re
from pathlib import Path
from typing import Any

import pytest

from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.backfill.crash.processes import Nursery
from tests.customers.factories import row
from tests.customers.undoing import called, latest_run, reverted
from tests.support.processes import wait_for


@pytest.fixture
def import_it(tmp_path: Path) -> tuple[str, ...]:
    path = tmp_path / "customers.csv"
    path.write_text(factories.csv_text(factories.rows(12)))
    return ("backfill_customers", "--input", str(path))


def shown(run_id: str) -> Any:
    return called("backfill_runs", run_id, "--format", "json").json


def listed() -> dict[str, str]:
    runs = called("backfill_runs", "--format", "json").json["runs"]
    return {run["run_id"]: run["status"] for run in runs}


def test_a_run_says_running_while_it_works_and_interrupted_once_it_is_killed(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...]
) -> None:
    fresh_lago.fault("pause_before,method=POST,path=/subscriptions,nth=8")

    command = commands.start(*import_it)
    world.wait_for_fault(fresh_lago)
    run_id = world.run_id()
    while_it_works = shown(run_id)["status"], listed()[run_id]
    wait_for(lambda: shown(run_id)["counts"]["created"] == 5)  # the batch before is recorded meanwhile
    command.kill()
    command.wait()
    world.wait_until_free()
    died = shown(run_id)

    assert while_it_works == ("running", "running")
    assert (died["status"], listed()[run_id]) == ("interrupted", "interrupted")
    assert died["counts"] == {"created": 5, "completed": 0, "skipped": 0, "failed": 0, "pending": 7}
    assert died["steps"]["user"] == {"created": 12}
    assert died["steps"]["lago_customer"] == {"created": 5, "intended": 7}
    assert died["next"][0] == "backfill_customers --input customers.csv"
    assert died["rate_per_s"] > 0  # of the batch that was done
    fresh_lago.clear_faults()


def test_a_run_that_died_does_not_come_to_life_while_another_works(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...], tmp_path: Path
) -> None:
    fresh_lago.fault("pause_before,method=POST")
    command = commands.start(*import_it)
    world.wait_for_fault(fresh_lago)
    dead = world.run_id()
    command.kill()
    command.wait()
    fresh_lago.clear_faults()
    world.wait_until_free()
    other = tmp_path / "other.csv"
    other.write_text(factories.csv_text([row(50)]))
    fresh_lago.fault("pause_before,method=POST")

    command = commands.start("backfill_customers", "--input", str(other))
    world.wait_for_fault(fresh_lago)
    alive = world.run_id()
    found = listed()
    fresh_lago.clear_faults()
    command.wait()

    assert found == {dead: "interrupted", alive: "running"}


def test_a_revert_that_was_killed_is_shown_as_such_with_the_way_on(
    fresh_lago: Sandbox, commands: Nursery, import_it: tuple[str, ...]
) -> None:
    commands.run(*import_it)
    run_id = world.run_id()
    fresh_lago.fault("pause_before,method=DELETE,nth=3")

    command = commands.start("backfill_revert", "--run-id", run_id)
    world.wait_for_fault(fresh_lago)
    while_it_works = listed()[run_id]
    command.kill()
    command.wait()
    world.wait_until_free()
    died = shown(run_id)

    assert while_it_works == "reverting"
    assert (died["status"], died["next"]) == ("revert interrupted", [f"backfill_revert --run-id {run_id}"])
    fresh_lago.clear_faults()


def test_a_partial_run_tells_counts_rate_failures_and_what_to_do(
    transactional_db: None, lago: Sandbox
) -> None:
    factories.imported([row(1), row(2, plan_code="unknown"), row(1, id_tag="SECOND1")], allow_partial=True)
    run_id = latest_run().run_id

    answer = shown(run_id)
    text = called("backfill_runs", run_id).out

    assert answer["status"] == "partial"
    assert answer["counts"] == {"created": 2, "completed": 0, "skipped": 0, "failed": 1, "pending": 0}
    assert answer["steps"]["lago_subscription"] == {"created": 1, "shared": 1}
    assert answer["rate_per_s"] > 0
    assert [(one["line"], one["external_id"], one["code"]) for one in answer["failures"]] == [
        (3, "C-2", "plan_not_found")
    ]
    assert answer["next"] == [
        "backfill_customers --input customers.csv --allow-partial",
        f"backfill_reconcile --run-id {run_id}",
        f"backfill_revert --run-id {run_id} --dry-run",
    ]
    assert re.search(r"3 +C-2 +plan_not_found", text)
    assert re.search(r"lago_subscription +1 created, 1 shared", text)
    assert re.search(r"[\d.]+ rows per second", text)


def test_what_comes_next_depends_on_how_a_run_stands(transactional_db: None, lago: Sandbox) -> None:
    factories.imported([row(1)])
    run = latest_run()

    good = shown(run.run_id)
    reverted()
    gone = shown(run.run_id)

    assert (good["status"], good["next"]) == (
        "succeeded",
        [
            f"backfill_reconcile --run-id {run.run_id}",
            f"backfill_verify --run-id {run.run_id}",
            f"backfill_welcome --run-id {run.run_id}",
            f"backfill_revert --run-id {run.run_id} --dry-run",
        ],
    )
    assert (gone["status"], gone["next"]) == ("reverted", ["backfill_customers --input customers.csv"])


def test_a_run_to_which_a_new_one_was_preferred_is_abandoned(transactional_db: None, lago: Sandbox) -> None:
    lago.fault("500,method=POST,times=forever")
    factories.imported([row(1)])
    old = latest_run()
    lago.clear_faults()
    factories.imported([row(1)], skip_existing=True, new_run=True)

    answer = shown(old.run_id)
    refused = called("backfill_revert", "--run-id", old.run_id)

    assert answer["status"] == "abandoned"
    assert BackfillRun.objects.count() == 2
    assert refused.code == 2
    assert "continued by a later run over the same file; revert that first" in refused.err


def test_without_runs_it_says_how_to_begin(transactional_db: None) -> None:
    answer = called("backfill_runs")

    assert answer.code == 0
    assert answer.out == (
        "No run yet. Begin with: python manage.py backfill_customers --input FILE --dry-run\n"
    )


def test_a_run_that_nobody_knows_is_refused(transactional_db: None) -> None:
    answer = called("backfill_runs", "never")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("There is no run 'never'.")
