"""What signing in leaves in the audit log: for ever, and strangers can cause it, so each kind has a bound."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from auditlog.models import AuditEntry, Event, record

TAG = "sign-in"
ANYBODY = "anonymous"


def note(actor: str, action: str, subject: str, data: Mapping[str, Any] | None = None) -> None:
    record(TAG, actor, [Event(action, subject, data or {})])


def note_once(action: str, subject: str, window: timedelta) -> None:
    """Note what can be repeated at any speed by anybody: once per window."""
    noted = AuditEntry.objects.filter(subject=subject, action=action, at__gt=Now() - window)
    if not noted.exists():
        note(ANYBODY, action, subject)
