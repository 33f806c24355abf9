"""Send a campaign: claim, hand over, settle, at the campaign's pace."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from customers import locks
from customers.backfill.refused import Refused
from customers.backfill.welcome.campaign import finish_if_over, pause
from customers.backfill.welcome.invitations import Invitations, invitations
from customers.backfill.welcome.mails import Claimed, claim_next, settle, settle_abandoned, skip
from customers.backfill.welcome.recipients import Reason
from customers.backfill.welcome.sample import sample_message
from customers.mail.composing import composed
from customers.mail.envelope import CustomerMail
from customers.mail.errors import CannotCompose, DeliveryError, Kind
from customers.mail.messages import welcome_message
from customers.models import User, WelcomeCampaign
from polaris import PolarisError
from polaris.probing import LINKS_UNKNOWN

SLICE_S = 8.0  # a job ends after this time; other jobs get the worker, and a stop waits no longer
HANDOVER_S = 1.5  # the time the queue may need to start the next job; taken from a pause, it slows nothing
CONNECT_S = 1.0  # what connecting and logging in may take
LOOK_S = 1.0  # how quickly a pause, a stop and another pace are heard while a batch is waited for
NAP_S = 0.2  # how quickly a request to stop is noticed


class Ended(StrEnum):
    """Why a sender stopped sending."""

    DONE = "done"
    MORE = "more"  # its time is up; the next one goes on
    WAITING = "waiting"  # the mail server put off whatever is left; the sweep comes back to it
    PAUSED = "paused"
    HELD = "held"  # another sender has it
    STOPPED = "stopped"  # was asked to


@dataclass(slots=True)
class Conditions:
    """How a sender is to run: for how long, on whose behalf, who may interrupt or watch it, and its time."""

    actor: str = "worker"
    slice_s: float = SLICE_S
    stop: Callable[[], bool] = lambda: False
    watch: Callable[[], None] = lambda: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def send_campaign(campaign_id: int, conditions: Conditions | None = None) -> Ended:
    """Send what is due of a campaign, for a slice of time; safe to call at any moment and often."""
    conditions = conditions or Conditions()
    try:
        return _send(campaign_id, conditions)
    except locks.SharedSession as shared:
        campaign = WelcomeCampaign.objects.select_related("run").get(pk=campaign_id)
        pause(campaign, conditions.actor, f"{shared} {shared.hint}")
        return Ended.PAUSED


def _send(campaign_id: int, conditions: Conditions) -> Ended:
    with locks.SENDER.held(campaign_id) as mine:
        if not mine:
            return Ended.HELD
        campaign = WelcomeCampaign.objects.select_related("run").get(pk=campaign_id)
        settle_abandoned(campaign, conditions.actor)
        try:
            with invitations() as links:
                return _Sender(campaign, conditions, links).run()
        except Refused as refused:
            pause(campaign, conditions.actor, f"{refused} {refused.hint}")
            return Ended.PAUSED
        except CannotCompose as error:
            pause(campaign, conditions.actor, str(error))
            return Ended.PAUSED


class _Sender:
    def __init__(self, campaign: WelcomeCampaign, conditions: Conditions, links: Invitations) -> None:
        self._campaign_id = campaign.pk
        self._links = links
        self._conditions = conditions
        self._deadline = conditions.clock() + conditions.slice_s
        self._connection: BaseEmailBackend = get_connection()
        # At the start, and after a pause: sends one more although time is up, as changing to another sender
        # now would lengthen the pause, while between two mails of a batch it costs nothing.
        self._fresh = True

    def run(self) -> Ended:
        try:
            while (ended := self._step()) is None:
                self._conditions.watch()
        finally:
            self._connection.close()
        return ended

    def _step(self) -> Ended | None:
        """Send one mail, or wait for the next batch; say why if that was the end."""
        campaign, wait_s = _look(self._campaign_id)
        if campaign.status != WelcomeCampaign.Status.RUNNING:
            return Ended.DONE if campaign.status == WelcomeCampaign.Status.DONE else Ended.PAUSED
        if self._conditions.stop():
            return Ended.STOPPED
        if wait_s > HANDOVER_S and campaign.put_offs:
            return Ended.WAITING
        if wait_s > 0:
            return self._wait(wait_s, ask_early=not campaign.refusals)
        if not self._fresh and self._left_s() <= 0:
            return Ended.MORE
        claimed = claim_next(campaign, self._conditions.actor, _prove)
        if claimed is None:
            return _nothing_claimed(campaign)
        self._send(campaign, claimed)
        self._fresh = False
        return None

    def _left_s(self) -> float:
        return self._deadline - self._conditions.clock()

    def _send(self, campaign: WelcomeCampaign, claimed: Claimed) -> None:
        """Send a claimed mail with its link, or write down why it has none."""
        actor = self._conditions.actor
        try:
            link = self._links.make(claimed, actor)
        except PolarisError as error:
            settle(campaign.pk, claimed.mail, _no_link(error), actor)
            if error.code == LINKS_UNKNOWN:
                pause(campaign, actor, str(error))
            return
        if isinstance(link, Reason):
            skip(campaign, claimed.mail, link, actor)
        else:
            settle(campaign.pk, claimed.mail, self._hand_over(claimed, link), actor)

    def _written(self, claimed: Claimed, link: str) -> CustomerMail:
        """Write the mail. If a template was changed since it was proven, put it back; raise CannotCompose."""
        mail, user = claimed.mail, claimed.user
        write = partial(
            welcome_message,
            user.email,
            user.display_name,
            link,
            claimed.expires_at,
            mail.link_ttl,
            mail.message_id,
            locale=user.locale,
            new_link_at=self._links.new_link_at,
            blocked_until=self._links.blocked_until(claimed),
            zone=mail.campaign.run.lago_timezone,
        )
        try:
            return composed(write)
        except CannotCompose:
            settle(
                self._campaign_id,
                mail,
                DeliveryError(Kind.BROKEN, "mail_not_written"),
                self._conditions.actor,
            )
            raise

    def _hand_over(self, claimed: Claimed, link: str) -> DeliveryError | None:
        message = self._written(claimed, link)
        try:
            self._connection.open()  # nothing, unless it is closed
            self._connection.send_messages([message])
        except DeliveryError as error:
            return error
        return None

    def _wait(self, wait_s: float, *, ask_early: bool) -> Ended | None:
        """Wait for the next batch, with the connection for it open in time, or leave it to another sender.

        Not `ask_early`: a server that refused us is asked once a try, as some lock out who asks more often.
        """
        now = self._conditions.clock()
        if wait_s > max(self._left_s(), HANDOVER_S) or (self._left_s() <= 0 and not self._fresh):
            self._nap_until(min(now + wait_s - HANDOVER_S, self._deadline))
            return Ended.MORE
        self._connection.close()
        if not ask_early:
            self._nap_until(now + wait_s)
        elif self._nap_until(now + wait_s - CONNECT_S):
            with suppress(DeliveryError):  # the first mail meets it again, and writes it down
                self._connection.open()
            self._nap_until(now + wait_s)
        self._fresh = True
        return None

    def _nap_until(self, then: float) -> bool:
        """Wait; False if a stop is asked for, or the campaign is paused or paced otherwise by now."""
        before, look_at = self._as_it_is(), self._conditions.clock() + LOOK_S
        while (left := then - self._conditions.clock()) > 0:
            if self._conditions.stop():
                return False
            self._conditions.sleep(min(left, NAP_S))
            if self._conditions.clock() >= look_at:
                if self._as_it_is() != before:
                    return False
                look_at = self._conditions.clock() + LOOK_S
        return True

    def _as_it_is(self) -> object:
        of = WelcomeCampaign.objects.filter(pk=self._campaign_id)
        return of.values_list("status", "batch_size", "delay_ms").first()


def _prove(user: User) -> None:
    """Raise CannotCompose unless the customer's mail can be written."""
    composed(partial(sample_message, user.email, user.display_name, locale=user.locale))


def _no_link(error: PolarisError) -> DeliveryError:
    """Say that the platform keeps the mail from going out, as a mail server that is broken does."""
    if error.down:
        return DeliveryError(Kind.BROKEN, "platform_unreachable")
    if error.code == LINKS_UNKNOWN:
        return DeliveryError(Kind.BROKEN, "platform_links_unknown")
    return DeliveryError(Kind.BROKEN, "platform_refused")


def _look(campaign_id: int) -> tuple[WelcomeCampaign, float]:
    """Read where the campaign stands, and how many seconds its next batch is away by PostgreSQL's clock."""
    wait = ExpressionWrapper(F("next_batch_at") - Now(), output_field=DurationField())
    campaign = WelcomeCampaign.objects.select_related("run").annotate(wait=wait).get(pk=campaign_id)
    return campaign, float(campaign.wait.total_seconds())  # type: ignore[attr-defined]


def _nothing_claimed(campaign: WelcomeCampaign) -> Ended | None:
    if finish_if_over(campaign.pk):
        return Ended.DONE
    return None if campaign.mails.due().exists() else Ended.WAITING
