"""What is written down to be told: with the change itself, and nothing of a person in it."""

import json
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from customers import jobs
from customers.backfill.ledger import life
from customers.backfill.ledger.at_work import working_on
from customers.backfill.notices import outbox
from customers.backfill.welcome import campaign as campaigns
from customers.backfill.welcome import start_campaign
from customers.models import BackfillRun, Notice, RunJob, WelcomeMail
from rehearsal.lago import Sandbox
from tests.customers.admin.world import member_of_staff
from tests.customers.factories import imported, row, rows
from tests.customers.imported_runs import make_run
from tests.customers.undoing import reverted
from tests.support.receiver import Receiver
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db
Status = BackfillRun.Status


def events() -> list[str]:
    return list(Notice.objects.order_by("pk").values_list("event", flat=True))


def running(**fields: Any) -> BackfillRun:
    return make_run(1, **{"status": Status.RUNNING, **fields})


@pytest.mark.parametrize(
    ("status", "event"),
    [
        (Status.SUCCEEDED, "run.finished"),
        (Status.PARTIAL, "run.partial"),
        (Status.FAILED, "run.failed"),
        (Status.INTERRUPTED, "run.stopped"),
        (Status.PAUSED, "run.paused"),
        (Status.CANARY, "run.canary"),
    ],
)
def test_each_end_of_an_import_is_told(receiver: Receiver, status: str, event: str) -> None:
    life.finish(running(), status, reason="why", actor="cli:test")

    told = Notice.objects.get().payload
    assert (told["event"], told["status"], told["reason"]) == (event, status, "why")


def test_what_is_no_end_is_not_told(receiver: Receiver) -> None:
    run = running()
    life.hand_on(run)
    life.finish(make_run(1), Status.FAILED, actor="cli:test")  # which is over already

    assert events() == []


def test_what_is_undone_with_its_transaction_is_not_told(receiver: Receiver) -> None:
    with transaction.atomic():
        life.finish(running(), Status.SUCCEEDED, actor="cli:test")
        transaction.set_rollback(True)

    assert events() == []


def test_without_a_webhook_and_without_mail_nothing_is_written(db: None) -> None:
    life.finish(running(), Status.SUCCEEDED, actor="staff:1")

    assert events() == []


def test_nothing_of_a_person_is_in_it(receiver: Receiver, lago: Sandbox) -> None:
    secret = row(1, email="erika.muster@example.com", display_name="Erika Muster", external_id="KUNDE-77",
                 id_tag="DEADBEEF77")  # fmt: skip
    report = imported([secret, row(2, plan_code="no-such-plan")], allow_partial=True)
    assert report.run is not None
    reverted(report.run)

    assert events() == ["run.partial", "run.reverted"]
    told = json.dumps(list(Notice.objects.values_list("payload", flat=True)))
    for word in ("erika", "Muster", "KUNDE", "DEADBEEF", "tester", "@", "customers.csv"):
        assert word not in told
    first, second = Notice.objects.order_by("pk").values_list("payload", flat=True)
    assert first["counts"]["created"] == first["counts"]["failed"] == 1
    assert second["counts"] == {"removed": 4}
    assert (first["who"], first["kind"], second["kind"]) == ("cli", "import", "revert")
    assert first["id"] != second["id"]


def test_an_address_in_a_reason_is_left_out(receiver: Receiver) -> None:
    life.give_up(running(), Status.FAILED, reason="refused <erika@example.com>: no", actor="cli:test")

    assert Notice.objects.get().payload["reason"] == "refused <…>: no"


def test_the_login_of_a_terminal_is_left_out(receiver: Receiver) -> None:
    life.give_up(running(), Status.INTERRUPTED, reason="stopped by cli:erika.m", actor="cli:erika.m")

    told = Notice.objects.get().payload
    assert (told["reason"], told["who"]) == ("stopped by cli", "cli")


def test_a_paused_revert_is_told_as_one(receiver: Receiver) -> None:
    outbox.tell_run(running(status=Status.REVERTING), "run.paused", "staff:1")

    told = Notice.objects.get().payload
    assert (told["event"], told["kind"], told["status"]) == ("revert.paused", "revert", "reverting")


def test_a_stopped_revert_is_told_although_the_run_stays_as_it_is(receiver: Receiver, lago: Sandbox) -> None:
    report = imported(rows(2))
    assert report.run is not None
    lago.fault("500,method=DELETE,path=/subscriptions,times=forever")

    outcome = reverted(report.run)

    assert outcome.status == "failed"
    assert events() == ["run.finished", "revert.failed"]


def test_a_refused_job_is_told_to_whoever_asked(inbox: Inbox, receiver: Receiver) -> None:
    asker = member_of_staff("run_backfill")
    job = RunJob.objects.create(run=make_run(1), kind=RunJob.Kind.VERIFY, actor=f"staff:{asker.pk}")

    outbox.tell_job_refused(job, "Lago does not answer")

    assert events() == ["job.refused", "job.refused"]
    assert Notice.objects.get(channel="mail").user == asker


def test_the_starter_and_whoever_changed_it_are_mailed_once_each(inbox: Inbox) -> None:
    ada, bob = member_of_staff(email="ada@operator.example"), member_of_staff(email="bob@operator.example")
    run = running(actor=f"staff:{ada.pk}")

    life.finish(run, Status.SUCCEEDED, actor=f"staff:{ada.pk}")
    life.begin_revert(run, actor=f"staff:{bob.pk}")
    life.finish_revert(run, actor=f"staff:{bob.pk}")

    mails = list(Notice.objects.values_list("event", "user__email").order_by("event", "user__email"))
    assert mails == [
        ("run.finished", "ada@operator.example"),
        ("run.reverted", "ada@operator.example"),
        ("run.reverted", "bob@operator.example"),
    ]


def test_mail_to_the_starter_can_be_switched_off(inbox: Inbox, settings: Any) -> None:
    settings.NOTIFY_STARTER = False

    life.finish(running(actor=f"staff:{member_of_staff().pk}"), Status.SUCCEEDED, actor="worker")

    assert events() == []


def test_a_campaign_is_told_when_it_is_done_or_something_paused_it(receiver: Receiver) -> None:
    campaign = start_campaign(make_run(2), "cli:test").campaign
    assert campaign is not None
    campaigns.pause(campaign, "staff:1")
    campaigns.resume(campaign, "staff:1")
    campaigns.pause(campaign, "worker", "5 refusals in a row")
    WelcomeMail.objects.update(state=WelcomeMail.State.SKIPPED)
    campaigns.finish_if_over(campaign.pk)

    assert events() == ["campaign.paused", "campaign.finished"]
    told = Notice.objects.latest("pk").payload
    assert (told["kind"], told["status"], told["counts"]) == ("welcome", "done", {"skipped": 2})


def test_a_stop_before_it_began_is_told(receiver: Receiver) -> None:
    assert life.ask_to_stop(make_run(status=Status.QUEUED), actor="staff:1")

    assert events() == ["run.stopped"]


def marked(**fields: Any) -> BackfillRun:
    """Make a run as one leaves it that was killed over it."""
    return running(at_work_since=timezone.now(), **{"at_work_by": "cli:anna", **fields})


@pytest.mark.parametrize(
    ("status", "event", "kind"), [("running", "run.died", "import"), ("reverting", "revert.died", "revert")]
)
def test_what_was_killed_at_a_terminal_is_told_once(
    receiver: Receiver, status: str, event: str, kind: str
) -> None:
    dead = marked(status=status)
    with working_on(running(status=status).pk, "cli:anna"):  # and one that lives
        jobs.sweep()
        jobs.sweep()

    assert events() == [event]
    notice = Notice.objects.get()
    assert (notice.run, notice.actor) == (dead, "cli:anna")
    told = notice.payload
    assert (told["kind"], told["status"], told["who"]) == (kind, "interrupted", "cli")
    assert told["reason"].startswith("Its process ended without a word, or was killed.")
    assert len(told["reason"]) < 300


def test_what_is_killed_twice_is_told_twice(receiver: Receiver) -> None:
    dead = marked()
    jobs.sweep()
    BackfillRun.objects.filter(pk=dead.pk).update(at_work_since=timezone.now(), at_work_by="cli:anna")

    jobs.sweep()
    jobs.sweep()

    assert events() == ["run.died", "run.died"]


def test_what_the_worker_goes_on_with_by_itself_is_no_death(receiver: Receiver) -> None:
    marked(at_work_by="staff:7")
    marked(status="reverting", at_work_by="staff:7")
    marked(status="succeeded")  # killed after its last word
    marked(status="reverting", paused_at=timezone.now())

    jobs.sweep()

    assert events() == []


def test_a_bug_leaves_the_mark_and_an_end_in_order_takes_it_away(receiver: Receiver) -> None:
    run = running()
    with working_on(run.pk, "cli:anna"):
        pass
    jobs.sweep()
    orderly = events()

    with pytest.raises(ZeroDivisionError), working_on(run.pk, "cli:anna"):
        raise ZeroDivisionError
    jobs.sweep()

    assert (orderly, events()) == ([], ["run.died"])
