"""`backfill_customers --first N`: what it says, in which order, and with which exit code."""

from pathlib import Path

import pytest

from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.backfill.engine.test_canary import twenty
from tests.customers.commands import as_json, command
from tests.customers.factories import csv_text
from tests.customers.undoing import called, latest_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path, lago: Sandbox) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(csv_text(twenty()))
    return path


def test_the_first_ones_go_in_with_counts_of_their_own_and_exit_code_0(path: Path) -> None:
    answer = as_json(path, "--first", "2")

    assert (answer.code, answer.json["status"]) == (0, "canary")
    assert answer.json["counts"] == {
        "created": 3, "completed": 0, "skipped": 0, "failed": 0, "pending": 0, "waiting": 17,
    }  # fmt: skip
    assert answer.json["input"]["rows"] == 20
    canary = answer.json["canary"]
    assert [(line["plan_code"], line["rows"]) for line in canary.pop("billing")] == [("standard", 2)]
    assert [(line["plan_code"], line["rows"]) for line in answer.json["billing"]] == [("standard", 18)]
    assert canary == {
        "first": 2,
        "customers": [{"external_id": "C-1", "lines": [2]}, {"external_id": "C-2", "lines": [3, 11]}],
        "rows": 3,
        "waiting_customers": 16,
        "waiting_rows": 17,
    }


def test_a_dry_run_shows_who_would_be_the_first(path: Path) -> None:
    document = as_json(path, "--first", "2", "--dry-run")
    text = command(path, "--first", "2", "--dry-run")

    assert (document.code, document.json["status"]) == (0, "would_succeed")
    assert [one["external_id"] for one in document.json["canary"]["customers"]] == ["C-1", "C-2"]
    assert document.json["counts"]["create"] == 20
    assert "Only the first customers would go in: 2 customers with 3 rows." in text.out
    assert "C-2 (lines 3, 11)" in text.out
    assert text.out.index("What the first customers will bill") < text.out.index(
        "What the whole file will bill"
    )
    assert not BackfillRun.objects.exists()


def test_a_number_that_lets_everybody_in_says_that_nobody_waits(path: Path) -> None:
    would = command(path, "--first", "5000", "--dry-run")
    did = command(path, "--first", "5000")

    assert "Nobody would wait: there are 18 customers to import, and --first 5,000 takes all." in would.out
    assert "Nobody waits: there are 18 customers to import, and --first 5,000 takes all." in did.out


def test_the_text_says_what_comes_next(path: Path) -> None:
    answer = command(path, "--first", "2")

    run_id = latest_run().run_id
    assert "Only the first customers went in: 2 customers with 3 rows. The others wait" in answer.out
    told = [line for line in answer.err.splitlines() if "python manage.py" in line]
    assert [line.partition(": ")[0] for line in told] == ["Next", "Then", "The rest", "Undo"]
    assert run_id in told[0]


@pytest.mark.parametrize("number", ["0", "-3"])
def test_a_number_that_makes_no_sense_is_refused(path: Path, number: str) -> None:
    answer = command(path, f"--first={number}")

    assert (answer.code, BackfillRun.objects.count()) == (2, 0)
    assert "--first must be a whole number from 1" in answer.err


def test_fewer_than_have_begun_are_refused_with_a_way_out(path: Path) -> None:
    command(path, "--first", "3")

    answer = command(path, "--first", "2")

    assert answer.code == 2
    assert "is for 3 customers already" in answer.err
    assert "Leave --first away to do all of it" in answer.err


def test_reconcile_verify_and_runs_speak_of_the_first_ones(path: Path) -> None:
    command(path, "--first", "2")
    run_id = ("--run-id", latest_run().run_id)

    reconciled = called("backfill_reconcile", *run_id)
    document = called("backfill_reconcile", *run_id, "--format", "json")
    verified = called("backfill_verify", *run_id, "--format", "json")
    shown = called("backfill_runs", latest_run().run_id)
    undoing = called("backfill_revert", *run_id, "--dry-run")

    assert (reconciled.code, verified.code, verified.json["verdict"]) == (0, 0, "go")
    assert "3 of 20 rows of the file (3 created)" in reconciled.out
    assert "17 rows of the file wait, and nothing of them has been begun" in reconciled.out
    assert document.json["import"] == {
        "finished": True, "status": "canary",
        "rows_expected": 20, "rows_staged": 3, "rows_pending": 0, "rows_waiting": 17,
    }  # fmt: skip
    assert verified.json["checks"][0]["compared"] == "3 of 20 rows staged, 0 pending, 17 waiting"
    assert "17 rows of the file wait" in shown.out
    assert "17 rows of the file wait" in undoing.out
    assert "not whole" not in reconciled.out + shown.out + undoing.out
