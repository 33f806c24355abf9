"""What is to be told when something is over: to whoever started it by mail, to a program by a webhook."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models.backfill import BackfillRun
from customers.models.people import User


class NoticeQuerySet(models.QuerySet["Notice"]):
    def waiting(self) -> "NoticeQuerySet":
        return self.filter(state=Notice.State.WAITING)

    def due(self) -> "NoticeQuerySet":
        return self.waiting().filter(next_try_at__lte=Now())


class Notice(models.Model):
    """One event for one receiver. It is written with the change that it tells of, in one transaction.

    Who is to deliver it claims it by moving `next_try_at` on, so one that dies over it leaves it to be tried
    again. All times that decide are PostgreSQL's.
    """

    class Channel(models.TextChoices):
        WEBHOOK = "webhook"
        MAIL = "mail"

    class State(models.TextChoices):
        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    key = models.UUIDField(
        default=uuid4, editable=False, help_text="Of the event: the same for all receivers"
    )
    event = models.CharField(max_length=40)
    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="notices")
    actor = models.CharField(max_length=150, help_text="Who did what it tells of, as in the audit log")
    channel = models.CharField(max_length=8, choices=Channel)
    user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who gets the mail",
    )
    payload = models.JSONField(help_text="What is told; of people, numbers only")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(db_default=Now())
    code = models.CharField(max_length=60, blank=True, default="", help_text="Why the last try failed")
    created_at = models.DateTimeField(db_default=Now())
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(channel__in=("webhook", "mail")), name="customers_notice_channel_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "delivered", "given_up")),
                name="customers_notice_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="delivered") | Q(delivered_at__isnull=False),
                name="customers_notice_delivered_says_when",
            ),
        ]
        indexes = [
            models.Index(  # what is due, which is asked for every minute
                fields=["next_try_at"], condition=Q(state="waiting"), name="customers_notice_due"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} by {self.channel}"
