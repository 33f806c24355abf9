"""Start, pause, resume and cancel the mails of a run. Each change and its audit entry are one transaction."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Least, Now
from django.utils import timezone

from auditlog.models import Event, record
from customers import locks, queueing
from customers.backfill.ledger.standing import standing_of
from customers.backfill.notices import outbox
from customers.backfill.refused import Refused
from customers.backfill.unasked import require_answer
from customers.backfill.welcome.platform import Seen, seen_there
from customers.backfill.welcome.recipients import Choice, Reason, Recipients, sort_recipients
from customers.backfill.welcome.wording import require_templates
from customers.models import BackfillRun, WelcomeCampaign, WelcomeMail

BATCH_SIZE = 50
DELAY_MS = 2000
REASON_MAX = 300
STILL_IMPORTING = (BackfillRun.Status.QUEUED, BackfillRun.Status.RUNNING, BackfillRun.Status.REVERTING)

Status, State = WelcomeCampaign.Status, WelcomeMail.State


@dataclass(frozen=True, slots=True)
class Started:
    """`campaign` is None where nobody is to be mailed. `joined`: it had been started before."""

    campaign: WelcomeCampaign | None
    recipients: Recipients
    joined: bool = False


def start_campaign(
    run: BackfillRun,
    actor: str,
    *,
    batch_size: int | None = None,
    delay_ms: int | None = None,
    choice: Choice | None = None,
    enqueue: bool = True,
) -> Started:
    """Queue the mails of a run, or join its campaign that is under way; raise Refused.

    Safe to repeat at any moment. Joining takes a paused campaign up again, at the given pace if one is given.
    """
    require_answer()
    require_templates()
    seen = seen_there(run)  # before the transaction; each is looked at again when its turn comes
    return _start(run, actor, batch_size, delay_ms, choice or Choice(), seen, enqueue=enqueue)


@transaction.atomic
def _start(
    run: BackfillRun,
    actor: str,
    batch_size: int | None,
    delay_ms: int | None,
    choice: Choice,
    seen: Seen | None,
    *,
    enqueue: bool,
) -> Started:
    locks.START_OF_CAMPAIGN.wait()  # two runs can share customers, so two starts must not look at once
    run.refresh_from_db(fields=["status"])
    if run.status in STILL_IMPORTING:
        hint = f"Finish it first: wait, or see what to do with: python manage.py backfill_runs {run.run_id}"
        raise Refused(f"Run {run.run_id}: {standing_of(run).sentence}", hint)
    active = WelcomeCampaign.objects.active().select_for_update().filter(run=run).first()
    if active:
        started = _join(active, actor, batch_size, delay_ms, choice)
    else:
        delay_ms = DELAY_MS if delay_ms is None else delay_ms
        recipients = sort_recipients(run, choice, seen)
        started = _begin(run, actor, batch_size or BATCH_SIZE, delay_ms, recipients)
    if started.campaign and enqueue:
        wake_sender(started.campaign.pk)
    return started


def wake_sender(campaign_id: int) -> None:
    queueing.wake_once_committed("customers.tasks.send_welcome", campaign_id)


@transaction.atomic
def pause(campaign: WelcomeCampaign, actor: str, reason: str = "") -> bool:
    """Stop after the mail under way; False if it was not running. Without a reason, somebody wants it so."""
    by_hand = not reason
    reason = (reason or f"Paused by {actor}")[:REASON_MAX]
    moved = WelcomeCampaign.objects.running().filter(pk=campaign.pk)
    if not moved.update(status=Status.PAUSED, reason=reason):
        return False
    record(campaign.run.audit_tag, actor, [Event("welcome.paused", _subject(campaign), {"reason": reason})])
    if not by_hand:
        campaign.status, campaign.reason = Status.PAUSED, reason
        outbox.tell_campaign(campaign)
    return True


@transaction.atomic
def resume(campaign: WelcomeCampaign, actor: str, *, enqueue: bool = True) -> bool:
    """Go on with a paused campaign; False if it was not paused."""
    paused = WelcomeCampaign.objects.filter(pk=campaign.pk, status=Status.PAUSED)
    anew: dict[str, Any] = {"reason": "", "refusals": 0, "streak": {}, "links_proven_at": None}
    if campaign.put_offs:  # whoever goes on with it has reason to ask the mail server now
        anew |= {"put_offs": 0, "next_batch_at": Now()}
    if not paused.update(status=Status.RUNNING, **anew):
        return False
    record(campaign.run.audit_tag, actor, [Event("welcome.resumed", _subject(campaign))])
    if enqueue:
        wake_sender(campaign.pk)
    return True


@transaction.atomic
def stop(campaign: WelcomeCampaign, actor: str) -> int:
    """Send no more mails of a campaign; return how many that is. Who got none can be invited later."""
    number = campaign.mails.filter(state=State.QUEUED).update(state=State.SKIPPED, code=Reason.STOPPED)
    record(campaign.run.audit_tag, actor, [Event("welcome.stopped", _subject(campaign), {"mails": number})])
    if not finish_if_over(campaign.pk):  # one is being handed over, and whoever does so closes it
        resume(campaign, actor)
    return number


@transaction.atomic
def change_pace(
    campaign: WelcomeCampaign, actor: str, *, batch_size: int | None = None, delay_ms: int | None = None
) -> None:
    """Send the rest at another pace; a pause that is under way is counted anew from now on."""
    now = WelcomeCampaign.objects.select_for_update().get(pk=campaign.pk)
    campaign.batch_size = batch_size or now.batch_size
    campaign.delay_ms = now.delay_ms if delay_ms is None else delay_ms
    if (campaign.batch_size, campaign.delay_ms) == (now.batch_size, now.delay_ms):
        return
    next_batch = Least("next_batch_at", Now() + timedelta(milliseconds=campaign.delay_ms))
    WelcomeCampaign.objects.filter(pk=campaign.pk).update(
        batch_size=campaign.batch_size, delay_ms=campaign.delay_ms, next_batch_at=next_batch
    )
    pace = {"batch_size": campaign.batch_size, "delay_ms": campaign.delay_ms}
    record(campaign.run.audit_tag, actor, [Event("welcome.paced", _subject(campaign), pace)])


@transaction.atomic
def cancel_for_run(run: BackfillRun, users: Collection[int] | None = None, *, actor: str = "worker") -> int:
    """Cancel the run's queued mails to these users (None: to all) and kill the links of those that went out.

    Links to the platform are marked here, and deleted there by `revoke_dead_links` once this is committed.
    Other links of the users are not touched, nor the users themselves. A mail being handed over at this
    moment arrives with a dead link. Safe to repeat. Return how many mails were cancelled.
    """
    mails = WelcomeMail.objects.filter(campaign__run=run)
    if users is not None:
        mails = mails.filter(user_id__in=users)
    cancelled = mails.filter(state=State.QUEUED).update(state=State.SKIPPED, code=Reason.REVERTED)
    killed = mails.with_a_link().update(link_revoked_at=timezone.now())
    if cancelled or killed:
        counts = {"mails": cancelled, "links": killed}
        record(run.audit_tag, actor, [Event("welcome.cancelled", f"run:{run.run_id}", counts)])
    for campaign in WelcomeCampaign.objects.active().filter(run=run):
        finish_if_over(campaign.pk)
    return cancelled


@transaction.atomic
def finish_if_over(campaign_id: int) -> bool:
    """Close a running campaign of which no mail is open any more."""
    over = WelcomeCampaign.objects.active().filter(pk=campaign_id)
    if WelcomeMail.objects.open().filter(campaign_id=campaign_id).exists():
        return False
    if not over.update(status=Status.DONE, reason="", finished_at=timezone.now()):
        return False
    outbox.tell_campaign(WelcomeCampaign.objects.select_related("run").get(pk=campaign_id))
    return True


def _begin(run: BackfillRun, actor: str, batch_size: int, delay_ms: int, recipients: Recipients) -> Started:
    if not recipients.to_mail:
        return Started(None, recipients)
    campaign = WelcomeCampaign.objects.create(
        run=run, actor=actor, batch_size=batch_size, delay_ms=delay_ms, left_out=dict(recipients.left_out)
    )
    WelcomeMail.objects.bulk_create(
        [
            WelcomeMail(campaign=campaign, user=customer.user, external_id=customer.external_id)
            for customer in recipients.to_mail
        ],
        batch_size=1000,
    )
    counts = {"mails": len(recipients.to_mail), "batch_size": batch_size, "delay_ms": delay_ms}
    record(run.audit_tag, actor, [Event("welcome.queued", _subject(campaign), counts)])
    return Started(campaign, recipients)


def _join(
    campaign: WelcomeCampaign, actor: str, batch_size: int | None, delay_ms: int | None, choice: Choice
) -> Started:
    if choice.resend:
        raise Refused(
            f"The welcome mails of run {campaign.run.run_id} are still under way.",
            "Send again with --resend once they are done.",
        )
    campaign.batch_size = batch_size or campaign.batch_size
    campaign.delay_ms = campaign.delay_ms if delay_ms is None else delay_ms
    if campaign.put_offs:  # the mail server is asked now, and not only when it was going to be
        campaign.next_batch_at = Now()
    campaign.save(update_fields=["batch_size", "delay_ms", "next_batch_at"])
    again = _queue_again(campaign.mails.all(), choice)
    if again:
        record(
            campaign.run.audit_tag, actor, [Event("welcome.requeued", _subject(campaign), {"mails": again})]
        )
    resume(campaign, actor, enqueue=False)
    campaign.refresh_from_db()
    return Started(campaign, Recipients((), campaign.left_out), joined=True)


def _queue_again(mails: QuerySet[WelcomeMail], choice: Choice) -> int:
    states = [State.UNKNOWN] * choice.retry_unknown + [State.FAILED] * choice.retry_failed
    return mails.filter(state__in=states).update(state=State.QUEUED, code="", deferrals=0, not_before=None)


def _subject(campaign: WelcomeCampaign) -> str:
    return f"welcome:{campaign.pk}"
