"""Runs, rows and steps in our database: begun, staged, continued, finished."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from auditlog.models import AuditEntry
from customers.backfill.ledger import life
from customers.backfill.refused import Refused
from customers.models import BackfillRow, BackfillRun, BackfillStep, User, email_digest
from rehearsal.lago import Sandbox
from tests.customers.factories import actions, imported, mapping, planned, row, rows, staff

pytestmark = pytest.mark.django_db


def test_a_run_id_reads_and_sorts() -> None:
    run_id = life.new_run_id(datetime(2026, 11, 22, 17, 5, 1, tzinfo=UTC))

    assert run_id.startswith("20261122-170501-")
    assert len(run_id) == len("20261122-170501-7f3a")


def test_an_address_leaves_a_digest_that_other_runs_do_not_share() -> None:
    digest = email_digest("run-1", "Ann@Example.com")

    assert digest == email_digest("run-1", "ann@example.com")
    assert digest != email_digest("run-2", "ann@example.com")


def test_a_run_keeps_what_it_was_told_and_where_it_went(lago: Sandbox) -> None:
    imported(rows(1), skip_existing=True, batch_size=7)

    run = BackfillRun.objects.get()
    assert (run.input_name, run.actor, run.status) == ("customers.csv", "cli:tester", "succeeded")
    assert (run.lago_url, run.lago_version) == (lago.url, "v1.51.0")
    assert (run.options["skip_existing"], run.options["batch_size"]) == (True, 7)
    assert run.finished_at is not None


def test_a_row_keeps_what_was_asked_for_but_no_personal_data(lago: Sandbox) -> None:
    imported(rows(1))

    stored = BackfillRow.objects.get()
    assert (stored.line, stored.external_id, stored.plan_code) == (2, "C-1", "standard")
    assert stored.subscription_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert stored.user == User.objects.get()
    assert "customer1" not in str(vars(stored)).lower()


def test_each_thing_has_a_step_with_the_systems_own_id(lago: Sandbox) -> None:
    imported(rows(1))

    states = dict(BackfillStep.objects.values_list("name", "state"))
    customer = lago.state(volatile=True)["customers"][0]
    assert states == dict.fromkeys(states, "created")
    assert len(states) == 4
    assert BackfillStep.objects.get(name="lago_customer").ref == customer["lago_id"]


def test_what_was_adopted_is_told_from_what_was_made(lago: Sandbox) -> None:
    imported(rows(1))

    imported(rows(1), skip_existing=True)

    second = BackfillStep.objects.filter(row__run=BackfillRun.objects.first())
    assert set(second.values_list("state", flat=True)) == {"adopted"}


# --- Which run a file continues ----------------------------------------------------------------------


def test_the_same_file_continues_its_unfinished_run(lago: Sandbox) -> None:
    run = unfinished_run(lago)

    report = imported(rows(2))

    assert report.run == run
    assert report.status == "succeeded"
    assert actions(report) == ["completed", "skipped"]


def test_a_finished_file_starts_a_new_run(lago: Sandbox) -> None:
    imported(rows(1))

    imported(rows(1), skip_existing=True)

    assert [run.status for run in BackfillRun.objects.all()] == ["succeeded", "succeeded"]


def test_an_edited_file_starts_a_new_run(lago: Sandbox) -> None:
    unfinished_run(lago)

    imported([row(1, display_name="Edited"), row(2)], skip_existing=True)

    assert [run.status for run in BackfillRun.objects.order_by("id")] == ["partial", "succeeded"]


def test_a_new_run_leaves_the_unfinished_one_behind(lago: Sandbox) -> None:
    unfinished_run(lago)

    imported(rows(2), new_run=True, skip_existing=True)

    assert [run.status for run in BackfillRun.objects.order_by("id")] == ["abandoned", "succeeded"]


def test_a_run_into_another_organization_is_not_continued(lago: Sandbox) -> None:
    unfinished_run(lago)
    BackfillRun.objects.update(lago_organization_id="another", lago_organization_name="Other Ltd")

    with pytest.raises(Refused, match="another Lago organization"):
        planned(rows(2))


def test_a_file_whose_revert_is_unfinished_is_refused(lago: Sandbox) -> None:
    imported(rows(1))
    BackfillRun.objects.update(status="reverting")

    with pytest.raises(Refused, match="revert of a run over this file is unfinished"):
        planned(rows(1), new_run=True)


def test_what_an_earlier_attempt_could_not_know_is_added(lago: Sandbox) -> None:
    given = [row(1), row(2, plan_code="gold")]
    imported(given, allow_partial=True)
    lago.put_plans("gold:900:EUR:monthly")

    imported(given)

    assert BackfillRow.objects.get(line=3).plan_code == "gold"
    assert BackfillRun.objects.get().status == "succeeded"


def test_a_row_that_no_longer_stands_is_told_when_its_run_is_continued(lago: Sandbox) -> None:
    given = [row(1), row(2, start_date="soon")]
    imported(given, allow_partial=True)
    User.objects.filter(external_id="C-1").update(external_id="moved")

    report = imported(given, allow_partial=True)

    assert actions(report) == ["failed", "failed"]
    assert report.status == "failed"
    assert set(BackfillRow.objects.values_list("outcome", flat=True)) == {"failed"}
    assert BackfillRow.objects.get(line=2).user is not None


def test_what_a_former_owner_made_stays_on_its_record(lago: Sandbox) -> None:
    taken = mapping(staff(), 1)
    given = [row(1), row(1, id_tag="CARD2")]
    lago.fault("500,method=POST,path=/subscriptions,times=5")
    imported(given, allow_partial=True)
    taken.delete()

    imported(given)

    second = dict(BackfillStep.objects.filter(row__line=3).values_list("name", "state"))
    assert second == dict.fromkeys(second, "created") | {"lago_subscription": "shared"}
    assert BackfillRun.objects.get().status == "succeeded"


# --- Its audit trail ---------------------------------------------------------------------------------


def test_there_is_an_audit_entry_for_each_thing_under_the_runs_tag(lago: Sandbox) -> None:
    imported(rows(1))

    tag = BackfillRun.objects.get().audit_tag
    told = list(AuditEntry.objects.tagged(tag).order_by("id").values_list("action", "subject", "actor"))
    assert [action for action, _, _ in told] == [
        "run.started",
        "user.created",
        "id_tag_mapping.created",
        "lago_customer.created",
        "lago_subscription.created",
        "id_tag_mapping.activated",
        "run.succeeded",
    ]
    assert {subject for _, subject, _ in told[1:-1]} == {"customer:C-1"}
    assert {actor for _, _, actor in told} == {"cli:tester"}


def test_the_audit_trail_holds_no_personal_data(lago: Sandbox) -> None:
    imported([row(1, display_name="Zebedee Quux"), row(2, id_tag="FAULTY TAG")], allow_partial=True)

    told = str(list(AuditEntry.objects.values())).lower()
    assert "customer1@" not in told
    assert "zebedee" not in told
    assert "tag0001" not in told
    assert "'tag…'" in told


def test_active_time_adds_up_over_attempts(lago: Sandbox) -> None:
    run = unfinished_run(lago)

    imported(rows(2))

    assert BackfillRun.objects.get().active_s > run.active_s > 0


def unfinished_run(lago: Sandbox) -> BackfillRun:
    """Two rows of which the first fails at Lago."""
    lago.fault("500,method=POST,path=/customers,times=5")
    report = imported(rows(2), concurrency=1)
    assert report.run is not None
    assert (report.status, report.run.started_at.date()) == ("partial", timezone.now().date())
    return BackfillRun.objects.get()
