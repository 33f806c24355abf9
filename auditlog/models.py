"""What was done, by whom, to what: written once, never changed.

PostgreSQL itself refuses UPDATE, DELETE and TRUNCATE on this table (see the migrations), so not even a
superuser of the admin can rewrite history by accident.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, models
from django.utils import timezone


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
    """Write audit entries; call it inside the transaction that makes the change.

    One statement, as there are several for each row of a run: `bulk_create` spends ten times as long on it.
    """
    told = [{"action": one.action, "subject": one.subject, "data": dict(one.data)} for one in events]
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO auditlog_auditentry (at, tag, actor, action, subject, data)"
            " SELECT %s, %s, %s, action, subject, data"
            " FROM json_to_recordset(%s::json) AS new(action text, subject text, data jsonb)",
            [timezone.now(), tag, actor, json.dumps(told)],
        )
