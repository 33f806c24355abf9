"""What the service remembers about itself: who asks too often, and when a worker was last alive."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ThrottleMark(models.Model):
    """One try of one bucket (an address or a client, as a keyed digest), kept as long as its window."""

    bucket = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(fields=["bucket", "at"], name="customers_throttle_by_bucket"),  # tries in the window
            models.Index(fields=["at"], name="customers_throttle_by_age"),  # what can be forgotten
        ]

    def __str__(self) -> str:
        return self.bucket[:8]


class WorkerBeat(models.Model):
    """A single row that every worker process touches while it lives."""

    LATELY = timedelta(seconds=15)

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="customers_worker_beat_is_one_row")]

    def __str__(self) -> str:
        return f"{self.seen_at:%Y-%m-%dT%H:%M:%SZ}"

    @classmethod
    def last(cls) -> datetime | None:
        """Return when a worker last said that it lives; None if none ever did."""
        return cls.objects.values_list("seen_at", flat=True).first()

    @classmethod
    def is_fresh(cls) -> bool:
        return cls.objects.filter(seen_at__gt=Now() - cls.LATELY).exists()
