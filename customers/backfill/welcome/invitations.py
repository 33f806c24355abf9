"""The link in a mail: to our own pages, or, where the platform is connected, to its own sign-in.

A link to the platform is written down by its hash and audited before it is made, and forgotten only after it
was deleted. Whoever revokes first marks the mail and then deletes; whoever mints looks at the mail after
it. So a link that is revoked at any moment is deleted by one of the two.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.unasked import require_answer
from customers.backfill.welcome.mails import Claimed
from customers.backfill.welcome.platform import Platform, opened
from customers.backfill.welcome.recipients import Reason, reason_at_platform
from customers.models import BackfillRun, PlatformLink, WelcomeCampaign, WelcomeMail
from customers.sign_in.links import invitation_link
from kernel.chunks import chunks
from polaris import PlatformDatabase, links
from polaris.probing import prove_links
from polaris.sign_ins import standings

PROOF_LASTS = timedelta(minutes=10)  # the platform may be updated meanwhile, and limits how often we may ask


class OwnPages:
    """Links to our own pages; they are signed, so nothing is made for them."""

    new_link_at = ""  # where the mail says that one gets another

    def make(self, claimed: Claimed, actor: str) -> str | Reason:
        return invitation_link(claimed.user, claimed.mail.pk)

    def blocked_until(self, claimed: Claimed) -> date | None:
        """Return the day until which the customer's cards are blocked; None where nobody blocks them."""
        return None


class PlatformPages:
    """Links to the platform's sign-in. Only the worker and the commands of operators may make one."""

    def __init__(self, platform: Platform) -> None:
        self._database = platform.database
        self.new_link_at = platform.customer_url

    def make(self, claimed: Claimed, actor: str) -> str | Reason:
        """Return a link, the customer's only one that works, or why there is none; raise PolarisError."""
        mail, user = claimed.mail, claimed.user
        self._prove(mail.campaign)
        standing = standings(self._database, [mail.external_id]).get(mail.external_id)
        if reason := reason_at_platform(standing, user.email):
            return reason
        token = links.new_token()
        link = _write_down(claimed, links.hashed(token), actor)
        older = list(PlatformLink.objects.standing().filter(mail__user=user).exclude(pk=link.pk))
        wish = links.Wish(mail.external_id, user.email, link.hash, link.expires_at)
        made = links.mint(self._database, [wish], [one.hash for one in older])
        _forget(older, mail.campaign.run, actor)
        if not made:  # the customer has changed since we looked
            return self._take_back(link, actor, Reason.NOT_AT_PLATFORM)
        if WelcomeMail.objects.filter(pk=mail.pk, link_revoked_at=None).exists():
            return links.address(self.new_link_at, token)
        return self._take_back(link, actor, Reason.REVERTED)

    def blocked_until(self, claimed: Claimed) -> date | None:
        """Return the day from which the customer is billed, if that is to come; blocked there until then."""
        rows = claimed.mail.campaign.run.rows.filter(user=claimed.user, subscription_at__gt=timezone.now())
        return rows.order_by("subscription_at").values_list("start_date", flat=True).last()

    def _prove(self, campaign: WelcomeCampaign) -> None:
        proven_at = campaign.links_proven_at
        if proven_at is not None and timezone.now() < proven_at + PROOF_LASTS:
            return
        prove_links(self._database, self.new_link_at)
        WelcomeCampaign.objects.filter(pk=campaign.pk).update(links_proven_at=timezone.now())

    def _take_back(self, link: PlatformLink, actor: str, reason: Reason) -> Reason:
        links.revoke(self._database, [link.hash])
        _forget([link], link.mail.campaign.run, actor)
        return reason


Invitations = OwnPages | PlatformPages


@contextmanager
def invitations() -> Iterator[Invitations]:
    """Give what makes the links of a campaign; raise Refused where nobody said where they are to lead."""
    require_answer()
    with opened() as platform:
        yield PlatformPages(platform) if platform else OwnPages()


def revoke_dead_links(run: BackfillRun, database: PlatformDatabase, actor: str) -> int:
    """Delete the platform's links of mails that were revoked; raise PolarisError. Safe to repeat."""
    dead = PlatformLink.objects.dead().filter(mail__campaign__run=run)
    number = 0
    for some in chunks(list(dead), 1000):
        links.revoke(database, [link.hash for link in some])
        _forget(some, run, actor)
        number += len(some)
    return number


def links_alive_until(run: BackfillRun) -> str:
    """Say when the last of the run's links to the platform expires; blank where there is none any more."""
    alive = PlatformLink.objects.standing().filter(mail__campaign__run=run, expires_at__gt=timezone.now())
    last = alive.order_by("expires_at").last()
    return f"{last.expires_at:%Y-%m-%d %H:%M} {settings.TIME_ZONE}" if last else ""


@transaction.atomic
def _write_down(claimed: Claimed, hashed: str, actor: str) -> PlatformLink:
    mail = claimed.mail
    link = PlatformLink.objects.create(mail=mail, hash=hashed, expires_at=claimed.expires_at)
    record(mail.campaign.run.audit_tag, actor, [_event("platform_link.minting", link)])
    return link


@transaction.atomic
def _forget(gone: Sequence[PlatformLink], run: BackfillRun, actor: str) -> None:
    """Write down that links were deleted; a mail whose link is gone has none that works."""
    if not gone:
        return
    now = timezone.now()
    PlatformLink.objects.filter(pk__in=[link.pk for link in gone]).update(revoked_at=now)
    without = WelcomeMail.objects.filter(platform_links__in=gone, link_revoked_at=None)
    without.exclude(platform_links__revoked_at=None).update(link_revoked_at=now)
    record(run.audit_tag, actor, [_event("platform_link.revoked", link) for link in gone])


def _event(action: str, link: PlatformLink) -> Event:
    mail = link.mail
    subject = f"user:{mail.user_id}" if mail.user_id else f"external_id:{mail.external_id}"
    return Event(action, subject, {"welcome": mail.campaign_id, "link": link.hash})
