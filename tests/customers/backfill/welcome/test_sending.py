"""What a sender does with each answer of a real mail server, and where the ledger stands after it."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from aiosmtpd.smtp import AuthResult
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from auditlog.models import AuditEntry
from customers import locks
from customers.backfill.welcome import (
    Ended,
    cancel_for_run,
    pause,
    resume,
    send_campaign,
    sending,
    start_campaign,
    status,
)
from customers.backfill.welcome.mails import claim_next
from customers.backfill.welcome.sending import Conditions
from customers.mail.words import words_for
from customers.models import BackfillRun, User, WelcomeCampaign, WelcomeMail
from customers.sign_in import links
from tests.customers.imported_runs import MINUTE_MS, PassingHours, customers_of, make_run
from tests.support.smtp_scripted import Script, ScriptedServer
from tests.support.smtp_server import Inbox, MailServer

pytestmark = pytest.mark.django_db


def queued(customers: int, *, batch_size: int = 50, delay_ms: int = 1) -> WelcomeCampaign:
    campaign = start_campaign(
        make_run(customers), "cli:test", batch_size=batch_size, delay_ms=delay_ms, enqueue=False
    ).campaign
    assert campaign is not None
    return campaign


def counts(campaign: WelcomeCampaign) -> dict[str, int]:
    return {state: number for state, number in status(campaign).counts.items() if number}


def address(campaign: WelcomeCampaign, position: int) -> str:
    return customers_of(campaign.run)[position].email


def seconds_until(campaign: WelcomeCampaign) -> float:
    campaign.refresh_from_db()
    return (campaign.next_batch_at - timezone.now()).total_seconds()


def in_another_session(work: Callable[[], object]) -> None:
    """Do something as another process would: in its own database session."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


# --- All goes well ---------------------------------------------------------------------------------


def test_all_are_sent_and_the_campaign_is_done(inbox: Inbox) -> None:
    campaign = queued(3)

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"sent": 3}
    assert status(campaign).finished_at
    assert inbox.recipients == {user.email: 1 for user in customers_of(campaign.run)}


def test_the_ledger_knows_each_mail_by_its_message_id(inbox: Inbox) -> None:
    campaign = queued(1)

    send_campaign(campaign.pk)

    assert inbox.received[0].message["Message-ID"] == campaign.mails.get().message_id


def test_the_link_lives_as_long_as_configured_counted_from_sending(inbox: Inbox, settings: Settings) -> None:
    settings.MAGIC_LINK_INVITE_TTL_SECONDS = 3600
    campaign = queued(1)
    WelcomeCampaign.objects.update(created_at=timezone.now() - timedelta(days=3))
    before = timezone.now()

    send_campaign(campaign.pk)

    expires_at = campaign.mails.get().expires_at
    assert expires_at is not None
    assert before <= expires_at - timedelta(hours=1) <= timezone.now()


def test_each_batch_has_one_connection(inbox: Inbox) -> None:
    campaign, hours = queued(7, batch_size=3, delay_ms=MINUTE_MS), PassingHours(inbox)

    send_campaign(campaign.pk, hours.conditions(slice_s=600))

    assert inbox.connections == 3


def test_sending_again_sends_nothing(inbox: Inbox) -> None:
    campaign = queued(2)
    send_campaign(campaign.pk)

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert len(inbox.received) == 2


def test_every_mail_is_audited_without_address_and_token(inbox: Inbox) -> None:
    campaign = queued(2)

    send_campaign(campaign.pk)

    entries = AuditEntry.objects.filter(action="welcome.sent", tag=campaign.run.audit_tag, actor="worker")
    assert entries.count() == 2
    everything = str(list(AuditEntry.objects.values()))
    assert "example.com" not in everything
    assert all(mail.link.rsplit("/", 2)[1] not in everything for mail in inbox.received)


# --- Pace and turns --------------------------------------------------------------------------------


def test_a_used_up_slice_ends_in_the_middle_of_a_batch_not_after_a_pause(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "HANDOVER_S", 90)  # a minute is too short a pause to change senders in
    campaign, hours = queued(5, batch_size=2, delay_ms=MINUTE_MS), PassingHours(inbox)

    ended = send_campaign(campaign.pk, hours.conditions(slice_s=30))

    assert ended is Ended.MORE
    assert hours.story == ["mail", "mail", "pause", "mail"]
    assert hours.now <= 60  # it sent as soon as the pause was over


def test_a_slice_however_short_sends_a_mail(inbox: Inbox) -> None:
    campaign = queued(3)

    ended = [send_campaign(campaign.pk, Conditions(slice_s=0)) for _ in range(3)]

    assert ended[0] is Ended.MORE
    assert len(inbox.received) == 3


def test_a_long_pause_is_left_to_the_next_sender(inbox: Inbox) -> None:
    campaign, hours = queued(2, batch_size=1, delay_ms=MINUTE_MS), PassingHours(inbox)

    ended = send_campaign(campaign.pk, hours.conditions(slice_s=5))

    assert ended is Ended.MORE
    assert hours.story == ["mail", "pause"]
    assert hours.now == 5


def test_the_next_sender_is_called_before_the_pause_is_over(inbox: Inbox) -> None:
    campaign, hours = queued(2, batch_size=1, delay_ms=MINUTE_MS), PassingHours(inbox)

    ended = send_campaign(campaign.pk, hours.conditions(slice_s=59.5))

    assert ended is Ended.MORE
    assert hours.story == ["mail", "pause"]
    assert hours.now <= 60 - sending.HANDOVER_S


def test_the_pause_is_kept_by_whoever_comes_next(inbox: Inbox) -> None:
    campaign, hours = queued(2, batch_size=1, delay_ms=MINUTE_MS), PassingHours(inbox)
    send_campaign(campaign.pk, hours.conditions(slice_s=5))
    hours.story.clear()

    send_campaign(campaign.pk, hours.conditions(slice_s=600))

    assert hours.story[:2] == ["pause", "mail"]


def test_a_request_to_stop_is_heard_between_two_mails(inbox: Inbox) -> None:
    campaign = queued(5)

    ended = send_campaign(campaign.pk, Conditions(stop=lambda: len(inbox.received) >= 2))

    assert ended is Ended.STOPPED
    assert counts(campaign) == {"queued": 3, "sent": 2}


@pytest.mark.django_db(transaction=True)
def test_a_second_sender_leaves_the_campaign_to_the_first(inbox: Inbox) -> None:
    campaign = queued(1)
    seen: list[object] = []

    with locks.SENDER.held(campaign.pk):
        in_another_session(
            lambda: seen.extend([send_campaign(campaign.pk), locks.SENDER.is_held(campaign.pk)])
        )

    assert seen == [Ended.HELD, True]
    assert not locks.SENDER.is_held(campaign.pk)
    assert counts(campaign) == {"queued": 1}


# --- Claims ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_the_claim_is_committed_before_the_mail_is_handed_over(inbox: Inbox) -> None:
    campaign = queued(1)
    seen: list[str] = []
    inbox.on_data = lambda _: in_another_session(
        lambda: seen.extend(WelcomeMail.objects.values_list("state", flat=True))
    )

    send_campaign(campaign.pk)

    assert seen == ["sending"]


def test_a_campaign_paused_at_the_last_moment_gives_no_mail_out(inbox: Inbox) -> None:
    campaign = queued(1)
    pause(campaign, "staff:1")  # after a sender looked, before it claims

    claimed = claim_next(campaign, "worker")

    assert claimed is None
    assert counts(campaign) == {"queued": 1}


def test_what_a_dead_sender_had_in_hand_becomes_unknown_and_is_not_sent(inbox: Inbox) -> None:
    campaign, hours = queued(2, delay_ms=MINUTE_MS), PassingHours(inbox)
    abandoned = campaign.mails.first()
    assert abandoned is not None
    WelcomeMail.objects.filter(pk=abandoned.pk).update(
        state="sending", claimed_at=timezone.now(), expires_at=timezone.now(), message_id="<1@x>"
    )

    send_campaign(campaign.pk, hours.conditions(slice_s=600))

    assert counts(campaign) == {"sent": 1, "unknown": 1}
    assert list(inbox.recipients) == [address(campaign, 1)]
    assert status(campaign).problems[0].code == "sender_died"
    assert hours.story == ["pause", "mail"]  # it may have gone out just now


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"last_login": timezone.now()}, "signed_in"), ({"is_active": False}, "inactive")],
)
def test_who_no_longer_needs_it_when_the_turn_comes_is_skipped(
    change: dict[str, object], reason: str, inbox: Inbox
) -> None:
    campaign = queued(2)
    User.objects.filter(pk=customers_of(campaign.run)[0].pk).update(**change)

    send_campaign(campaign.pk)

    assert counts(campaign) == {"sent": 1, "skipped": 1}
    assert status(campaign).left_out == {reason: 1}
    assert list(inbox.recipients) == [address(campaign, 1)]


def test_a_customer_deleted_in_between_is_skipped(inbox: Inbox) -> None:
    campaign = queued(2)
    customers_of(campaign.run)[0].delete()

    send_campaign(campaign.pk)

    assert status(campaign).left_out == {"gone": 1}


def test_a_run_that_is_being_reverted_mails_nobody_any_more(inbox: Inbox) -> None:
    campaign = queued(2)
    BackfillRun.objects.update(status="reverting")

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert status(campaign).left_out == {"reverted": 2}
    assert not inbox.received


@pytest.mark.django_db(transaction=True)
def test_a_revert_during_the_handing_over_kills_the_link_in_the_mail(inbox: Inbox) -> None:
    campaign = queued(2)
    inbox.on_data = lambda _: in_another_session(lambda: cancel_for_run(campaign.run))

    send_campaign(campaign.pk)

    assert counts(campaign) == {"sent": 1, "skipped": 1}
    assert links.resolve(inbox.received[0].link.rstrip("/").rsplit("/", 1)[1]) is None


@pytest.mark.django_db(transaction=True)
def test_a_pause_takes_hold_after_the_mail_under_way(inbox: Inbox) -> None:
    campaign = queued(3)
    inbox.on_data = lambda _: in_another_session(lambda: pause(campaign, "staff:1"))

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 2, "sent": 1}


# --- The server refuses ----------------------------------------------------------------------------


def test_one_refused_recipient_fails_and_the_others_are_sent(inbox: Inbox) -> None:
    campaign = queued(3)
    inbox.refuse_recipients[address(campaign, 1)] = "550 5.1.1 no such user <secret@example.com>"

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"failed": 1, "sent": 2}
    assert [problem.code for problem in status(campaign).problems] == ["smtp_recipient_refused_550"]
    assert "secret" not in str(list(AuditEntry.objects.values()))


def test_a_server_that_refuses_customer_after_customer_pauses_and_nobody_is_given_up(inbox: Inbox) -> None:
    campaign = queued(60)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "554 5.7.1 Relay access denied"

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 60}
    assert status(campaign).reason.startswith("The mail server refused 5 customers one after the other")
    assert AuditEntry.objects.get(action="welcome.held").data["mails"] == 5


def test_four_bad_addresses_in_a_row_are_their_own_affair(inbox: Inbox) -> None:
    campaign = queued(6)
    for user in customers_of(campaign.run)[:4]:
        inbox.refuse_recipients[user.email] = "550 5.1.1 no such user"

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"failed": 4, "sent": 2}


def test_many_bad_addresses_in_a_row_wait_behind_the_others_once_it_goes_on(inbox: Inbox) -> None:
    campaign = queued(8)
    for user in customers_of(campaign.run)[:7]:
        inbox.refuse_recipients[user.email] = "550 no such user"
    send_campaign(campaign.pk)

    resume(campaign, "staff:1", enqueue=False)
    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"failed": 7, "sent": 1}


def test_who_is_refused_for_the_third_time_is_refused_for_good(inbox: Inbox) -> None:
    campaign = queued(5)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "550 no such user"

    ended = []
    for _ in range(3):
        ended.append(send_campaign(campaign.pk))
        resume(campaign, "staff:1", enqueue=False)

    assert ended == [Ended.PAUSED, Ended.PAUSED, Ended.DONE]
    assert counts(campaign) == {"failed": 5}


def test_of_two_customers_both_refused_nobody_is_given_up_either(inbox: Inbox) -> None:
    campaign = queued(2)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "554 5.7.1 Relay access denied"

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 2}


@pytest.mark.parametrize(
    ("reply", "code", "before"),
    [
        ("535 no", "smtp_login_refused_535", ""),
        ("553 not your address", "smtp_sender_refused_553", "5 refusals in a row, the last one: "),
    ],
)
def test_a_server_that_refuses_all_pauses_the_campaign_with_nothing_lost(
    reply: str, code: str, before: str, inbox: Inbox
) -> None:
    campaign = queued(8)
    inbox.refuse_all = reply

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 8}
    words = words_for(code)
    assert status(campaign).reason == f"{before}{code}: {words.cause}. {words.remedy}"
    assert AuditEntry.objects.filter(action="welcome.paused").count() == 1


def test_a_refused_login_pauses(inbox: Inbox, settings: Settings) -> None:
    refuse = {"authenticator": lambda *_: AuthResult(success=False, handled=False), "auth_require_tls": False}
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "polaris", "wrong"
    campaign = queued(6)

    with MailServer(**refuse) as server:
        settings.EMAIL_PORT = server.port
        send_campaign(campaign.pk)

    assert "smtp_login_refused_535: user or password is wrong." in status(campaign).reason
    assert counts(campaign) == {"queued": 6}


def test_a_server_that_refuses_the_login_is_asked_once(inbox: Inbox, settings: Settings) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "polaris", "wrong"
    script = Script({"AUTH": "535 no"}, offers=("AUTH PLAIN",))
    campaign = queued(6, delay_ms=60)

    with ScriptedServer(script) as server:
        settings.EMAIL_PORT = server.port
        send_campaign(campaign.pk)

    assert len([line for line in script.seen if line.startswith("AUTH")]) == 1


def test_a_server_that_is_not_there_pauses_and_all_is_sent_once_it_is(
    inbox: Inbox, mail_server: MailServer, settings: Settings
) -> None:
    campaign = queued(6)
    settings.EMAIL_PORT = 1

    send_campaign(campaign.pk)
    paused = status(campaign)
    settings.EMAIL_PORT = mail_server.port
    start_campaign(campaign.run, "cli:test", enqueue=False)
    send_campaign(campaign.pk)

    assert "smtp_unreachable: nothing answers at EMAIL_URL." in paused.reason
    assert counts(campaign) == {"sent": 6}


def test_a_server_that_refuses_what_the_mail_says_pauses_too(inbox: Inbox) -> None:
    campaign = queued(8)
    inbox.refuse_content = "554 looks like spam"

    send_campaign(campaign.pk)

    assert status(campaign).status == "paused"
    assert counts(campaign) == {"queued": 8}


def test_a_connection_lost_in_the_middle_of_a_mail_leaves_it_unknown(inbox: Inbox) -> None:
    campaign = queued(3)
    inbox.hang_up_on.add(address(campaign, 1))

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"sent": 2, "unknown": 1}
    assert status(campaign).problems[0].code == "smtp_lost_during_data"
    assert inbox.recipients[address(campaign, 1)] == 0


def test_a_server_that_always_hangs_up_in_the_middle_pauses(inbox: Inbox) -> None:
    campaign = queued(8)
    inbox.hang_up_on.update(user.email for user in customers_of(campaign.run))

    send_campaign(campaign.pk)

    assert status(campaign).status == "paused"
    assert counts(campaign) == {"queued": 3, "unknown": 5}


def test_a_connection_dropped_between_two_mails_is_reopened(inbox: Inbox) -> None:
    campaign = queued(7)
    inbox.hang_up_after = 3

    send_campaign(campaign.pk)

    assert counts(campaign) == {"sent": 7}
    assert max(inbox.recipients.values()) == 1
    assert not AuditEntry.objects.filter(action="welcome.deferred").exists()
    assert inbox.connections == 3


def test_a_deferred_recipient_waits_and_gives_up_in_the_end(inbox: Inbox) -> None:
    campaign = queued(2)
    inbox.refuse_recipients[address(campaign, 0)] = "450 greylisted"

    first = send_campaign(campaign.pk)
    waiting = campaign.mails.get(state="queued")
    for _ in range(5):
        WelcomeMail.objects.update(not_before=None)
        last = send_campaign(campaign.pk)

    assert first is Ended.WAITING
    assert waiting.not_before is not None
    assert waiting.not_before > timezone.now() + timedelta(minutes=1)
    assert last is Ended.DONE
    assert counts(campaign) == {"failed": 1, "sent": 1}
    assert campaign.mails.get(state="failed").code == "smtp_recipient_deferred_450"


def test_a_quota_puts_the_campaign_off_and_uses_up_nobodys_tries(inbox: Inbox) -> None:
    campaign = queued(300)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "452 4.5.3 too many"

    waits = []
    for _ in range(4):
        assert send_campaign(campaign.pk) is Ended.WAITING
        waits.append(round(seconds_until(campaign)))
        WelcomeCampaign.objects.update(next_batch_at=Now())

    assert waits == [30, 60, 120, 240]
    assert counts(campaign) == {"queued": 300}
    assert not campaign.mails.exclude(deferrals=0).exists()
    assert status(campaign).status == "running"
    assert (
        "smtp_recipient_deferred_452: the mail server does not take this address now. It is"
        in status(campaign).reason
    )


def test_a_server_that_greylists_everybody_is_asked_again_for_who_was_first(inbox: Inbox) -> None:
    campaign = queued(12)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "450 4.2.0 Greylisted"
    send_campaign(campaign.pk)
    for position in range(5):  # their five minutes are over
        del inbox.refuse_recipients[address(campaign, position)]

    for _ in range(2):
        WelcomeCampaign.objects.update(next_batch_at=Now())
        send_campaign(campaign.pk)

    assert inbox.recipients == {address(campaign, 0): 1}


def test_a_campaign_that_was_put_off_goes_on_by_itself_to_the_end(inbox: Inbox) -> None:
    campaign = queued(8)
    for user in customers_of(campaign.run):
        inbox.refuse_recipients[user.email] = "451 4.7.0 later"
    send_campaign(campaign.pk)
    inbox.refuse_recipients.clear()
    WelcomeCampaign.objects.update(next_batch_at=Now())

    ended = send_campaign(campaign.pk)

    assert ended is Ended.DONE
    assert counts(campaign) == {"sent": 8}
    assert status(campaign).reason == ""


def test_nobody_waits_in_a_worker_for_a_campaign_that_is_put_off(inbox: Inbox) -> None:
    campaign = queued(2)
    inbox.refuse_all = "451 4.3.2 later"
    send_campaign(campaign.pk)
    began = time.monotonic()

    ended = send_campaign(campaign.pk)

    assert ended is Ended.WAITING
    assert time.monotonic() - began < 5


def test_a_sender_put_off_does_not_count_as_a_wrong_one(inbox: Inbox) -> None:
    campaign = queued(8)
    inbox.refuse_all = "451 4.3.2 later"

    ended = send_campaign(campaign.pk)

    assert ended is Ended.WAITING
    assert counts(campaign) == {"queued": 8}
    assert status(campaign).status == "running"
    assert campaign.mails.filter(code="smtp_sender_deferred_451").count() == 1


def test_full_mailboxes_that_stay_full_give_up_while_others_are_accepted(inbox: Inbox) -> None:
    campaign = queued(8)
    for user in customers_of(campaign.run)[:5]:
        inbox.refuse_recipients[user.email] = "452 4.2.2 mailbox full"

    for _ in range(8):
        WelcomeMail.objects.update(not_before=None)
        WelcomeCampaign.objects.update(next_batch_at=Now())
        last = send_campaign(campaign.pk)

    assert last is Ended.DONE
    assert counts(campaign) == {"failed": 5, "sent": 3}


def test_after_two_days_somebody_has_to_look(inbox: Inbox) -> None:
    campaign = queued(1)
    WelcomeCampaign.objects.update(put_offs=54)
    inbox.refuse_all = "451 4.3.2 later"

    send_campaign(campaign.pk)

    assert status(campaign).status == "paused"
    assert counts(campaign) == {"queued": 1}


# --- What cannot be written ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sender", ["Ladestrom, Nord <post@acme.example>", "Laden: Nord <post@acme.example>", "post"]
)
def test_a_mail_that_cannot_be_written_is_not_claimed(sender: str, inbox: Inbox, settings: Settings) -> None:
    campaign = queued(2)
    settings.EMAIL_FROM = sender

    ended = send_campaign(campaign.pk)

    assert ended is Ended.PAUSED
    assert counts(campaign) == {"queued": 2}
    assert status(campaign).reason.startswith("EMAIL_FROM ")
    assert not inbox.connections


def test_a_sender_with_letters_in_its_domain_is_encoded(inbox: Inbox, settings: Settings) -> None:
    settings.EMAIL_FROM = "Strömung <post@strömung.example>"
    campaign = queued(1)

    send_campaign(campaign.pk)

    assert counts(campaign) == {"sent": 1}
    sent = inbox.received[0].message
    assert sent["From"].addresses[0].addr_spec == "post@xn--strmung-c1a.example"
    assert sent["Message-ID"].endswith("@xn--strmung-c1a.example>")
