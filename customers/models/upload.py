"""Files that were uploaded in the admin: kept in the database, because web and worker may be two machines."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from customers.models.backfill import BackfillRun
from customers.models.people import User


class BackfillUploadQuerySet(models.QuerySet["BackfillUpload"]):
    def previews(self) -> "BackfillUploadQuerySet":
        return self.filter(run__isnull=True)

    def kept(self) -> "BackfillUploadQuerySet":
        """Return the previews whose time is not up."""
        now = timezone.now()
        since = now - BackfillUpload.LIFETIME
        return self.previews().filter(Q(created_at__gt=since) | Q(kept_until__gt=now))

    def without_content(self) -> "BackfillUploadQuerySet":
        """Leave the file and its preview in the database: they are megabytes."""
        return self.defer("data", "preview")


class BackfillUpload(models.Model):
    """A file with the options chosen for it: first a preview, then, once confirmed, the input of a run.

    It holds people's data, so it is deleted when its run has ended, or after an hour without a run in
    which nobody works with it: `created_at` is when it was uploaded, or last planned anew on its preview.
    One that waits for approval, or has it, is kept longer.
    """

    LIFETIME = timedelta(hours=1)

    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    data = models.BinaryField()
    options = models.JSONField(default=dict)
    mapping = models.TextField(
        blank=True, default="", help_text="The text of the mapping through which it is read"
    )
    uploaded_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    kept_until = models.DateTimeField(null=True, blank=True, help_text="If that is later")
    makers = models.JSONField(default=list, blank=True, help_text="Who else has changed what it would do")
    preview = models.BinaryField(blank=True, default=b"", help_text="What a run would do; no personal data")
    run = models.OneToOneField(
        BackfillRun, null=True, blank=True, on_delete=models.CASCADE, related_name="upload"
    )
    rows = models.PositiveIntegerField(default=0)
    # Tells a file that kills its worker from one whose worker was killed: back to 0 whenever it gets on.
    attempts = models.PositiveSmallIntegerField(default=0)

    objects = BackfillUploadQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["created_at"], name="customers_upload_by_age"),  # what can be forgotten
        ]

    def __str__(self) -> str:
        return str(self.token)

    @property
    def actor(self) -> str:
        return f"staff:{self.uploaded_by_id}"

    def is_expired(self) -> bool:
        return self.run_id is None and timezone.now() > self.expires_at

    @property
    def expires_at(self) -> datetime:
        """Return when the file is forgotten, if nobody works with it."""
        usual = self.created_at + self.LIFETIME
        return max(usual, self.kept_until) if self.kept_until else usual
