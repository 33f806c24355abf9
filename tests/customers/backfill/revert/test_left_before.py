"""What an earlier revert left: kept by choice, left out, or in doubt, it is treated as what it is."""

from typing import Any

import pytest
from django.utils import timezone

from customers.models import BackfillRun, BackfillStep, User
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.revert.test_activity import act
from tests.customers.backfill.revert.test_activity import run as run
from tests.customers.backfill.steve.world import manage, run_of, tags
from tests.customers.factories import imported, rows
from tests.customers.undoing import reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db


def in_doubt(run: BackfillRun, name: str) -> None:
    """Leave the create of the first row's thing unanswered."""
    steps = BackfillStep.objects.filter(row__run=run, name=name, row__line=2)
    steps.update(state="intended", ref="", intended_at=run.started_at)


def sign_in(external_id: str) -> None:
    User.objects.filter(external_id=external_id).update(last_login=timezone.now())


@act
def test_customers_that_were_kept_are_asked_about_again(
    lago: Sandbox, run: BackfillRun, by_hand: Caller, act: Any, reasons: Any
) -> None:
    act(by_hand)
    kept = reverted(run, keep_active=True)

    again = reverted(run)

    assert (kept.status, again.status) == ("reverted", "refused")


def test_what_was_left_out_in_doubt_is_found_once_the_system_is_back(
    steve: SteveSandbox, lago: Sandbox, settings: Any
) -> None:
    run = run_of(imported(rows(2)))
    in_doubt(run, "steve_id_tag")
    configured = (settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY)
    settings.STEVE_BASE_URL = settings.STEVE_API_USERNAME = settings.STEVE_API_KEY = ""
    first = manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")
    settings.STEVE_BASE_URL, settings.STEVE_API_USERNAME, settings.STEVE_API_KEY = configured

    second = manage("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert (first[0], second[0]) == (0, 0)


def test_an_id_tag_kept_in_doubt_is_found_when_its_customer_is_discarded(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_of(imported(rows(2)))
    in_doubt(run, "steve_id_tag")
    sign_in("C-1")
    kept = manage("backfill_revert", "--run-id", run.run_id, "--keep-active", "--noinput")

    code, _, err = manage("backfill_revert", "--run-id", run.run_id, "--discard-activity", "--noinput")

    assert (kept[0], code) == (0, 0), err
    assert tags(steve) == {}


def test_a_lago_customer_kept_in_doubt_goes_when_it_is_discarded(lago: Sandbox) -> None:
    run = run_of(imported(rows(2)))
    in_doubt(run, "lago_customer")
    sign_in("C-1")
    reverted(run, keep_active=True)

    report = reverted(run, discard_activity=True)

    assert report.status == "reverted"
    assert lago.state(live=True)["customers"] == []


def test_what_was_left_out_by_a_step_that_is_no_more_stays_kept(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_of(imported(rows(2)))
    manage("backfill_revert", "--run-id", run.run_id, "--without", "steve", "--noinput")
    BackfillStep.objects.filter(name="steve_id_tag").update(name="old_thing")
    BackfillRun.objects.update(world={})

    code, out, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")

    assert (code, "There is nothing to remove" in out) == (0, True)


def test_a_stop_of_an_earlier_attempt_does_not_stop_the_next_command(lago: Sandbox) -> None:
    run = run_of(imported(rows(60)))
    BackfillRun.objects.filter(pk=run.pk).update(status="reverting", stop_requested=True)

    code, _, _ = manage("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert code == 0


def test_a_run_that_made_nothing_is_not_said_to_have_been_taken_back(lago: Sandbox) -> None:
    run = run_of(imported(rows(2)))
    reverted()
    BackfillStep.objects.filter(row__run=run).update(state="planned", ref="")
    BackfillRun.objects.filter(pk=run.pk).update(status="interrupted")

    _, out, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")

    assert "the run created nothing." in out


def test_reconcile_tells_calls_without_an_answer_from_rows_that_were_not_reached(lago: Sandbox) -> None:
    run = run_of(imported(rows(2)))
    run.rows.update(outcome="")
    in_doubt(run, "lago_subscription")

    _, out, _ = manage("backfill_reconcile", "--run-id", run.run_id, "--format", "json")

    assert "was under way: calls without an answer" in out
    assert "not reached" in out
