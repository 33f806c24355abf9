"""Welcome mails: who is to get one, who got one, and the pace at which they go out."""

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from customers.models.backfill import BackfillRun
from customers.models.people import User


class WelcomeCampaignQuerySet(models.QuerySet["WelcomeCampaign"]):
    def active(self) -> "WelcomeCampaignQuerySet":
        return self.filter(status__in=WelcomeCampaign.ACTIVE)

    def running(self) -> "WelcomeCampaignQuerySet":
        return self.filter(status=WelcomeCampaign.Status.RUNNING)


class WelcomeCampaign(models.Model):
    """The mails of one run that were asked for at once. At most one of a run is active.

    The position in the batch and the start of the next one are here and not in a process, by the
    database's clock, so the pace holds over crashes, restarts and several machines.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"  # by a person, or by the breaker; `reason` says which
        DONE = "done"

    ACTIVE = (Status.RUNNING, Status.PAUSED)

    run = models.ForeignKey(BackfillRun, on_delete=models.PROTECT, related_name="welcome_campaigns")
    status = models.CharField(max_length=8, choices=Status, default=Status.RUNNING)
    reason = models.CharField(
        max_length=300, blank=True, default="", help_text="Why it is paused, or put off"
    )
    actor = models.CharField(max_length=150)
    batch_size = models.PositiveIntegerField()
    delay_ms = models.PositiveIntegerField(help_text="Between two batches")
    left_out = models.JSONField(default=dict, help_text="Customers that were not queued, counted by reason")
    batch_sent = models.PositiveIntegerField(default=0, help_text="Handed over in the batch under way")
    next_batch_at = models.DateTimeField(db_default=Now())
    refusals = models.PositiveSmallIntegerField(
        default=0, help_text="In a row, of the mail server as a whole"
    )
    streak = models.JSONField(
        default=dict, blank=True, help_text="Mails that were refused, or put off, one after the other"
    )
    put_offs = models.PositiveSmallIntegerField(
        default=0, help_text="In a row, of the mail server as a whole, which is asked again by itself"
    )
    links_proven_at = models.DateTimeField(
        null=True, blank=True, help_text="When the platform was last seen to understand our links"
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = WelcomeCampaignQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["run"],
                condition=Q(status__in=("running", "paused")),
                name="customers_campaign_one_active_per_run",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("running", "paused", "done")), name="customers_campaign_status_known"
            ),
            models.CheckConstraint(
                condition=Q(batch_size__gte=1), name="customers_campaign_batch_has_a_size"
            ),
        ]

    def __str__(self) -> str:
        return f"welcome {self.run.run_id}"


class WelcomeMailQuerySet(models.QuerySet["WelcomeMail"]):
    def open(self) -> "WelcomeMailQuerySet":
        return self.filter(state__in=(WelcomeMail.State.QUEUED, WelcomeMail.State.SENDING))

    def due(self) -> "WelcomeMailQuerySet":
        return self.filter(Q(not_before=None) | Q(not_before__lte=Now()), state=WelcomeMail.State.QUEUED)

    def with_a_link(self) -> "WelcomeMailQuerySet":
        """Select those whose link may be in somebody's inbox."""
        return self.filter(link_revoked_at=None).exclude(claimed_at=None)


class WelcomeMail(models.Model):
    """One customer's mail. `sending` is committed before the mail is handed over, the outcome after it.

    A sender that dies in between leaves `unknown`: perhaps the customer has the mail, so it is never
    sent again by itself.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SKIPPED = "skipped"  # queued, but no longer wanted when its turn came

    campaign = models.ForeignKey(WelcomeCampaign, on_delete=models.CASCADE, related_name="mails")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="welcome_mails"
    )
    external_id = models.CharField(max_length=255)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    code = models.CharField(max_length=60, blank=True, default="", help_text="Why it is not sent")
    deferrals = models.PositiveSmallIntegerField(default=0, help_text="How often we were told: later")
    not_before = models.DateTimeField(null=True, blank=True)
    holds = models.PositiveSmallIntegerField(
        default=0, help_text="How often it went back to the queue, as the server took nobody's mail"
    )
    held_at = models.DateTimeField(null=True, blank=True)
    message_id = models.CharField(
        max_length=255, blank=True, default="", help_text="As in the mail server's log"
    )
    claimed_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="When the link in it expires")
    link_revoked_at = models.DateTimeField(null=True, blank=True)

    objects = WelcomeMailQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["campaign", "user"], name="customers_mail_one_per_customer"),
            models.CheckConstraint(
                condition=Q(state__in=("queued", "sending", "sent", "failed", "unknown", "skipped")),
                name="customers_mail_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("sending", "sent", "unknown"))
                | (Q(claimed_at__isnull=False) & Q(expires_at__isnull=False) & ~Q(message_id="")),
                name="customers_mail_handed_over_can_be_found",
            ),
            models.CheckConstraint(
                condition=~Q(state="sent") | Q(sent_at__isnull=False), name="customers_mail_sent_says_when"
            ),
        ]
        indexes = [
            models.Index(
                fields=["campaign", "state", "id"], name="customers_mail_next"
            ),  # the next to send; counts
        ]

    def __str__(self) -> str:
        return f"{self.external_id} {self.state}"

    @property
    def link_ttl(self) -> timedelta:
        """How long the link lives, counted from sending, as it was configured then."""
        if self.claimed_at is None or self.expires_at is None:
            return timedelta(0)
        return self.expires_at - self.claimed_at

    def link_is_live(self, now: Any) -> bool:
        return self.link_revoked_at is None and self.expires_at is not None and self.expires_at > now


class PlatformLinkQuerySet(models.QuerySet["PlatformLink"]):
    def standing(self) -> "PlatformLinkQuerySet":
        """Select those that may still be in the platform's database."""
        return self.filter(revoked_at=None)

    def dead(self) -> "PlatformLinkQuerySet":
        """Select those that are to go from there, as their mail's link was revoked."""
        return self.standing().exclude(mail__link_revoked_at=None)


class PlatformLink(models.Model):
    """A link of a mail to the platform's own sign-in, known by the hash of its token, which is kept nowhere.

    It is committed before the link is written there, and `revoked_at` after it was deleted there. So whatever
    a killed process left can be found and deleted.
    """

    mail = models.ForeignKey(WelcomeMail, on_delete=models.CASCADE, related_name="platform_links")
    hash = models.CharField(max_length=43)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = PlatformLinkQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["hash"], name="customers_platform_link_hash_unique"),
            models.CheckConstraint(condition=~Q(hash=""), name="customers_platform_link_has_a_hash"),
        ]

    def __str__(self) -> str:
        return self.hash[:8]
