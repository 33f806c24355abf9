"""A revert of chosen customers: they go wholly, and the run stays what it is for the others."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from auditlog.models import AuditEntry
from customers.backfill.welcome import preview_recipients, start_campaign
from customers.models import BackfillRun, IdTagMapping, User, WelcomeMail
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.backfill.crash import world
from tests.customers.factories import row, rows
from tests.customers.undoing import all_rows, called, divergences, latest_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(lago: Sandbox) -> BackfillRun:
    """A run over four customers, of whom the first has two cards."""
    factories.imported([*rows(4), row(1, id_tag="SECOND1")])
    return latest_run()


def take_back(run: BackfillRun, *external_ids: str, more: tuple[str, ...] = ()) -> Any:
    return called("backfill_revert", "--run-id", run.run_id, "--external-id", *external_ids, *more)


def here() -> set[str]:
    return set(User.objects.exclude(external_id=None).values_list("external_id", flat=True))


def at_lago(lago: Sandbox) -> set[str]:
    return {one["external_id"] for one in lago.state(live=True)["customers"]}


# --- Who goes, and who stays -------------------------------------------------------------------------


def test_the_chosen_go_with_all_their_cards_and_the_others_stay_as_they_are(
    lago: Sandbox, run: BackfillRun
) -> None:
    answer = take_back(run, "C-1", "C-3")

    assert answer.code == 0
    assert "The run is what it was for its other customers: succeeded." in answer.out
    assert here() == at_lago(lago) == {"C-2", "C-4"}
    assert IdTagMapping.objects.count() == 2
    assert latest_run().status == "succeeded"
    assert divergences() == set()
    assert called("backfill_verify", "--run-id", run.run_id).code == 0
    assert world.is_unbilled(lago)


def test_whoever_is_unknown_is_named_and_nothing_happens(lago: Sandbox, run: BackfillRun) -> None:
    before = all_rows(), lago.state(volatile=True)

    answer = take_back(run, "C-1", "C-9", "c-2")

    assert answer.code == 2
    assert "no rows of 2 customers: C-9, c-2." in answer.err
    assert (all_rows(), lago.state(volatile=True)) == before


def test_the_rest_goes_with_a_revert_of_the_whole(lago: Sandbox, run: BackfillRun) -> None:
    take_back(run, "C-1")

    answer = called("backfill_revert", "--run-id", run.run_id)

    assert (answer.code, here(), at_lago(lago)) == (0, set(), set())
    assert latest_run().status == "reverted"


def test_without_its_last_customer_the_run_is_reverted(lago: Sandbox, run: BackfillRun) -> None:
    take_back(run, "C-1", "C-2")
    meanwhile = latest_run().status

    answer = take_back(run, "C-3", "C-4")

    assert (meanwhile, latest_run().status) == ("succeeded", "reverted")
    assert "They were the last of the run: it is reverted." in answer.out


def test_taken_back_once_more_there_is_nothing_to_do(lago: Sandbox, run: BackfillRun) -> None:
    take_back(run, "C-1")

    answer = take_back(run, "C-1")

    assert answer.code == 0
    assert "of the chosen customers is gone already" in answer.out
    assert latest_run().status == "succeeded"


# --- Where they are named ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("left.csv", "name;external_id\nAnna;C-1\n;\nBen; C-3 \n"),
        ("left.json", json.dumps([{"external_id": "C-1"}, {"external_id": "C-3"}])),
    ],
)
def test_a_file_names_them_whatever_else_is_in_it(
    run: BackfillRun, tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content)

    answer = called("backfill_revert", "--run-id", run.run_id, "--only", str(path))

    assert (answer.code, here()) == (0, {"C-2", "C-4"})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("email\na@example.com\n", "there is no column external_id"),
        ("external_id,note\n ,gone\n", "Nobody is named"),
    ],
)
def test_a_file_that_names_nobody_is_refused_and_never_means_all(
    run: BackfillRun, tmp_path: Path, content: str, told: str
) -> None:
    path = tmp_path / "left.csv"
    path.write_text(content)

    answer = called("backfill_revert", "--run-id", run.run_id, "--only", str(path))

    assert answer.code == 2
    assert told in answer.err
    assert len(here()) == 4


# --- What is told ------------------------------------------------------------------------------------


def test_the_manifest_is_the_runs_and_tells_the_choice_first(run: BackfillRun, settings: Any) -> None:
    take_back(run, "C-1")
    called("backfill_revert", "--run-id", run.run_id)

    lines = (Path(settings.BACKFILL_LOG_DIR) / f"revert-{run.run_id}.log").read_text().splitlines()

    firsts = [line for line in lines if f"revert={run.run_id}" in line]
    assert ["customers=1 " in f"{firsts[0]} ", "customers=all " in f"{firsts[1]} "] == [True, True]
    assert not [line for line in lines[: lines.index(firsts[1])] if "external_id=C-2" in line]


def test_the_audit_says_how_many_and_of_each_what(run: BackfillRun) -> None:
    take_back(run, "C-1")

    entries = AuditEntry.objects.tagged(run.audit_tag)
    of_run = {entry.action: entry.data for entry in entries.filter(subject=f"run:{run.run_id}")}
    assert of_run["run.taking_back"] == of_run["run.taken_back"] == {"customers": 1}
    assert entries.filter(subject="customer:C-1", action="user.removed").exists()
    assert not entries.filter(subject="customer:C-2", action__endswith=".removed").exists()


def test_a_dry_run_says_who_and_writes_nothing(lago: Sandbox, run: BackfillRun) -> None:
    before = all_rows(), lago.state(volatile=True)

    text = take_back(run, "C-1", more=("--dry-run",))
    answer = take_back(run, "C-1", more=("--dry-run", "--format", "json"))

    assert "A revert of 1 chosen customer of the run" in text.out
    assert answer.json["chosen"] == ["C-1"]
    assert answer.json["remove"] == {
        "lago_subscription": 1, "lago_customer": 1, "id_tag_mapping": 2, "user": 1,
    }  # fmt: skip
    assert (all_rows(), lago.state(volatile=True)) == before


# --- Who was active, and who was invited -------------------------------------------------------------


def test_who_was_active_is_asked_about_and_kept_is_a_customer_of_the_run_as_before(run: BackfillRun) -> None:
    User.objects.filter(external_id="C-1").update(last_login=timezone.now())

    asked = take_back(run, "C-1", "C-2")
    kept = take_back(run, "C-1", "C-2", more=("--keep-active",))

    assert (asked.code, kept.code) == (2, 0)
    assert here() == {"C-1", "C-3", "C-4"}
    assert run.rows.filter(external_id="C-1", steps__state="kept").count() == 0
    assert divergences() == set()


def test_whoever_was_begun_with_and_is_kept_after_all_is_left_to_a_revert_of_the_whole(
    run: BackfillRun,
) -> None:
    BackfillRun.objects.filter(pk=run.pk).update(taking_back=["C-1"])
    User.objects.filter(external_id="C-1").update(last_login=timezone.now())

    take_back(run, "C-1", "C-2", more=("--keep-active",))

    assert set(run.rows.filter(external_id="C-1").values_list("steps__state", flat=True)) >= {"kept"}
    assert latest_run().taking_back == []
    assert called("backfill_revert", "--run-id", run.run_id, "--discard-activity").code == 0
    assert here() == set()


def test_who_was_active_goes_too_if_that_is_said(run: BackfillRun) -> None:
    User.objects.filter(external_id="C-1").update(last_login=timezone.now())

    assert take_back(run, "C-1", more=("--discard-activity",)).code == 0
    assert "C-1" not in here()


def test_only_the_mails_of_the_chosen_are_cancelled(run: BackfillRun) -> None:
    start_campaign(run, "cli:tester", enqueue=False)

    take_back(run, "C-1")

    queued = WelcomeMail.objects.filter(state=WelcomeMail.State.QUEUED)
    assert queued.count() == 3
    assert preview_recipients(latest_run()).left_out["reverted"] == 1


# --- The same file again -----------------------------------------------------------------------------


def test_a_run_that_goes_on_does_not_make_them_again(lago: Sandbox) -> None:
    lago.put_plans("later")
    given = [*rows(3), row(4, plan_code="not_yet"), row(1, id_tag="SECOND1")]
    factories.imported(given, allow_partial=True)
    take_back(latest_run(), "C-1")
    lago.put_plans("not_yet")

    report = factories.imported(given)

    assert report.status == "succeeded"
    assert here() == at_lago(lago) == {"C-2", "C-3", "C-4"}
    assert factories.warnings(report, 2) == factories.warnings(report, 6) == ["taken_back"]
    assert BackfillRun.objects.count() == 1
    assert divergences() == set()


def test_a_new_run_makes_them_again_and_says_so(run: BackfillRun) -> None:
    take_back(run, "C-1")

    report = factories.imported([*rows(4), row(1, id_tag="SECOND1")], skip_existing=True)

    assert here() == {"C-1", "C-2", "C-3", "C-4"}
    assert "made_again" in factories.warnings(report, 2)
    assert "made_again" not in factories.warnings(report, 3)
