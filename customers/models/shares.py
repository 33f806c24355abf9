"""A run that several workers do together: its shares, who has which, and what the workers have in common."""

from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models.backfill import BackfillRun


class SharedRun(models.Model):
    """What the workers of a run have in common while it is done in shares."""

    run = models.OneToOneField(BackfillRun, on_delete=models.CASCADE, primary_key=True, related_name="shared")
    is_revert = models.BooleanField(default=False, help_text="It is taken back, not brought in")
    # While it is, nothing else may be imported or reverted. Not while it is paused.
    is_at_work = models.BooleanField(default=True)
    actor = models.CharField(max_length=150)
    kept = models.JSONField(default=dict, help_text="What every worker has to know of it")
    # Why all of them are to end: `reason`, and `broken` if what was asked for fails again and again.
    halted = models.JSONField(default=dict, blank=True)
    in_a_row = models.JSONField(default=dict, blank=True, help_text="Rows that failed last, by step")
    counts = models.JSONField(default=dict, blank=True, help_text="Things of a revert, by outcome")
    refused = models.JSONField(default=dict, blank=True, help_text="Why a worker does not take part")
    opened_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["is_at_work"], condition=Q(is_at_work=True), name="customers_shared_one_at_work"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.run_id} in shares"


class CallSlots(models.Model):
    """When the next call of a run to Lago may begin, whichever worker makes it."""

    run = models.OneToOneField(
        BackfillRun, on_delete=models.CASCADE, primary_key=True, related_name="call_slots"
    )
    rate = models.FloatField(default=0, help_text="Calls per second; 0: no limit")
    next_at = models.DateTimeField(db_default=Now())
    held_until = models.DateTimeField(db_default=Now(), help_text="Lago asked to wait for so long")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.rate:g} calls per second"


class RunShare(models.Model):
    """Some customers of a run, whole. A share without a token is free, and so is one whose lease is over."""

    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="shares")
    number = models.PositiveIntegerField()
    rows = models.PositiveIntegerField()
    first_line = models.PositiveIntegerField()
    last_line = models.PositiveIntegerField()
    content = models.BinaryField(help_text="What was planned of it, packed and signed; blank once it is done")
    token = models.UUIDField(null=True, blank=True, help_text="Of whoever has it")
    worker = models.CharField(max_length=100, blank=True, default="", help_text="Who has it, or had it")
    lease_until = models.DateTimeField(null=True, blank=True)
    claimed_at = models.DateTimeField(null=True, blank=True)
    claims = models.PositiveIntegerField(default=0, help_text="How often somebody began with it")
    deaths = models.PositiveIntegerField(default=0, help_text="Of workers over it, one after the other")
    left_by = models.CharField(max_length=100, blank=True, default="", help_text="Whose lease ended")
    done_rows = models.PositiveIntegerField(default=0, help_text="Of them, by who has it")
    # Of a revert: what failed is not tried again by who takes the share up after a dead one.
    failed = models.JSONField(default=list, blank=True, help_text="Keys of the rows that failed")
    is_done = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        ordering = ("run_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="customers_share_once_per_number"),
            models.CheckConstraint(
                condition=Q(token__isnull=True) | Q(lease_until__isnull=False),
                name="customers_share_had_has_a_lease",
            ),
        ]
        indexes = [
            models.Index(
                fields=["run", "number"], condition=Q(is_done=False), name="customers_share_left"
            ),  # the next free one
        ]

    def __str__(self) -> str:
        return f"lines {self.first_line} to {self.last_line}"


class RunLogPart(models.Model):
    """Some lines of a log of a run in shares; their numbers are in the order of settling."""

    class Log(models.TextChoices):
        RUN = "run"
        MANIFEST = "manifest"  # of its revert

    log = models.CharField(max_length=10, choices=Log, default=Log.RUN)
    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="log_parts")
    text = models.TextField()

    class Meta:
        default_permissions = ()
        ordering = ("run_id", "id")

    def __str__(self) -> str:
        return self.text[:40]


class WorkerSeen(models.Model):
    """A process of a worker, which touches its row while it lives."""

    LATELY, KEPT = timedelta(seconds=15), timedelta(hours=1)

    name = models.CharField(max_length=100, primary_key=True, help_text="Its machine and its number there")
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["seen_at"], name="customers_worker_by_age")]  # who lives

    def __str__(self) -> str:
        return self.name

    @classmethod
    def number_alive(cls) -> int:
        return cls.objects.filter(seen_at__gt=Now() - cls.LATELY).count()

    @classmethod
    def forget_old(cls) -> None:
        cls.objects.filter(seen_at__lt=Now() - cls.KEPT).delete()
