"""Admin pages whose changes go to the audit log: by whom, to what, which fields, and never a value."""

from typing import Any

from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from auditlog.models import Event, record
from customers.admin.access import actor


class AuditedMixin:
    """Replaces Django's own history, which would keep names and values.

    Django calls `log_addition` and `log_change` inside the transaction that saves the object.
    """

    def audit_subject(self, obj: Any) -> str:
        return f"{obj._meta.model_name}:{obj.pk}"

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> None:
        self._note(request, obj, "added", [])

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> None:
        changed = message[0].get("changed", {}) if message and isinstance(message, list) else {}
        self._note(request, obj, "changed", changed.get("fields", []))

    def _note(self, request: HttpRequest, obj: Model, verb: str, fields: list[str]) -> None:
        event = Event(f"{obj._meta.model_name}.{verb}", self.audit_subject(obj), {"fields": fields})
        with transaction.atomic():
            record("admin", actor(request), [event])

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Show nothing of our own here: the audit log is the history."""
        return self.change_view(request, object_id)  # type: ignore[attr-defined, no-any-return]
