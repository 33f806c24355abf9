"""Whoever installed 1.0.0 comes along: its database migrates, and every command works on it."""

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from subprocess import run

import pytest

from rehearsal.steve import SteveSandbox
from tests.polaris_backfill.processes import ROOT
from tests.support.processes import wait_for, worker
from tests.support.smtp_server import MailServer
from tests.upgrades.conftest import MADE, Upgraded

STATUSES = "SELECT input_name, status FROM customers_backfillrun ORDER BY id"
SUBSCRIBED = "backfill-{}"
DAMAGED = "10423.0"  # which 1.0 took


def live(upgraded: Upgraded, letter: str) -> list[str]:
    """The customers of a file that Lago still has."""
    there = upgraded.lago.state(live=True)["customers"]
    return sorted(one["external_id"] for one in there if one["external_id"].startswith(f"{letter}-"))


def is_unbilled(upgraded: Upgraded) -> bool:
    return upgraded.lago.journal() == {"invoices": [], "credit_notes": []}


# --- What was there is there -------------------------------------------------------------------------


def test_runs_in_every_status_are_kept_and_know_no_number_of_rows(upgraded: Upgraded) -> None:
    assert upgraded.ask(STATUSES) == [
        ("succeeded.csv", "succeeded"),
        ("partial.csv", "partial"),
        ("failed.csv", "failed"),
        ("interrupted.csv", "interrupted"),
        ("running.csv", "running"),
        ("unstaged.csv", "running"),
        ("abandoned.csv", "abandoned"),
        ("abandoned.csv", "succeeded"),
        ("reverting.csv", "reverting"),
        ("reverted.csv", "reverted"),
        ("queued.csv", "queued"),
    ]
    assert set(upgraded.ask("SELECT input_rows FROM customers_backfillrun")) == {None}


@pytest.mark.matrix
def test_every_run_is_shown_with_what_makes_sense_next(upgraded: Upgraded) -> None:
    listed = upgraded.manage("backfill_runs", "--format", "json")
    shown = [upgraded.manage("backfill_runs", one["run_id"]) for one in listed.json["runs"]]

    assert listed.code == 0
    assert {one.code for one in shown} == {0}
    assert all("Next:" in one.out for one in shown)


CAPITALS = "SELECT email FROM customers_user WHERE external_id = 'A-2'"


def test_an_address_with_capitals_is_put_right_and_lagos_stays_as_it_is(with_steve: Upgraded) -> None:
    run_id = with_steve.run_id("succeeded")

    again = with_steve.again("succeeded", "--skip-existing", "--format", "json")
    preview = with_steve.manage("backfill_revert", "--run-id", run_id, "--dry-run")

    (in_lago,) = (one for one in with_steve.lago.state()["customers"] if one["external_id"] == "A-2")
    assert with_steve.ask(CAPITALS) == ["anna.capital@example.com"]
    assert in_lago["columns"]["email"] == "Anna.Capital@Example.com"
    assert [row["warnings"] for row in again.json["rows"] if row["external_id"] == "A-2"] == [[]]
    assert (preview.code, "changed the address" in preview.out) == (0, False)


# --- Continue ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "interrupted",
        "unstaged",
        *(pytest.param(name, marks=pytest.mark.matrix) for name in ("failed", "running")),
    ],
)
def test_an_unfinished_run_is_continued_by_its_file(upgraded: Upgraded, name: str) -> None:
    before = upgraded.run_id(name)

    answer = upgraded.again(name)
    reconciled = upgraded.manage("backfill_reconcile", "--run-id", before)

    assert answer.code == 0, answer.err
    assert (upgraded.run_id(name), upgraded.status(name)) == (before, "succeeded")
    assert (reconciled.code, "Nothing diverges." in reconciled.out) == (0, True)
    assert is_unbilled(upgraded)


@pytest.mark.matrix
def test_a_partial_run_is_continued_once_its_plan_is_there(upgraded: Upgraded) -> None:
    upgraded.lago.put_plans("gone:1000")

    answer = upgraded.again("partial")

    assert (answer.code, upgraded.status("partial")) == (0, "succeeded")


def test_what_is_imported_is_skipped_also_with_an_id_that_a_spreadsheet_damaged(
    with_steve: Upgraded,
) -> None:
    answer = with_steve.again("succeeded", "--skip-existing", "--format", "json")

    assert answer.code == 0
    assert answer.json["counts"] == {"created": 0, "completed": 0, "skipped": 5, "failed": 0, "pending": 0}
    assert "10423.0" in {row["external_id"] for row in answer.json["rows"]}


def test_a_damaged_id_is_refused_only_for_whom_it_would_be_new(with_steve: Upgraded, tmp_path: Path) -> None:
    more = "new@example.com,Customer New,10424.0,ATAG099,standard,2024-01-01\n"
    file = tmp_path / "edited.csv"
    file.write_text((MADE / "succeeded.csv").read_text() + more)

    answer = with_steve.manage(
        "backfill_customers", "--input", str(file), "--dry-run", "--skip-existing", "--format", "json"
    )

    codes = {row["external_id"]: [one["code"] for one in row["problems"]] for row in answer.json["rows"]}
    assert (codes["10423.0"], codes["10424.0"]) == ([], ["value_damaged"])


def test_a_run_that_died_over_a_damaged_id_is_continued_reconciled_and_taken_back(
    with_steve: Upgraded,
) -> None:
    run_id = with_steve.run_id("succeeded")
    with_steve.change("UPDATE customers_backfillrun SET status = 'interrupted' WHERE run_id = %s", run_id)
    with_steve.change("UPDATE customers_backfillrow SET outcome = '' WHERE external_id = %s", DAMAGED)
    with_steve.change(
        "UPDATE customers_backfillstep SET state = 'intended', ref = '' WHERE name = 'lago_subscription'"
        " AND row_id = (SELECT id FROM customers_backfillrow WHERE external_id = %s)",
        DAMAGED,
    )

    continued = with_steve.again("succeeded", "--skip-existing", "--format", "json")
    reconciled = with_steve.manage("backfill_reconcile", "--run-id", run_id, "--format", "json")
    reverted = with_steve.manage("backfill_revert", "--run-id", run_id, "--noinput")

    assert (continued.code, continued.json["run_id"], continued.json["counts"]["failed"]) == (0, run_id, 0)
    assert (reconciled.code, reconciled.json["status"]) == (0, "agrees")
    assert reverted.code == 0, reverted.err
    assert DAMAGED not in {one["external_id"] for one in with_steve.lago.state(live=True)["customers"]}
    assert with_steve.ask("SELECT count(*) FROM customers_user WHERE external_id = %s", DAMAGED) == [0]
    assert is_unbilled(with_steve)


# --- Reconcile and verify ----------------------------------------------------------------------------


@pytest.mark.matrix
def test_a_run_that_succeeded_still_agrees(with_steve: Upgraded) -> None:
    run_id = with_steve.run_id("succeeded")

    reconciled = with_steve.manage("backfill_reconcile", "--run-id", run_id, "--format", "json")
    verified = with_steve.manage("backfill_verify", "--run-id", run_id)

    assert (reconciled.code, reconciled.json["status"]) == (0, "agrees")
    assert reconciled.json["import"]["rows_expected"] is None
    assert (verified.code, verified.out.splitlines()[-1][:2]) == (0, "GO")


@pytest.mark.parametrize("name", ["failed", "interrupted", "running", "unstaged", "reverting", "queued"])
@pytest.mark.matrix
def test_no_unfinished_run_is_called_good(upgraded: Upgraded, name: str) -> None:
    run_id = upgraded.run_id(name)

    reconciled = upgraded.manage("backfill_reconcile", "--run-id", run_id)
    verified = upgraded.manage("backfill_verify", "--run-id", run_id)

    assert reconciled.code == 1
    assert "This run is not whole" in reconciled.out
    assert verified.code in (1, 2)
    assert "GO" not in verified.out.replace("NO GO", "")


# --- Revert ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "letter"),
    [
        ("partial", "B"),
        ("failed", "C"),
        ("interrupted", "D"),
        ("running", "E"),
        ("unstaged", "F"),
        ("abandoned", "G"),
        ("reverting", "H"),
    ],
)
@pytest.mark.matrix
def test_a_run_is_taken_back_from_wherever_it_stood(upgraded: Upgraded, name: str, letter: str) -> None:
    run_ids = upgraded.ask(
        "SELECT run_id FROM customers_backfillrun WHERE input_name = %s ORDER BY id DESC", f"{name}.csv"
    )

    answers = [upgraded.manage("backfill_revert", "--run-id", run_id, "--noinput") for run_id in run_ids]

    assert [answer.code for answer in answers] == [0] * len(run_ids), answers
    assert live(upgraded, letter) == []
    assert upgraded.ask("SELECT count(*) FROM customers_user WHERE external_id LIKE %s", f"{letter}-%") == [0]
    assert upgraded.status(name) == "reverted"
    assert is_unbilled(upgraded)


def test_a_run_with_steve_is_taken_back_and_what_was_there_before_is_as_it_was(
    with_steve: Upgraded, steve: SteveSandbox
) -> None:
    run_id = with_steve.run_id("succeeded")

    answer = with_steve.manage("backfill_revert", "--run-id", run_id, "--noinput")

    assert answer.code == 0, answer.err
    assert live(with_steve, "A") == ["A-4"]  # it was in Lago before the run
    assert [
        (tag["idTag"], tag["maxActiveTransactionCount"], tag["note"]) for tag in steve.state()["id_tags"]
    ] == [("ATAG004", 0, "was here before")]
    assert is_unbilled(with_steve)


# --- What waits --------------------------------------------------------------------------------------


def test_the_worker_does_what_waited_in_the_queue(upgraded: Upgraded) -> None:
    with MailServer() as mail:
        inbox = mail.inbox
        variables = {**upgraded.variables, "EMAIL_URL": mail.url, "EMAIL_FROM": "noreply@example.com"}
        with worker(variables):
            wait_for(lambda: upgraded.status("queued") == "succeeded", within_s=90, every_s=0.2)
            wait_for(lambda: len(inbox.received) >= 3, within_s=90, every_s=0.2)
            wait_for(lambda: not _open_jobs(upgraded), within_s=90, every_s=0.2)

    assert live(upgraded, "J") == ["J-1", "J-2", "J-3"]
    assert "b1@example.com" in {mail.to for mail in inbox.received}  # asked for a link before the upgrade
    assert upgraded.ask("SELECT DISTINCT state FROM customers_welcomemail") == ["sent"]


def _open_jobs(upgraded: Upgraded) -> list[str]:
    return upgraded.ask("SELECT kind FROM customers_runjob WHERE status IN ('queued', 'running')")


def test_an_invitation_on_its_way_still_signs_its_customer_in(upgraded: Upgraded) -> None:
    kept = json.loads((MADE / "links.json").read_text())
    at = datetime.fromisoformat(kept["made_at"]) + timedelta(hours=1)
    paths = [*kept["links"].values(), "/sign-in/link/1.made-up/"]

    answers = run(
        [sys.executable, "-m", "tests.upgrades.opening", at.isoformat(), *paths],
        cwd=ROOT, env=dict(upgraded.variables), capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert answers.stdout.splitlines() == ["200", "200", "410"]
