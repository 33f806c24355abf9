"""What became of a preview. Its file is forgotten; the audit log knows, by the preview's number."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from auditlog.models import AuditEntry, Event, record
from customers.models import BackfillRun, BackfillUpload

CONFIRMED, DISCARDED, OPENED = "preview.confirmed", "preview.discarded", "preview.opened"


@dataclass(frozen=True, slots=True)
class End:
    """`run` is what a confirmed preview became; None of one that was discarded."""

    entry: AuditEntry
    run: BackfillRun | None


def note_confirmed(upload: BackfillUpload, run: BackfillRun) -> None:
    record(run.audit_tag, upload.actor, [Event(CONFIRMED, subject_of(upload.pk), {"run": run.run_id})])


def note_discarded(token: UUID, actor: str) -> None:
    record("admin", actor, [Event(DISCARDED, subject_of(token))])


@transaction.atomic
def note_opened(token: UUID, actor: str) -> None:
    """Write down, once for each person, that somebody looks into a preview of somebody else."""
    known = AuditEntry.objects.filter(subject=subject_of(token), action=OPENED, actor=actor)
    if not known.exists():
        record("admin", actor, [Event(OPENED, subject_of(token))])


def end_of(token: UUID) -> End | None:
    """Return how a preview ended; None of one that is open, expired or never was."""
    ends = AuditEntry.objects.filter(subject=subject_of(token), action__in=(CONFIRMED, DISCARDED))
    entry = ends.order_by("-id").first()
    if entry is None:
        return None
    return End(entry, BackfillRun.objects.filter(run_id=entry.data.get("run", "")).first())


def subject_of(token: UUID) -> str:
    """Name a preview in the audit log."""
    return f"preview:{token}"
