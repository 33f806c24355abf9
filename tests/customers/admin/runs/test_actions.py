"""What can be done with a run: reconcile, welcome mails, revert. Asked for here, done by the worker."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from customers import jobs
from customers.backfill.welcome import send_campaign
from customers.models import BackfillRun, BackfillStep, RunJob, User, WelcomeCampaign
from rehearsal.lago import Sandbox
from tests.customers.admin.world import (
    audited,
    other_session_works,
    run_url,
    words_of,
)
from tests.customers.factories import client_of as lago_client
from tests.customers.imported_runs import customers_of

pytestmark = pytest.mark.django_db


def work() -> list[str]:
    """Be the worker: do every job that waits."""
    return [jobs.run_job(job.pk) for job in RunJob.objects.unfinished()]


def first_signs_in(run: BackfillRun) -> None:
    User.objects.filter(external_id="C-1").update(last_login=timezone.now())


# --- reconcile ---------------------------------------------------------------------------------------


def test_a_reconciliation_is_kept_with_its_time_and_shown(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "reconcile"))
    assert work() == ["done"]

    words = words_of(client.get(run_url(run, "reconcile")))

    assert "UTC, asked for by Sam Staff: nothing diverges" in words
    assert "Reconcile: nothing diverges" in words_of(client.get(run_url(run)))
    assert [entry.data for entry in audited("run.reconciled")] == [{"divergences": 0}]


def test_divergences_are_named_by_external_id(client: Client, run: BackfillRun, lago: Sandbox) -> None:
    with lago_client(lago) as connected:
        connected.terminate_subscription("backfill-C-2", pending=False)
    client.post(run_url(run, "reconcile"))
    work()

    words = words_of(client.get(run_url(run, "reconcile")))

    assert "1 divergence" in words
    assert "C-2 lago_subscription" in words


def test_rows_that_were_not_reached_are_one_line_that_says_how_many(client: Client, run: BackfillRun) -> None:
    BackfillStep.objects.filter(row__run=run).update(state="planned", ref="")
    run.rows.update(outcome="")
    client.post(run_url(run, "reconcile"))
    work()

    words = words_of(client.get(run_url(run, "reconcile")))

    assert "3 divergences" in words
    assert "2, 3, 4 C-1, C-2, C-3 user not_imported (3 rows) imported not reached" in words
    assert "more. All of them" not in words


def test_what_was_kept_by_an_earlier_version_is_still_shown(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "reconcile"))
    work()
    job = RunJob.objects.latest("pk")
    one = {"line": 2, "external_id": "C-1", "step": "user", "adopted": False}
    told = {"kind": "missing", "expected": "a customer", "found": "none", "remedy": "Look."}
    job.result |= {"divergences": [one | told], "divergences_total": 3}
    job.save()

    words = words_of(client.get(run_url(run, "reconcile")))

    assert "2 C-1 user missing a customer none" in words
    assert "and 2 more" in words


def test_two_clicks_are_one_reconciliation(client: Client, run: BackfillRun) -> None:
    for _ in range(2):
        client.post(run_url(run, "reconcile"))

    assert RunJob.objects.count() == 1
    assert len(audited("reconcile.asked")) == 1


def test_a_lago_that_is_away_is_told_and_nothing_waits_for_ever(
    client: Client, run: BackfillRun, lago: Sandbox
) -> None:
    client.post(run_url(run, "reconcile"))
    lago.stop()

    assert work() == ["refused"]
    assert "Lago" in words_of(client.get(run_url(run, "reconcile")))


def test_the_last_result_is_shown_while_a_new_one_is_made(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "reconcile"))
    work()
    client.post(run_url(run, "reconcile"))

    words = words_of(client.get(run_url(run, "reconcile")))

    assert "Queued." in words
    assert "nothing diverges" in words


# --- revert ------------------------------------------------------------------------------------------


def looked(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "revert_look"))
    work()


def test_a_revert_is_looked_at_before_it_can_be_asked_for(client: Client, run: BackfillRun) -> None:
    before = words_of(client.get(run_url(run, "revert")))
    looked(client, run)
    after = words_of(client.get(run_url(run, "revert")))

    assert "Type the run id" not in before
    assert "Lago subscription 3 0 0 0" in after
    assert "Type the run id" in after
    assert User.objects.filter(role="customer").count() == 3


def test_a_revert_removes_what_the_run_made_and_bills_nobody(
    client: Client, run: BackfillRun, lago: Sandbox
) -> None:
    looked(client, run)

    client.post(run_url(run, "revert"), {"run_id": run.run_id})
    assert work() == ["done"]

    run.refresh_from_db()
    assert run.status == "reverted"
    assert not User.objects.filter(role="customer").exists()
    assert lago.state(live=True)["customers"] == []
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    assert audited("revert.asked")[0].actor.startswith("staff:")
    assert "Manifest of the revert" in words_of(client.get(run_url(run)))


@pytest.mark.parametrize("typed", ["", "20261122-000000-0000", "yes"])
def test_the_run_id_has_to_be_typed(client: Client, run: BackfillRun, typed: str) -> None:
    looked(client, run)

    answer = client.post(run_url(run, "revert"), {"run_id": typed})

    assert answer.status_code == 200
    assert not RunJob.objects.filter(kind="revert").exists()


def test_active_customers_have_to_be_decided_about(client: Client, run: BackfillRun) -> None:
    first_signs_in(run)
    looked(client, run)

    answer = client.post(run_url(run, "revert"), {"run_id": run.run_id})

    words = words_of(answer)
    assert "1 customer active after the run" in words
    assert "C-1 signed in" in words
    assert "Refused as it is" in words
    assert not RunJob.objects.filter(kind="revert").exists()


@pytest.mark.parametrize(("choice", "left"), [("keep_active", ["C-1"]), ("discard_activity", [])])
def test_each_choice_is_carried_out(client: Client, run: BackfillRun, choice: str, left: list[str]) -> None:
    first_signs_in(run)
    looked(client, run)

    client.post(run_url(run, "revert"), {"run_id": run.run_id, "choice": choice})
    work()

    customers = User.objects.filter(role="customer").order_by("pk")
    assert list(customers.values_list("external_id", flat=True)) == left


def test_activity_since_the_look_refuses_the_revert(client: Client, run: BackfillRun) -> None:
    looked(client, run)
    client.post(run_url(run, "revert"), {"run_id": run.run_id})
    first_signs_in(run)

    assert work() == ["refused"]
    assert User.objects.filter(role="customer").count() == 3
    assert "Revert: refused" in words_of(client.get(run_url(run)))


def test_two_clicks_are_one_revert(client: Client, run: BackfillRun) -> None:
    looked(client, run)

    for _ in range(2):
        client.post(run_url(run, "revert"), {"run_id": run.run_id})

    assert RunJob.objects.filter(kind="revert").count() == 1


def test_a_revert_waits_for_an_import_to_end(client: Client, run: BackfillRun) -> None:
    looked(client, run)
    client.post(run_url(run, "revert"), {"run_id": run.run_id})
    job = RunJob.objects.get(kind="revert")
    job.attempts = 2
    job.save()

    with other_session_works():
        assert jobs.run_job(job.pk) == "queued"
        job.refresh_from_db()
        assert (job.reason, job.attempts) == ("waiting for another import or revert to end", 0)

    assert jobs.run_job(job.pk) == "done"


def test_a_run_that_is_queued_cannot_be_reverted(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="queued")

    client.post(run_url(run, "revert_look"))

    assert not RunJob.objects.exists()
    assert "Stop it first" in words_of(client.get(run_url(run, "revert")))


# --- welcome mails -----------------------------------------------------------------------------------


def test_the_counts_and_the_mail_are_shown_before_anything_is_sent(client: Client, run: BackfillRun) -> None:
    first_signs_in(run)

    words = words_of(client.get(run_url(run, "welcome")))

    assert "2 customers of this run would be invited" in words
    assert "1 have signed in already" in words
    assert "Your Polaris Express account is ready" in words
    assert not WelcomeCampaign.objects.exists()


def test_mails_are_queued_at_the_chosen_pace(client: Client, run: BackfillRun) -> None:
    client.post(run_url(run, "welcome"), {"batch_size": "2", "delay_ms": "10"})

    campaign = WelcomeCampaign.objects.get()
    assert (campaign.batch_size, campaign.delay_ms, campaign.mails.count()) == (2, 10, 3)
    assert campaign.actor.startswith("staff:")


def test_mailing_again_is_counted_named_and_confirmed(
    client: Client, run: BackfillRun, mailoutbox: list[Any]
) -> None:
    page, pace = run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"}
    client.post(page, pace)
    send_campaign(WelcomeCampaign.objects.get().pk)
    again = pace | {"resend": "on"}

    counted = words_of(client.get(run_url(run, "welcome_count"), {"resend": "on"}))
    asked = words_of(client.post(page, again))
    outdated = words_of(client.post(page, again | {"confirmed": "2"}))

    assert "0 customers of this run would be invited" in words_of(client.get(page))
    assert "3 customers of this run would be invited" in counted
    for words in (asked, outdated):
        assert "Send 3 mails to customers of this run, also to those who had one before?" in words
        assert "Also to those whose link still works." in words
    assert WelcomeCampaign.objects.count() == 1
    client.post(page, again | {"confirmed": "3"})
    assert WelcomeCampaign.objects.count() == 2


def test_two_clicks_are_one_campaign(client: Client, run: BackfillRun) -> None:
    for _ in range(2):
        client.post(run_url(run, "welcome"), {"batch_size": "2", "delay_ms": "10"})

    assert WelcomeCampaign.objects.count() == 1


def test_a_campaign_is_paused_and_goes_on(client: Client, run: BackfillRun, mailoutbox: list[Any]) -> None:
    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})
    campaign = WelcomeCampaign.objects.get()

    client.post(run_url(run, "welcome_pause"))
    send_campaign(campaign.pk)
    assert mailoutbox == []
    assert "paused" in words_of(client.get(run_url(run, "welcome")))

    client.post(run_url(run, "welcome_resume"))
    send_campaign(campaign.pk)
    assert len(mailoutbox) == 3
    assert "3 of 3 mails" in words_of(client.get(run_url(run, "welcome")))


@pytest.mark.parametrize("field", [{"batch_size": "0"}, {"delay_ms": "-1"}, {"batch_size": "x"}])
def test_a_pace_that_makes_no_sense_is_refused(
    client: Client, run: BackfillRun, field: dict[str, str]
) -> None:
    answer = client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0", **field})

    assert answer.status_code == 200
    assert not WelcomeCampaign.objects.exists()


def test_without_a_sender_the_page_says_so(client: Client, run: BackfillRun, settings: Any) -> None:
    settings.EMAIL_FROM = ""

    assert "EMAIL_FROM is not set" in words_of(client.get(run_url(run, "welcome")))


def test_a_run_that_is_still_importing_sends_no_mails(client: Client, run: BackfillRun) -> None:
    BackfillRun.objects.update(status="running")

    client.post(run_url(run, "welcome"), {"batch_size": "50", "delay_ms": "0"})

    assert not WelcomeCampaign.objects.exists()


def test_results_hold_no_personal_data(client: Client, run: BackfillRun) -> None:
    first_signs_in(run)
    client.post(run_url(run, "reconcile"))
    looked(client, run)
    work()

    kept = json.dumps(list(RunJob.objects.values_list("result", flat=True)))

    for customer in customers_of(run):
        assert customer.email not in kept
        assert customer.display_name not in kept
