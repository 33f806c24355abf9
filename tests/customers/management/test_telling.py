"""A command tells the webhook at its end, and nothing of the webhook changes the command."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from customers import jobs
from customers.backfill.ledger import at_work
from customers.backfill.notices.delivering import deliver_due
from customers.models import BackfillRun, Notice
from rehearsal.lago import Sandbox
from tests.customers.factories import csv_text, rows
from tests.customers.undoing import called, latest_run
from tests.support.processes import environment, kill_group, started, wait_for
from tests.support.receiver import SECRET, Receiver, seconds

pytestmark = pytest.mark.django_db
NOT_TOLD = "The webhook could not be told of it"


@pytest.fixture
def file(tmp_path: Path, lago: Sandbox) -> str:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(rows(2)), encoding="utf-8")
    return str(path)


def test_without_a_worker_an_import_and_its_revert_are_told(file: str, receiver: Receiver) -> None:
    called("backfill_customers", "--input", file)
    answer = called("backfill_revert", "--run-id", latest_run().run_id, "--noinput")

    assert answer.code == 0
    assert receiver.events == ["run.finished", "run.reverted"]
    assert receiver.are_signed()
    assert NOT_TOLD not in answer.err


def test_a_dry_run_tells_nobody(file: str, receiver: Receiver) -> None:
    called("backfill_customers", "--input", file, "--dry-run")

    assert receiver.asked == 0


def test_nobody_else_s_notices_are_told_at_the_end_of_a_command(file: str, receiver: Receiver) -> None:
    called("backfill_customers", "--input", file)
    Notice.objects.update(state="waiting", attempts=0, delivered_at=None)

    called("backfill_runs")

    assert receiver.asked == 1


@pytest.mark.parametrize("answer", [500, 302, 404, 410, "hang up"])
def test_a_receiver_that_fails_is_one_line_and_no_exit_code(
    file: str, receiver: Receiver, answer: int | str
) -> None:
    receiver.answers = [answer]

    said = called("backfill_customers", "--input", file)

    assert said.code == 0
    assert said.err.count(NOT_TOLD) == 1
    assert Notice.objects.get().code
    assert BackfillRun.objects.get().status == "succeeded"


def test_a_receiver_that_hangs_costs_five_seconds_at_most(
    file: str, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr("customers.terminal.telling.WITHIN_S", 1.0)
    receiver.answers = ["hang"]

    with seconds(5):
        said = called("backfill_customers", "--input", file, "--format", "json")

    assert said.code == 0
    assert "it gave no answer in time" in said.err
    assert NOT_TOLD not in said.out


# --- killed ----------------------------------------------------------------------------------------------


@pytest.fixture
def env(receiver: Receiver, lago: Sandbox, database_url: str, settings: Any) -> dict[str, str]:
    return environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR), NOTIFY_WEBHOOK_URL=receiver.url,
        NOTIFY_WEBHOOK_SECRET=SECRET,
    )  # fmt: skip


def killed(lago: Sandbox, env: dict[str, str], call: str, *arguments: str) -> None:
    """Kill a command (kill -9) while it waits for Lago to answer a call."""
    method, path = call.split()
    lago.fault(f"pause_before,method={method},path={path},times=forever")
    with started(*arguments, env=env) as command:
        lago.wait_held()
        kill_group(command)
    lago.clear_faults()
    wait_for(lambda: not at_work.is_busy())


@pytest.mark.django_db(transaction=True)
def test_an_import_that_was_killed_is_told_by_the_next_command_and_by_nobody_after_it(
    file: str, receiver: Receiver, lago: Sandbox, env: dict[str, str]
) -> None:
    killed(lago, env, "POST /subscriptions", "backfill_customers", "--input", file)
    silence = receiver.events

    looked = called("backfill_runs")
    jobs.sweep()
    again = called("backfill_runs")
    done = called("backfill_customers", "--input", file)
    jobs.sweep()

    run = latest_run()
    assert silence == []
    assert f"The import of the run {run.run_id} is over: its process ended without a word" in looked.err
    assert (looked.code, "is over" in again.err, done.code) == (0, False, 0)
    assert receiver.events == ["run.died", "run.finished"]
    assert "run the same command again" in receiver.told()[0]["reason"]


@pytest.mark.django_db(transaction=True)
def test_a_revert_that_was_killed_is_told_by_the_worker_and_by_no_command_after_it(
    file: str, receiver: Receiver, lago: Sandbox, env: dict[str, str]
) -> None:
    called("backfill_customers", "--input", file)
    revert_it = ("backfill_revert", "--run-id", latest_run().run_id, "--noinput")
    killed(lago, env, "DELETE /customers/", *revert_it)

    jobs.sweep()
    deliver_due()
    done = called(*revert_it)
    jobs.sweep()

    assert (done.code, "ended without a word" in done.err) == (0, False)
    assert receiver.events == ["run.finished", "revert.died", "run.reverted"]
    assert f"backfill_revert --run-id {latest_run().run_id}" in receiver.told()[1]["reason"]


@pytest.mark.matrix
@pytest.mark.django_db(transaction=True)
def test_a_continued_revert_that_is_killed_is_told_as_well(
    file: str, receiver: Receiver, lago: Sandbox, env: dict[str, str]
) -> None:
    called("backfill_customers", "--input", file)
    revert_it = ("backfill_revert", "--run-id", latest_run().run_id, "--noinput")
    lago.fault("500,method=DELETE,path=/customers/,times=forever")
    called(*revert_it)
    lago.clear_faults()

    killed(lago, env, "DELETE /customers/", *revert_it)
    called("backfill_runs")

    assert receiver.events == ["run.finished", "revert.failed", "revert.died"]


@pytest.mark.django_db(transaction=True)
def test_a_command_that_is_killed_over_telling_leaves_it_to_the_worker(
    file: str, receiver: Receiver, env: dict[str, str]
) -> None:
    receiver.answers = ["hang", 200]

    with started("backfill_customers", "--input", file, env=env) as command:
        wait_for(lambda: receiver.asked == 1)
        kill_group(command)
    Notice.objects.update(next_try_at=Now())  # time passes
    deliver_due()

    assert latest_run().status == "succeeded"
    assert [one["attempt"] for one in receiver.told()] == [1, 2]
    assert len({one["id"] for one in receiver.told()}) == 1
