"""Starting, joining, pausing and cancelling campaigns."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django_q.models import OrmQ

from auditlog.models import AuditEntry
from customers.backfill.refused import Refused
from customers.backfill.welcome import Choice, cancel_for_run, pause, resume, start_campaign, status
from customers.models import BackfillRun, WelcomeCampaign
from tests.customers.imported_runs import customers_of, make_run

pytestmark = pytest.mark.django_db


def begin(run: BackfillRun, **options: object) -> WelcomeCampaign:
    campaign = start_campaign(run, "cli:test", **options).campaign  # type: ignore[arg-type]
    assert campaign is not None
    return campaign


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def test_starting_queues_a_mail_each_and_wakes_a_worker(django_capture_on_commit_callbacks) -> None:  # type: ignore[no-untyped-def]
    run = make_run(3)

    with django_capture_on_commit_callbacks(execute=True):
        campaign = begin(run)

    assert status(campaign).counts["queued"] == 3
    assert (campaign.batch_size, campaign.delay_ms) == (50, 2000)
    assert OrmQ.objects.count() == 1
    assert actions() == ["welcome.queued"]


def test_nothing_is_made_where_nobody_is_to_be_mailed() -> None:
    run = make_run()

    started = start_campaign(run, "cli:test")

    assert started.campaign is None
    assert not run.welcome_campaigns.exists()


def test_starting_again_joins_and_keeps_the_pace_unless_told() -> None:
    run = make_run(3)
    first = begin(run, batch_size=10, delay_ms=5000)

    again = start_campaign(run, "cli:test")
    slower = start_campaign(run, "cli:test", delay_ms=9000)

    assert again.joined
    assert again.campaign == slower.campaign == first
    first.refresh_from_db()
    assert (first.batch_size, first.delay_ms) == (10, 9000)
    assert first.mails.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_many_starts_at_once_one_campaign_comes() -> None:
    run = make_run(5)

    def start(_: int) -> bool:
        try:
            return start_campaign(BackfillRun.objects.get(pk=run.pk), "cli:test").joined
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        joined = list(pool.map(start, range(5)))

    assert sorted(joined) == [False, True, True, True, True]
    assert run.welcome_campaigns.get().mails.count() == 5


def test_the_database_itself_refuses_a_second_active_campaign() -> None:
    run = make_run(1)
    begin(run)

    with (
        pytest.raises(IntegrityError, match="customers_campaign_one_active_per_run"),
        transaction.atomic(),
    ):
        WelcomeCampaign.objects.create(run=run, actor="x", batch_size=1, delay_ms=0)


@pytest.mark.parametrize(
    ("run_status", "told"),
    [
        ("queued", "waits for a worker"),
        ("running", "was interrupted"),  # as nobody is at it
        ("reverting", "a revert of it was interrupted"),
    ],
)
def test_a_run_that_is_under_way_is_refused(run_status: str, told: str) -> None:
    run = make_run(1, status=run_status)

    with pytest.raises(Refused, match=told):
        start_campaign(run, "cli:test")


def test_resend_is_refused_while_mails_are_under_way() -> None:
    run = make_run(1)
    begin(run)

    with pytest.raises(Refused, match="still under way"):
        start_campaign(run, "cli:test", choice=Choice(resend=True))


def test_pausing_and_resuming_are_recorded_and_done_once() -> None:
    campaign = begin(make_run(1))

    paused = [pause(campaign, "staff:1"), pause(campaign, "staff:1")]
    resumed = [resume(campaign, "staff:1"), resume(campaign, "staff:1")]

    assert paused == resumed == [True, False]
    assert actions() == ["welcome.queued", "welcome.paused", "welcome.resumed"]


def test_starting_again_takes_a_paused_campaign_up() -> None:
    run = make_run(1)
    campaign = begin(run)
    pause(campaign, "staff:1")
    WelcomeCampaign.objects.update(refusals=5)

    start_campaign(run, "cli:test")

    campaign.refresh_from_db()
    assert (campaign.status, campaign.reason, campaign.refusals) == ("running", "", 0)


def test_unknown_and_failed_mails_are_queued_again_only_when_asked() -> None:
    run = make_run(3)
    campaign = begin(run)
    first, second, _ = campaign.mails.all()
    campaign.mails.filter(pk=first.pk).update(state="failed", code="smtp_recipient_refused_550")
    campaign.mails.filter(pk=second.pk).update(
        state="unknown", claimed_at="2026-11-22T00:00Z", expires_at="2026-11-23T00:00Z", message_id="<1@x>"
    )

    start_campaign(run, "cli:test")
    untouched = status(campaign).counts
    start_campaign(run, "cli:test", choice=Choice(retry_unknown=True, retry_failed=True))

    assert (untouched["failed"], untouched["unknown"]) == (1, 1)
    assert status(campaign).counts["queued"] == 3


def test_cancelling_for_some_users_leaves_the_others_queued() -> None:
    run = make_run(3)
    campaign = begin(run)
    users = customers_of(run)

    cancelled = cancel_for_run(run, [users[0].pk])

    assert cancelled == 1
    now = status(campaign)
    assert now.counts["queued"] == 2
    assert now.left_out == {"reverted": 1}
    assert now.status == "running"


def test_cancelling_all_ends_the_campaign_and_can_be_repeated() -> None:
    run = make_run(2)
    campaign = begin(run)

    cancelled = [cancel_for_run(run), cancel_for_run(run)]

    assert cancelled == [2, 0]
    assert status(campaign).status == "done"
    assert actions() == ["welcome.queued", "welcome.cancelled"]


def test_the_audit_log_holds_no_address_and_no_name() -> None:
    run = make_run(2)
    begin(run)
    cancel_for_run(run)

    entries = str(list(AuditEntry.objects.values()))

    assert "example.com" not in entries
    assert "Customer" not in entries
