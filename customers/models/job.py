"""Work on a run that somebody asked for in the admin, and that the worker does."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models.backfill import BackfillRun


class RunJobQuerySet(models.QuerySet["RunJob"]):
    def unfinished(self) -> "RunJobQuerySet":
        return self.filter(status__in=RunJob.UNFINISHED)


class RunJob(models.Model):
    """Something asked for in the admin and done by the worker, and its result for people to read."""

    class Kind(models.TextChoices):
        RECONCILE = "reconcile"
        REVERT_PREVIEW = "revert_preview"
        REVERT = "revert"
        SETTLE = "settle"  # wait for the platform's sync after an import or a revert, and look
        VERIFY = "verify"
        CHARGE = "charge"  # verify, and a charging session, which is billed
        REPAIR_PREVIEW = "repair_preview"
        REPAIR = "repair"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        REFUSED = "refused"  # could not begin, or must not; `reason` says why
        STOPPED = "stopped"  # can be continued

    UNFINISHED = (Status.QUEUED, Status.RUNNING)

    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=16, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    reason = models.CharField(max_length=500, blank=True, default="")
    actor = models.CharField(max_length=150)
    options = models.JSONField(default=dict, blank=True)
    result = models.JSONField(default=dict, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunJobQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        constraints = [
            # Two clicks, or two people, are one job.
            models.UniqueConstraint(
                fields=["run", "kind"],
                condition=Q(status__in=("queued", "running")),
                name="customers_job_one_unfinished_of_a_kind",
            ),
            # Test sessions share charge boxes and cards: one at a time, whatever run it is for.
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(kind="charge", status__in=("queued", "running")),
                name="customers_job_one_test_session",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("queued", "running", "done", "refused", "stopped")),
                name="customers_job_status_known",
            ),
        ]
        indexes = [
            models.Index(fields=["run", "kind", "-id"], name="customers_job_latest"),  # the last of each kind
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"

    @property
    def is_over(self) -> bool:
        return self.status not in self.UNFINISHED
