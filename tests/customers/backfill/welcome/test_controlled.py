"""Mails under way are paused, paced and stopped, also in the middle of a long pause between two batches."""

import pytest

from customers.backfill import control
from customers.backfill.refused import Refused
from customers.backfill.welcome import Ended, preview_recipients, send_campaign, start_campaign, status
from customers.models import BackfillRun, WelcomeCampaign
from tests.customers.backfill.welcome.test_sending import MINUTE_MS, queued
from tests.customers.imported_runs import PassingHours
from tests.support.smtp_server import Inbox

pytestmark = pytest.mark.django_db


def test_the_mails_are_meant_where_the_run_has_ended(inbox: Inbox) -> None:
    campaign, hours = queued(3), PassingHours(inbox)
    assert control.campaign_of(campaign.run) == campaign

    paused = control.pause_mails(campaign, actor="cli:root")
    ended = send_campaign(campaign.pk, hours.conditions(slice_s=3600))
    shown = status(campaign)
    resumed = control.resume_mails(campaign, actor="cli:root")

    assert (ended, shown.status, shown.reason) == (Ended.PAUSED, "paused", "Paused by cli:root")
    assert "mails of run" in paused
    assert "go on" in resumed
    assert send_campaign(campaign.pk, hours.conditions(slice_s=3600)) is Ended.DONE


def test_stopped_mails_are_not_sent_and_whoever_got_none_can_be_invited(inbox: Inbox) -> None:
    campaign, hours = queued(3), PassingHours(inbox)

    told = control.stop_mails(campaign, actor="cli:root")
    ended = send_campaign(campaign.pk, hours.conditions(slice_s=3600))

    assert "3 that waited are not sent" in told
    assert (ended, status(campaign).status, inbox.received) == (Ended.DONE, "done", [])
    assert len(preview_recipients(campaign.run).to_mail) == 3
    assert start_campaign(campaign.run, "cli:root").campaign != campaign


@pytest.mark.parametrize("asked", ["pause", "pace"])
def test_a_long_pause_between_batches_hears_it_within_two_seconds(inbox: Inbox, asked: str) -> None:
    campaign, hours = queued(2, batch_size=1, delay_ms=10 * MINUTE_MS), PassingHours(inbox)
    conditions = hours.conditions(slice_s=3600)
    slept, sleep = 0.0, conditions.sleep

    def press(seconds: float) -> None:
        nonlocal slept
        slept += seconds
        sleep(seconds)
        if 20 < slept < 20.3 and asked == "pause":
            control.pause_mails(campaign, actor="cli:root")
        elif 20 < slept < 20.3:
            control.pace_mails(campaign.run, control.MailPace(delay_ms=0), actor="cli:root")

    conditions.sleep = press

    ended = send_campaign(campaign.pk, conditions)

    assert ended is (Ended.PAUSED if asked == "pause" else Ended.DONE)
    assert slept < 23


def test_no_mails_are_paced_where_none_are_under_way() -> None:
    run = BackfillRun.objects.create(run_id="20270101-000000-aaaa", input_sha256="a" * 64, status="succeeded")

    with pytest.raises(Refused, match="No welcome mails"):
        control.pace_mails(run, control.MailPace(batch_size=5), actor="cli:root")

    assert not WelcomeCampaign.objects.exists()
