"""Plans that somebody else has to look at before they may be imported, and what was decided on them."""

from datetime import timedelta

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from customers.models.backfill import BackfillRun
from customers.models.upload import BackfillUpload


class PlanApprovalQuerySet(models.QuerySet["PlanApproval"]):
    def without_facts(self) -> "PlanApprovalQuerySet":
        """Leave the rows of the plan in the database: they may be megabytes."""
        return self.defer("facts")

    def fresh(self) -> "PlanApprovalQuerySet":
        """Leave out what nobody has used within its time."""
        at = Coalesce(F("decided_at"), F("asked_at"))
        return self.annotate(at=at).filter(run=None, at__gt=timezone.now() - PlanApproval.LIFETIME)

    def waiting(self) -> "PlanApprovalQuerySet":
        return self.fresh().filter(status=PlanApproval.Status.WAITING)

    def approved_over(self, sha256: str, run: BackfillRun | None) -> "PlanApprovalQuerySet":
        """Return what an import of this file may go by: what its run began by first, then the newest."""
        found = self.filter(sha256=sha256, status=PlanApproval.Status.APPROVED)
        fresh = Q(pk__in=found.fresh().values("pk"))
        held = Q(run=run) if run is not None and run.pk else Q(pk__in=())
        return found.filter(fresh | held).order_by(F("run").asc(nulls_last=True), "-pk")

    def held_by(self, run: BackfillRun) -> "PlanApprovalQuerySet":
        """Return what a run was imported by, the last first: mostly one."""
        return self.without_facts().filter(run=run, status=PlanApproval.Status.APPROVED)


class PlanApproval(models.Model):
    """One plan that waits for somebody's word, or has it: of a preview, or saved at the terminal.

    It holds for one run. Its rows hold no personal data: external_ids, codes, days and amounts.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        APPROVED = "approved"
        DECLINED = "declined"
        WITHDRAWN = "withdrawn"  # the preview was changed, or discarded

    OPEN = (Status.WAITING, Status.APPROVED)
    LIFETIME = timedelta(hours=24)  # after it was asked for, and again after it was given

    status = models.CharField(max_length=10, choices=Status, default=Status.WAITING)
    digest = models.CharField(max_length=64, help_text="SHA-256 of all that is approved")
    facts = models.BinaryField(help_text="All that is approved, packed")
    sha256 = models.CharField(max_length=64, help_text="Of the file")
    name = models.CharField(max_length=255, help_text="Of the file")
    counts = models.JSONField(default=dict, help_text="Rows by what is done with them")
    sums = models.JSONField(default=dict, help_text="By name: how many, and how much money")
    upload = models.ForeignKey(
        BackfillUpload, null=True, blank=True, on_delete=models.SET_NULL, related_name="approvals"
    )
    run = models.ForeignKey(
        BackfillRun, null=True, blank=True, on_delete=models.CASCADE, related_name="approvals"
    )
    asked_by = models.CharField(max_length=150)
    asked_at = models.DateTimeField(default=timezone.now)
    makers = models.JSONField(default=list, help_text="Who has made the plan what it is; none approves it")
    decided_by = models.CharField(max_length=150, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True, default="", help_text="Why it was declined")

    objects = PlanApprovalQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ()
        constraints = [
            # Two clicks, or two people, ask once.
            models.UniqueConstraint(
                fields=["upload"],
                condition=Q(status__in=("waiting", "approved")),
                name="customers_approval_one_open_per_preview",
            ),
            models.CheckConstraint(
                condition=Q(status__in=("waiting", "approved", "declined", "withdrawn")),
                name="customers_approval_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("approved", "declined"))
                | (~Q(decided_by="") & Q(decided_at__isnull=False)),
                name="customers_approval_says_who_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["sha256", "status"], name="customers_approval_by_file"),  # before an import
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in self.OPEN

    @property
    def subject(self) -> str:
        """Name it in the audit log."""
        return f"plan:{self.digest[:16]}"
