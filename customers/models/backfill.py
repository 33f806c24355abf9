"""The ledger: what each run meant to make, what it made, and what it found already there."""

import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models.people import IdTagMapping, User
from kernel import as_login, columns
from kernel.columns import Day


def email_digest(run_id: str, email: str) -> str:
    """Make what a row keeps of an address: enough to see that it was changed, salted by the run."""
    return hashlib.sha256(f"{run_id}:{as_login(email)}".encode()).hexdigest()


def moved_to(more: Mapping[str, Any], start_date: date | None, starts: datetime | None) -> date | None:
    """Return the day on which a subscription starts where that is not `start_date`, the file's.

    Only a start after the last day billed is moved: its instant then lies after that day's beginning.
    """
    name = columns.BILLED_UNTIL.name
    if name not in more or start_date is None or starts is None:
        return None
    until: Day = columns.from_json(more)[name]
    is_moved = start_date <= until.day and starts > until.begins
    return until.day + timedelta(days=1) if is_moved else None


class BackfillRunQuerySet(models.QuerySet["BackfillRun"]):
    def unfinished(self) -> "BackfillRunQuerySet":
        return self.filter(status__in=BackfillRun.UNFINISHED)

    def over(self, sha256: str) -> "BackfillRunQuerySet":
        return self.filter(input_sha256=sha256)


class BackfillRun(models.Model):
    """One execution over one file, perhaps over several attempts."""

    class Status(models.TextChoices):
        QUEUED = "queued"  # confirmed in the admin, waiting for the worker
        RUNNING = "running"
        PAUSED = "paused"  # by hand: it let the lock go, and plans anew when it is resumed
        CANARY = "canary"  # its first customers are in; the rest waits for somebody's word
        INTERRUPTED = "interrupted"
        FAILED = "failed"  # stopped by the breaker, or not one row went in
        PARTIAL = "partial"  # some rows went in, some did not
        SUCCEEDED = "succeeded"
        ABANDONED = "abandoned"  # --new-run was preferred to continuing it
        REVERTING = "reverting"
        REVERTED = "reverted"

    # The same file again continues these.
    UNFINISHED = (
        Status.QUEUED, Status.RUNNING, Status.PAUSED, Status.CANARY,
        Status.INTERRUPTED, Status.FAILED, Status.PARTIAL,
    )  # fmt: skip

    run_id = models.CharField(max_length=24, unique=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.RUNNING)
    reason = models.CharField(max_length=300, blank=True, default="", help_text="Why it stopped")
    actor = models.CharField(max_length=150)
    input_name = models.CharField(max_length=255)
    input_sha256 = models.CharField(max_length=64)
    input_rows = models.PositiveIntegerField(
        null=True, blank=True, help_text="Rows of the file; a run of version 1.0 does not know it"
    )
    options = models.JSONField(default=dict)
    lago_organization_id = models.CharField(max_length=64)
    lago_organization_name = models.CharField(max_length=255)
    lago_url = models.CharField(max_length=300)
    lago_version = models.CharField(max_length=64, blank=True, default="")
    lago_timezone = models.CharField(max_length=64, blank=True, default="")  # of its billing entity
    # Which one of its kind each other system was, by the key of the system.
    world = models.JSONField(default=dict, blank=True)
    # Of a revert of chosen customers that has begun and is not through: the run stays what it is meanwhile.
    taking_back = models.JSONField(default=list, blank=True, help_text="External ids of those who are going")
    stop_requested = models.BooleanField(default=False)
    pause_requested = models.BooleanField(default=False)
    paused_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when it, or its revert, is paused"
    )
    asked_by = models.CharField(
        max_length=150, blank=True, default="", help_text="Who asked last to stop or to pause it"
    )
    # What was chosen while it worked, over its options: calls to Lago per second, and how many at once.
    pace = models.JSONField(default=dict, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True, help_text="When it is to begin, while it waits")
    starts_zone = models.CharField(max_length=64, blank=True, default="", help_text="In which that was said")
    started_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True, help_text="Last batch that was settled")
    finished_at = models.DateTimeField(null=True, blank=True)
    # Left by a process that began and did not say how it ended: then it has died, if nobody is at the run.
    at_work_since = models.DateTimeField(null=True, blank=True, help_text="Since when somebody is at it")
    at_work_by = models.CharField(max_length=150, blank=True, default="", help_text="Who is at it")
    active_s = models.FloatField(default=0, help_text="Seconds spent importing, over all attempts")

    objects = BackfillRunQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = [
            ("run_backfill", "Can preview and run imports"),
            ("revert_backfill", "Can revert runs"),
            ("send_welcome", "Can send welcome mails"),
            ("approve_backfill", "Can approve imports of others"),
            ("control_backfill", "Can pause, resume, stop and pace what is at work"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["input_sha256"],
                condition=Q(status__in=[
                    "queued", "running", "paused", "canary", "interrupted", "failed", "partial",
                ]),
                name="customers_run_one_unfinished_per_file",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[
                    "queued", "running", "paused", "canary", "interrupted", "failed", "partial",
                    "succeeded", "abandoned", "reverting", "reverted",
                ]),
                name="customers_run_status_known",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.run_id

    @property
    def steve_url(self) -> str:
        return str(self.world.get("steve", ""))

    @property
    def audit_tag(self) -> str:
        return f"backfill:{self.run_id}"


class BackfillRow(models.Model):
    """One input row. The person's data stay in `User` and in the operator's file."""

    class Outcome(models.TextChoices):
        PENDING = "", "pending"
        CREATED = "created"
        COMPLETED = "completed"
        SKIPPED = "skipped"
        FAILED = "failed"

    # Its rows are found by line, so an index of its own would only have to be kept up.
    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="rows", db_index=False)
    line = models.PositiveIntegerField()
    external_id = models.CharField(max_length=255, blank=True)
    plan_code = models.CharField(max_length=255, blank=True)
    start_date = models.DateField(null=True, blank=True)
    subscription_at = models.DateTimeField(null=True, blank=True)
    more = models.JSONField(default=dict, blank=True, help_text="Values of the optional columns")
    # Tells that the address was changed after the run, without keeping it: salted by the run.
    email_digest = models.CharField(max_length=64, blank=True, default="")
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="backfill_rows"
    )
    mapping = models.ForeignKey(
        IdTagMapping, null=True, blank=True, on_delete=models.SET_NULL, related_name="backfill_rows"
    )
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.PENDING, blank=True)
    problems = models.JSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("run_id", "line")
        constraints = [
            models.UniqueConstraint(fields=["run", "line"], name="customers_row_one_per_line"),
            models.CheckConstraint(
                condition=Q(outcome__in=["", "created", "completed", "skipped", "failed"]),
                name="customers_row_outcome_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["external_id"], name="customers_row_by_external_id"
            ),  # what earlier runs made
            models.Index(fields=["run", "outcome"], name="customers_row_by_outcome"),  # counts of a run
        ]

    def __str__(self) -> str:
        return f"line {self.line}"

    @property
    def moved_to(self) -> date | None:
        return moved_to(self.more, self.start_date, self.subscription_at)

    @property
    def starts_on(self) -> date | None:
        return self.moved_to or self.start_date


class BackfillStep(models.Model):
    """One thing that a row asks for. `intended` is committed before the remote call, the result after it."""

    class State(models.TextChoices):
        PLANNED = "planned"
        INTENDED = "intended"  # perhaps done: to be settled by looking
        CREATED = "created"
        ADOPTED = "adopted"
        SHARED = "shared"  # another row of the run has it
        FAILED = "failed"
        REMOVED = "removed"
        KEPT = "kept"

    # Steps are found by their row, or by row and name: one index does for both, and each write keeps it up.
    row = models.ForeignKey(BackfillRow, on_delete=models.CASCADE, related_name="steps", db_index=False)
    name = models.CharField(max_length=40)  # of a step, connected now or not
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    ref = models.CharField(
        max_length=300, blank=True, default="", help_text="The system's own id of the thing"
    )
    undo = models.JSONField(default=dict, blank=True, help_text="What a removal must know")
    code = models.CharField(max_length=40, blank=True, default="")
    intended_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("row_id", "id")
        constraints = [
            models.UniqueConstraint(fields=["row", "name"], name="customers_step_once_per_row"),
            models.CheckConstraint(
                condition=Q(state__in=[
                    "planned", "intended", "created", "adopted", "shared", "failed", "removed", "kept",
                ]),
                name="customers_step_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state="created") | ~Q(ref=""), name="customers_step_created_is_known_by_ref"
            ),
            models.CheckConstraint(
                condition=~Q(state="intended") | Q(intended_at__isnull=False),
                name="customers_step_intended_says_when",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} {self.state}"


class RunCalls(models.Model):
    """How many calls a run made to a system, its reverts and repairs included, for whoever watches it."""

    run = models.ForeignKey(BackfillRun, on_delete=models.CASCADE, related_name="calls")
    system = models.CharField(max_length=20, help_text="The key of a system: lago, steve, polaris")
    calls = models.PositiveBigIntegerField(default=0, help_text="Tries, repetitions included")
    errors = models.PositiveBigIntegerField(default=0, help_text="Of them, where the system was at fault")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["run", "system"], name="customers_calls_once_per_system"),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.calls}"
