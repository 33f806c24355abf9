"""What each command says of a run whose import did not come to its end: none calls it good."""

import re
from typing import Any

import pytest

from customers.backfill.ledger import at_work
from customers.backfill.ledger.standing import standing_of
from customers.models import BackfillRun
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, rows
from tests.customers.undoing import called, latest_run

pytestmark = pytest.mark.django_db


def unstaged(**fields: Any) -> BackfillRun:
    """A run that was killed before its rows were staged, as version 1.0 left it: it knows no number."""
    report = imported(rows(1))
    assert report.run is not None
    run = BackfillRun.objects.get(pk=report.run.pk)
    run.rows.all().delete()
    for name, value in {"status": "running", "input_rows": None, **fields}.items():
        setattr(run, name, value)
    run.save()
    return run


def half_staged() -> BackfillRun:
    """Three rows of a file of twelve, all of them settled."""
    imported(rows(3))
    BackfillRun.objects.update(input_rows=12)
    return latest_run()


def said(answer: Any) -> str:
    return " ".join(f"{answer.out} {answer.err}".split())


# --- How far it came ---------------------------------------------------------------------------------


def test_a_whole_run_has_no_gaps(lago: Sandbox) -> None:
    imported(rows(3))

    standing = standing_of(latest_run())

    assert (standing.is_finished, standing.gaps, standing.rows) == (True, (), "3 rows")


def test_a_run_knows_from_birth_how_many_rows_the_file_has(lago: Sandbox) -> None:
    imported(rows(7))

    assert latest_run().input_rows == 7


def test_what_is_missing_is_named(lago: Sandbox) -> None:
    run = half_staged()
    run.rows.filter(line=2).update(outcome="")

    standing = standing_of(run)

    assert standing.sentence == "This run is not whole: 3 of 12 rows were staged; 1 row is still pending."


def test_a_run_of_the_first_version_is_finished_only_if_its_status_says_so(lago: Sandbox) -> None:
    imported(rows(2))
    BackfillRun.objects.update(input_rows=None)
    finished = {}
    for status in BackfillRun.Status.values:
        BackfillRun.objects.update(status=status)
        finished[status] = standing_of(latest_run()).is_finished

    assert {status for status, is_finished in finished.items() if is_finished} == {
        "succeeded", "partial", "canary", "reverted",
    }  # fmt: skip


def test_a_run_that_is_at_work_is_not_finished(lago: Sandbox) -> None:
    imported(rows(2))
    BackfillRun.objects.update(status="running")

    with at_work.working_on(latest_run().pk, "cli:test"):
        standing = standing_of(latest_run())

    assert standing.gaps == ("it is under way",)


# --- Reconcile, verify -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, "it was interrupted; no row was staged"),
        ({"input_rows": 20_000}, "it was interrupted; 0 of 20,000 rows were staged"),
        ({"status": "abandoned"}, "it was abandoned for another run over the same file; no row was staged"),
        ({"status": "queued", "input_rows": 5}, "it waits for a worker; 0 of 5 rows were staged"),
    ],
)
def test_no_verdict_over_a_run_without_rows_is_good(lago: Sandbox, fields: dict[str, Any], told: str) -> None:
    run = unstaged(**fields)

    reconciled = called("backfill_reconcile", "--run-id", run.run_id)
    verified = called("backfill_verify", "--run-id", run.run_id)

    assert (reconciled.code, verified.code) == (1, 1)
    assert f"This run is not whole: {told}." in said(reconciled)
    assert "Nothing diverges" not in reconciled.out
    assert f"({told})" in said(verified)
    assert re.search(r"NO GO: import\b", verified.out)


def test_no_verdict_over_half_a_file_is_good(lago: Sandbox) -> None:
    run = half_staged()

    reconciled = called("backfill_reconcile", "--run-id", run.run_id, "--format", "json")
    verified = called("backfill_verify", "--run-id", run.run_id, "--format", "json")

    assert (reconciled.code, reconciled.json["status"]) == (1, "unfinished")
    assert reconciled.json["import"] == {
        "finished": False,
        "status": "succeeded",
        "rows_expected": 12,
        "rows_staged": 3,
        "rows_pending": 0,
        "rows_waiting": 0,
    }
    assert (verified.code, verified.json["verdict"]) == (1, "no-go")
    assert verified.json["checks"][0] == {
        "name": "import",
        "passed": False,
        "compared": "3 of 12 rows staged, 0 pending",
        "detail": "3 of 12 rows were staged",
        "news": "",
    }


def test_a_reverted_run_is_not_said_to_agree(lago: Sandbox) -> None:
    imported(rows(2))
    called("backfill_revert", "--run-id", latest_run().run_id, "--noinput")

    answer = called("backfill_reconcile", "--run-id", latest_run().run_id)

    assert "The run was reverted: nothing that it made is expected any more." in answer.out
    assert "Nothing diverges" not in answer.out


# --- Welcome, revert, runs ---------------------------------------------------------------------------


def test_who_invites_is_told_what_the_run_stands_on(lago: Sandbox) -> None:
    run = half_staged()

    answer = called("backfill_welcome", "--run-id", run.run_id, "--status")

    assert (
        "This run is not whole: 3 of 12 rows were staged. Only customers whose rows are in are invited."
        in answer.err
    )


def test_a_revert_says_what_it_stands_on_and_takes_back_what_there_is(lago: Sandbox) -> None:
    run = half_staged()

    planned = called("backfill_revert", "--run-id", run.run_id, "--dry-run")
    told = called("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")
    done = called("backfill_revert", "--run-id", run.run_id, "--noinput", "--format", "json")

    assert "This run is not whole: 3 of 12 rows were staged." in planned.out
    assert told.json["import"]["rows_staged"] == done.json["import"]["rows_staged"] == 3
    assert (done.code, done.json["status"]) == (0, "reverted")
    assert lago.state(live=True)["customers"] == []


def test_a_revert_of_a_run_without_rows_says_that_it_made_nothing(lago: Sandbox) -> None:
    run = unstaged()

    planned = called("backfill_revert", "--run-id", run.run_id, "--dry-run")
    done = called("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert "There is nothing to remove: the run created nothing, as no row of it was staged." in planned.out
    assert f"Nothing to do: the run {run.run_id} created nothing, as no row of it was staged." in done.out
    assert (planned.code, done.code) == (0, 0)


def test_a_run_is_shown_with_what_it_lacks(lago: Sandbox) -> None:
    run = half_staged()

    shown = called("backfill_runs", run.run_id)
    told = called("backfill_runs", run.run_id, "--format", "json")

    assert "This run is not whole: 3 of 12 rows were staged." in shown.out
    assert told.json["import"]["finished"] is False
