"""What was done, by whom, to what: written once, never changed.

PostgreSQL itself refuses UPDATE, DELETE and TRUNCATE on this table (see the migrations), so not even a
superuser of the admin can rewrite history by accident.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that was done. `data` must be free of personal data, tokens and keys."""

    action: str
    subject: str
    data: Mapping[str, Any] = field(default_factory=dict)


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def tagged(self, tag: str) -> "AuditEntryQuerySet":
        return self.filter(tag=tag)


class AuditEntry(models.Model):
    at = models.DateTimeField(auto_now_add=True)
    tag = models.CharField(max_length=64, help_text="backfill:<run-id>, or the part of the product")
    actor = models.CharField(max_length=150, help_text="cli:<login>, staff:<id>, worker, or customer:<id>")
    action = models.CharField(max_length=64)
    subject = models.CharField(max_length=300, help_text="kind:key of what was acted on")
    data = models.JSONField(default=dict, blank=True)

    objects = AuditEntryQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["tag", "id"], name="auditlog_by_tag"),  # the audit trail of a run
            models.Index(fields=["subject", "id"], name="auditlog_by_subject"),  # … of a customer
            models.Index(fields=["action", "at"], name="auditlog_by_action"),  # the admin's filters
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(tag="") & ~models.Q(actor="") & ~models.Q(action=""),
                name="auditlog_entry_says_who_did_what",
            )
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.subject}"


def record(tag: str, actor: str, events: Iterable[Event]) -> None:
    """Write audit entries; call it inside the transaction that makes the change."""
    AuditEntry.objects.bulk_create(
        [
            AuditEntry(
                tag=tag, actor=actor, action=event.action, subject=event.subject, data=dict(event.data)
            )
            for event in events
        ],
        batch_size=1000,
    )
