"""`backfill_revert`: what it asks, says, refuses and writes down."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from auditlog.models import AuditEntry
from customers.models import BackfillRun, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import row
from tests.customers.undoing import all_rows, called, latest_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    """A run over C-1, who has two cards, and C-2, whom Lago had before."""
    factories.lago_customer(lago, 2)
    factories.imported([row(1), row(2), row(1, id_tag="SECOND1")], skip_existing=True)
    return latest_run()


def sign_in(number: int) -> None:
    User.objects.filter(external_id=f"C-{number}").update(last_login=timezone.now())


def manifest(run: BackfillRun, settings: Any) -> Path:
    return Path(settings.BACKFILL_LOG_DIR) / f"revert-{run.run_id}.log"


def test_a_dry_run_shows_three_buckets_and_writes_nothing(
    lago: Sandbox, run: BackfillRun, settings: Any
) -> None:
    before = all_rows(), lago.state(volatile=True)

    text = called("backfill_revert", "--run-id", run.run_id, "--dry-run")
    answer = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")

    assert (text.code, answer.code) == (0, 0)
    assert re.search(r"Lago customers +1 +1 +0", text.out)
    assert "Nothing was removed." in text.out
    assert answer.json["remove"] == {
        "lago_subscription": 2, "lago_customer": 1, "id_tag_mapping": 3, "user": 2,
    }  # fmt: skip
    assert answer.json["keep"] == {"lago_customer": 1}
    assert (all_rows(), lago.state(volatile=True)) == before
    assert not manifest(run, settings).exists()


def test_a_dry_run_shows_who_acted_and_what_can_be_chosen(lago: Sandbox, run: BackfillRun) -> None:
    sign_in(1)

    text = called("backfill_revert", "--run-id", run.run_id, "--dry-run")
    chosen = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--keep-active")

    assert (text.code, chosen.code) == (1, 0)
    assert re.search(r"C-1 +signed in", text.out)
    assert "--keep-active" in text.out
    assert "--discard-activity" in text.out


def test_it_refuses_while_somebody_was_active(lago: Sandbox, run: BackfillRun) -> None:
    sign_in(1)
    before = all_rows(), lago.state(volatile=True)

    answer = called("backfill_revert", "--run-id", run.run_id)

    assert answer.code == 2
    assert re.search(r"C-1 +signed in", answer.out)
    assert "Nothing was removed." in answer.out
    assert (all_rows(), lago.state(volatile=True)) == before


def test_it_says_what_it_did_and_a_second_time_that_there_is_nothing_to_do(
    lago: Sandbox, run: BackfillRun
) -> None:
    first = called("backfill_revert", "--run-id", run.run_id)
    before = all_rows(), lago.state(volatile=True)
    second = called("backfill_revert", "--run-id", run.run_id)
    dry = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")

    assert (first.code, second.code, dry.code) == (0, 0, 0)
    assert "No invoice and no credit note was made." in first.out
    assert "Nothing to do" in second.out
    assert dry.json["status"] == "nothing"
    assert (all_rows(), lago.state(volatile=True)) == before


def test_the_manifest_has_a_line_per_thing_and_no_personal_data(
    lago: Sandbox, run: BackfillRun, settings: Any
) -> None:
    called("backfill_revert", "--run-id", run.run_id)

    path = manifest(run, settings)
    text = path.read_text()
    told = re.findall(r"line=(\d) external_id=(\S+) step=(\S+) outcome=(\S+)", text)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(told) == [
        ("2", "C-1", "id_tag_mapping", "removed"),
        ("2", "C-1", "lago_customer", "removed"),
        ("2", "C-1", "lago_subscription", "removed"),
        ("2", "C-1", "user", "removed"),
        ("3", "C-2", "id_tag_mapping", "removed"),
        ("3", "C-2", "lago_customer", "kept"),
        ("3", "C-2", "lago_subscription", "removed"),
        ("3", "C-2", "user", "removed"),
        ("4", "C-1", "id_tag_mapping", "removed"),
    ]
    assert "status=reverted" in text.splitlines()[-1]
    assert not re.search(r"example\.com|Customer \d|TAG0001|SECOND1", text)


def test_each_removal_is_in_the_audit_log(lago: Sandbox, run: BackfillRun) -> None:
    called("backfill_revert", "--run-id", run.run_id)

    removals = AuditEntry.objects.filter(tag=run.audit_tag, action__endswith=".removed")
    assert sorted(removals.values_list("action", "subject")) == [
        ("id_tag_mapping.removed", "customer:C-1"),
        ("id_tag_mapping.removed", "customer:C-1"),
        ("id_tag_mapping.removed", "customer:C-2"),
        ("lago_customer.removed", "customer:C-1"),
        ("lago_subscription.removed", "customer:C-1"),
        ("lago_subscription.removed", "customer:C-2"),
        ("user.removed", "customer:C-1"),
        ("user.removed", "customer:C-2"),
    ]


def test_what_went_by_itself_is_told_as_gone(lago: Sandbox, run: BackfillRun) -> None:
    with factories.client_of(lago) as client:
        client.terminate_subscription("backfill-C-1", pending=False)

    answer = called("backfill_revert", "--run-id", run.run_id, "--format", "json")

    assert answer.code == 0
    assert answer.json["counts"] == {"removed": 7, "gone": 1, "kept": 1}


def test_a_lago_that_would_bill_is_refused(lago: Sandbox, run: BackfillRun) -> None:
    lago.set_organization(version="v1.31.4")
    before = all_rows(), lago.state(volatile=True)

    answer = called("backfill_revert", "--run-id", run.run_id, "--discard-activity")

    assert answer.code == 2
    assert "before 1.32 it bills whenever a subscription ends" in answer.err
    assert (all_rows(), lago.state(volatile=True)) == before


@pytest.fixture
def old_lago(lago: Sandbox, settings: Any) -> Iterator[Sandbox]:
    """A Lago of 1.31 that says "production" of itself."""
    with Sandbox(compat="old") as old:
        settings.LAGO_API_URL = old.url
        yield old


@pytest.mark.parametrize("option", ["--dry-run", "--discard-activity"])
def test_a_lago_that_would_bill_is_known_by_its_subscriptions(old_lago: Sandbox, option: str) -> None:
    factories.imported([row(1), row(2)])
    run = latest_run()
    before = all_rows(), old_lago.state(volatile=True)

    answer = called("backfill_revert", "--run-id", run.run_id, option)

    assert answer.code == 2
    assert "before 1.32 it bills whenever a subscription ends" in answer.err
    assert (all_rows(), old_lago.state(volatile=True)) == before
    assert factories.imported([row(3)]).status == "succeeded"


def test_another_organization_is_refused(lago: Sandbox, run: BackfillRun, settings: Any) -> None:
    before = all_rows(), lago.state(volatile=True)
    with Sandbox() as other:
        settings.LAGO_API_URL = other.url

        answer = called("backfill_revert", "--run-id", run.run_id)

    assert answer.code == 2
    assert "went into another Lago organization" in answer.err
    assert (all_rows(), lago.state(volatile=True)) == before


def test_a_lago_that_does_not_answer_is_refused(lago: Sandbox, run: BackfillRun, settings: Any) -> None:
    before = all_rows()
    settings.LAGO_API_URL = "http://127.0.0.1:9"

    answer = called("backfill_revert", "--run-id", run.run_id)

    assert answer.code == 2
    assert "cannot be reached" in answer.err
    assert all_rows() == before


def test_a_run_that_nobody_knows_is_refused(lago: Sandbox, transactional_db: None) -> None:
    answer = called("backfill_revert", "--run-id", "20260101-000000-abcd")

    assert (answer.code, answer.err) == (
        2,
        "There is no run '20260101-000000-abcd'. See them all with: python manage.py backfill_runs\n",
    )


def test_the_same_file_is_not_imported_while_a_revert_is_unfinished(lago: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(factories.csv_text(factories.rows(12)))
    called("backfill_customers", "--input", str(path))
    lago.fault("500,method=DELETE,path=/customers/,times=forever")
    run = latest_run()
    BackfillRun.objects.filter(pk=run.pk).update(status="reverting")

    refused = called("backfill_customers", "--input", str(path), "--skip-existing")
    lago.clear_faults()
    called("backfill_revert", "--run-id", run.run_id)
    again = called("backfill_customers", "--input", str(path))

    assert refused.code == 2
    assert "A revert of a run over this file is unfinished." in refused.err
    assert again.code == 0


@pytest.mark.parametrize("typed", ["", "yes", "20260101-000000-abcd"])
def test_a_person_who_types_something_else_removes_nothing(
    lago: Sandbox, run: BackfillRun, terminal: int, typed: str
) -> None:
    before = all_rows(), lago.state(volatile=True)
    os.write(terminal, f"{typed}\n".encode())

    answer = called("backfill_revert", "--run-id", run.run_id)

    assert answer.code == 2
    assert f"This removes what the run {run.run_id} created" in answer.err
    assert "Not confirmed; nothing was removed." in answer.err
    assert (all_rows(), lago.state(volatile=True)) == before


def test_a_person_who_types_the_run_id_goes_on(lago: Sandbox, run: BackfillRun, terminal: int) -> None:
    os.write(terminal, f"{run.run_id}\n".encode())

    answer = called("backfill_revert", "--run-id", run.run_id)

    assert answer.code == 0
    assert not User.objects.exists()


def test_nobody_is_asked_with_noinput(lago: Sandbox, run: BackfillRun, terminal: int) -> None:
    answer = called("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert answer.code == 0
    assert "Type the run id" not in answer.err
