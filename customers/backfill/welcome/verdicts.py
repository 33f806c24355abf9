"""What the answers of a mail server, one after the other, say of the server as a whole.

One mail that is refused or put off is the recipient's affair. Several in a row, of different customers and
with none accepted in between, are the server's doing: their mails go back to the queue as if nobody had tried
them, and wait there behind the others. Who is refused once more although somebody else was accepted since
then, or for the third time, is refused for good.

All times that make the pace are PostgreSQL's (`Now()`), so they agree between machines.
"""

from datetime import timedelta

from django.db.models import F
from django.db.models.functions import Greatest, Now
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.notices import outbox
from customers.mail.errors import DeliveryError, Kind
from customers.mail.words import words_for
from customers.models import WelcomeCampaign, WelcomeMail

BREAKER = 5  # in a row
HOLDS_MAX = 2
PUT_OFF_FOR = timedelta(seconds=30)  # and twice that the next time, and so on
PUT_OFF_MOST = timedelta(hours=1)
PUT_OFFS_MAX = 54  # two days
WRITTEN = ("refusals", "streak", "put_offs", "batch_sent", "next_batch_at", "status", "reason")

State = WelcomeMail.State


def weigh(campaign: WelcomeCampaign, mail: WelcomeMail, error: DeliveryError | None, actor: str) -> None:
    """Take in what became of a mail that is settled; the caller saves the campaign, which it has locked."""
    if error is None:
        campaign.refusals, campaign.put_offs, campaign.streak = 0, 0, {}
        campaign.reason = "" if _runs(campaign) else campaign.reason
    elif error.kind is Kind.AWAY:
        _put_off(campaign, error, actor)
    elif error.kind in (Kind.REFUSED, Kind.DEFERRED):
        campaign.refusals = 0
        if not _is_its_own(campaign, mail, error.kind):
            _next_in_a_row(campaign, mail, error, actor)
    else:
        _refused_as_a_whole(campaign, mail, error, actor)


def end_batch(campaign: WelcomeCampaign) -> None:
    """Start a new batch after the pause, which grows while the server refuses."""
    campaign.batch_sent = 0
    campaign.next_batch_at = Now() + timedelta(milliseconds=campaign.delay_ms * max(1, campaign.refusals))


def _refused_as_a_whole(
    campaign: WelcomeCampaign, mail: WelcomeMail, error: DeliveryError, actor: str
) -> None:
    campaign.refusals = campaign.refusals + 1 if error.all_alike else 0
    if campaign.refusals:
        end_batch(campaign)
    if campaign.refusals >= BREAKER or error.locks_out:
        words = words_for(mail.code)
        why = f"{mail.code}: {words.cause}. {words.remedy}"
        told = why if error.locks_out else f"{BREAKER} refusals in a row, the last one: {why}"
        _pause(campaign, told, actor)


def _is_its_own(campaign: WelcomeCampaign, mail: WelcomeMail, kind: Kind) -> bool:
    """Return whether it is known by now that the server takes mail, but not this one."""
    if mail.held_at is None:
        return False
    if kind is Kind.REFUSED and mail.holds >= HOLDS_MAX:
        return True
    return campaign.mails.filter(state=State.SENT, sent_at__gt=mail.held_at).exists()


def _next_in_a_row(campaign: WelcomeCampaign, mail: WelcomeMail, error: DeliveryError, actor: str) -> None:
    before = campaign.streak.get("mails", []) if campaign.streak.get("kind") == error.kind else []
    alike = [*(pk for pk in before if pk != mail.pk), mail.pk]
    campaign.streak = {"kind": error.kind.value, "mails": alike}
    if not _is_enough(campaign, len(alike), error.kind):
        return
    _hold(campaign, alike, actor)
    campaign.streak = {}
    if error.kind is Kind.DEFERRED:
        _put_off(campaign, error, actor)
    else:
        many = (
            f"The mail server refused {len(alike)} customers one after the other and took nobody in between"
        )
        _pause(campaign, f"{many}, the last one: {mail.code}. Nobody of them is given up.", actor)


def _is_enough(campaign: WelcomeCampaign, number: int, kind: Kind) -> bool:
    """Return whether so many in a row are the server's doing; of few customers, two, if those are all."""
    if number >= BREAKER:
        return True
    if kind is Kind.DEFERRED:
        return campaign.put_offs > 0
    if number < 2 or campaign.mails.open().exists():
        return False
    return not campaign.mails.filter(state=State.SENT).exists()


def _hold(campaign: WelcomeCampaign, mails: list[int], actor: str) -> None:
    """Put mails back into the queue, behind the others, without their last try."""
    tried = campaign.mails.filter(pk__in=mails, state__in=(State.QUEUED, State.FAILED))
    held = tried.update(
        state=State.QUEUED, holds=F("holds") + 1, held_at=timezone.now(), not_before=None,
        deferrals=Greatest(F("deferrals") - 1, 0),
    )  # fmt: skip
    record(campaign.run.audit_tag, actor, [Event("welcome.held", _subject(campaign), {"mails": held})])


def _put_off(campaign: WelcomeCampaign, error: DeliveryError, actor: str) -> None:
    """Ask the server again later; the pause grows with each time that it takes nothing in between."""
    wait = min(PUT_OFF_FOR * 2 ** min(campaign.put_offs, 10), PUT_OFF_MOST)
    wait = max(wait, timedelta(seconds=error.retry_after_s))
    campaign.put_offs += 1
    if campaign.put_offs > PUT_OFFS_MAX:
        _pause(campaign, f"The mail server takes nothing since two days: {error.code}", actor)
        return
    campaign.batch_sent = 0
    campaign.next_batch_at = Now() + wait
    if _runs(campaign):
        until = f"{timezone.now() + wait:%Y-%m-%d %H:%M:%S} UTC"
        campaign.reason = (
            f"The mail server takes nothing for now: {error.code}: {words_for(error.code).cause}."
            f" It is asked again at {until}."
        )
    data = {"code": error.code, "wait_s": round(wait.total_seconds())}
    record(campaign.run.audit_tag, actor, [Event("welcome.put_off", _subject(campaign), data)])


def _pause(campaign: WelcomeCampaign, reason: str, actor: str) -> None:
    if _runs(campaign):
        campaign.status, campaign.reason = WelcomeCampaign.Status.PAUSED, reason
        data = {"reason": reason}
        record(campaign.run.audit_tag, actor, [Event("welcome.paused", _subject(campaign), data)])
        outbox.tell_campaign(campaign)


def _runs(campaign: WelcomeCampaign) -> bool:
    return campaign.status == WelcomeCampaign.Status.RUNNING


def _subject(campaign: WelcomeCampaign) -> str:
    return f"welcome:{campaign.pk}"
