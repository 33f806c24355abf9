"""A command tells the webhook at its end, and nothing of the webhook changes the command."""

from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

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


@pytest.mark.django_db(transaction=True)
def test_a_command_that_is_killed_over_telling_leaves_it_to_the_worker(
    file: str, receiver: Receiver, lago: Sandbox, database_url: str, settings: Any
) -> None:
    receiver.answers = ["hang", 200]
    env = environment(
        DATABASE_URL=database_url, LAGO_API_URL=lago.url, LAGO_API_KEY=lago.key, BACKFILL_LAGO_RATE="0",
        BACKFILL_LOG_DIR=str(settings.BACKFILL_LOG_DIR), NOTIFY_WEBHOOK_URL=receiver.url,
        NOTIFY_WEBHOOK_SECRET=SECRET,
    )  # fmt: skip

    with started("backfill_customers", "--input", file, env=env) as command:
        wait_for(lambda: receiver.asked == 1)
        kill_group(command)
    Notice.objects.update(next_try_at=Now())  # time passes
    deliver_due()

    assert latest_run().status == "succeeded"
    assert [one["attempt"] for one in receiver.told()] == [1, 2]
    assert len({one["id"] for one in receiver.told()}) == 1
