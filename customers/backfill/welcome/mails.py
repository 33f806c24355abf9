"""The life of one mail: claimed in one transaction, handed over in none, settled in the next.

All times that make the pace are PostgreSQL's (`Now()`), so they agree between machines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import make_msgid

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.welcome import verdicts
from customers.backfill.welcome.recipients import Reason, reason_of_user
from customers.backfill.welcome.verdicts import end_batch
from customers.mail.errors import DeliveryError, Kind
from customers.mail.messages import sender
from customers.models import BackfillRun, User, WelcomeCampaign, WelcomeMail

DEFERRALS_MAX = 5
DEFERRED_FOR = timedelta(minutes=2)  # and twice that the next time, and so on

State = WelcomeMail.State


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that is ours to send, and nobody else's."""

    mail: WelcomeMail
    user: User
    expires_at: datetime  # of its link


@transaction.atomic
def claim_next(
    campaign: WelcomeCampaign, actor: str, prove: Callable[[User], object] = lambda user: None
) -> Claimed | None:
    """Claim the next mail that is due; None if there is none, or the campaign is no longer running.

    Commit before handing it over: whatever happens then, nobody else will send it. `prove` raises
    CannotCompose where there would be nothing to hand over; then nothing is claimed.
    """
    mail = _next_wanted(campaign, actor)
    if mail is None or mail.user is None:
        return None
    prove(mail.user)
    if not WelcomeCampaign.objects.running().filter(pk=campaign.pk).update(batch_sent=F("batch_sent") + 1):
        return None
    mail.state, mail.code = State.SENDING, ""
    mail.claimed_at = timezone.now()
    mail.expires_at = expires_at = mail.claimed_at + timedelta(seconds=settings.MAGIC_LINK_INVITE_TTL_SECONDS)
    mail.message_id = make_msgid(domain=sender().domain)
    mail.save(update_fields=["state", "code", "claimed_at", "expires_at", "message_id"])
    return Claimed(mail, mail.user, expires_at)


def _next_wanted(campaign: WelcomeCampaign, actor: str) -> WelcomeMail | None:
    """Take the first that is still wanted, and skip those that no longer are.

    Who was held waits behind the others. But of a server that put everybody off, every second question is
    about who was held first: one that greylists takes these by then, and newcomers never at once.
    """
    asks_again = campaign.put_offs > 0 and campaign.put_offs % 2 == 0
    order = (F("held_at").asc(nulls_last=True), "id") if asks_again else ("holds", "id")
    due = campaign.mails.due().select_related("user").select_for_update(of=("self",)).order_by(*order)
    reverted = campaign.run.status in (BackfillRun.Status.REVERTING, BackfillRun.Status.REVERTED)
    while (mail := due.first()) is not None:
        reason = Reason.REVERTED if reverted else reason_of_user(mail.user)
        if reason is None:
            return mail
        skip(campaign, mail, reason, actor)
    return None


@transaction.atomic
def skip(campaign: WelcomeCampaign, mail: WelcomeMail, reason: Reason, actor: str) -> None:
    """Write down that a mail, queued or claimed, is not to be sent any more."""
    mail.state, mail.code = State.SKIPPED, reason
    mail.save(update_fields=["state", "code"])
    record(campaign.run.audit_tag, actor, [_event("welcome.skipped", mail)])


@transaction.atomic
def settle(campaign_id: int, mail: WelcomeMail, error: DeliveryError | None, actor: str) -> None:
    """Write down what became of a claimed mail, and where the campaign stands now."""
    action = _settle_mail(mail, error)
    mail.save(update_fields=["state", "code", "sent_at", "not_before", "deferrals"])
    campaign = WelcomeCampaign.objects.select_for_update().select_related("run").get(pk=campaign_id)
    record(campaign.run.audit_tag, actor, [_event(action, mail)])
    if campaign.batch_sent >= campaign.batch_size:
        end_batch(campaign)
    verdicts.weigh(campaign, mail, error, actor)
    campaign.save(update_fields=verdicts.WRITTEN)


@transaction.atomic
def settle_abandoned(campaign: WelcomeCampaign, actor: str) -> int:
    """Call what a dead sender had in hand unknown; only whoever holds the campaign's lock may.

    The pause before the next batch starts again, as nobody knows when that mail went out.
    """
    abandoned = list(campaign.mails.filter(state=State.SENDING).select_for_update())
    if not abandoned:
        return 0
    campaign.mails.filter(state=State.SENDING).update(state=State.UNKNOWN, code="sender_died")
    for mail in abandoned:
        mail.state, mail.code = State.UNKNOWN, "sender_died"
    record(campaign.run.audit_tag, actor, [_event("welcome.unknown", mail) for mail in abandoned])
    locked = WelcomeCampaign.objects.select_for_update().get(pk=campaign.pk)
    end_batch(locked)
    locked.save(update_fields=["batch_sent", "next_batch_at"])
    return len(abandoned)


def _settle_mail(mail: WelcomeMail, error: DeliveryError | None) -> str:
    """Set the mail's state; return the audit action."""
    mail.code = error.code if error else ""
    if error is None:
        mail.state, mail.sent_at = State.SENT, timezone.now()
        return "welcome.sent"
    if error.kind is Kind.UNKNOWN:
        mail.state = State.UNKNOWN
        return "welcome.unknown"
    if error.kind is Kind.REFUSED or (error.kind is Kind.DEFERRED and mail.deferrals >= DEFERRALS_MAX):
        mail.state = State.FAILED
        return "welcome.failed"
    mail.state = State.QUEUED
    if error.kind is Kind.DEFERRED:
        wait = max(DEFERRED_FOR * 2**mail.deferrals, timedelta(seconds=error.retry_after_s))
        mail.deferrals += 1
        mail.not_before = Now() + wait
    return "welcome.deferred"


def _event(action: str, mail: WelcomeMail) -> Event:
    subject = f"user:{mail.user_id}" if mail.user_id else f"external_id:{mail.external_id}"
    code = {"code": mail.code} if mail.code else {}
    return Event(action, subject, {"welcome": mail.campaign_id, **code})
