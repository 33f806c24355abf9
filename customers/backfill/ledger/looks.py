"""What has become of a run since somebody looked at it: to reconcile, to verify, or before a revert."""

from datetime import datetime
from enum import StrEnum

from django.db.models import Max, Q

from auditlog.models import AuditEntry
from customers.models import BackfillRun, RunJob

Kind, Status, RunStatus = RunJob.Kind, RunJob.Status, BackfillRun.Status
BY_HAND = ("customer.changed", "idtagmapping.changed")  # what people do on the pages of a customer and a card
TAKEN_BACK = (RunStatus.REVERTING, RunStatus.REVERTED)


class Since(StrEnum):
    NOTHING = "nothing"
    WRITTEN = "written"  # rows of the run, by an import that went on
    REVERTED = "reverted"  # or a revert has begun
    EDITED = "edited"  # a customer or a card of the run, here and by hand

    @property
    def told(self) -> str:
        return _TOLD[self]


_TOLD = {
    Since.NOTHING: "",
    Since.WRITTEN: "The run has changed since",
    Since.REVERTED: "It was reverted since",
    Since.EDITED: "A customer or a card of the run was changed here since",
}


def since(run: BackfillRun, look: RunJob, *, by_hand: bool = False) -> Since:
    """Return what became of a run since a look at it was asked for: what it says is of before that.

    `by_hand`: of customers and cards, too, which decide what a reconcile finds.
    """
    if not look.is_over:
        return Since.NOTHING
    was_written = any(at is not None and look.created_at < at for at in _written_at(run))
    if run.status == RunStatus.REVERTING or (was_written and run.status in TAKEN_BACK):
        return Since.REVERTED
    if was_written:
        return Since.WRITTEN
    return Since.EDITED if by_hand and _is_edited(run, look.created_at) else Since.NOTHING


def _written_at(run: BackfillRun) -> list[datetime | None]:
    """Return when rows were last written, by an import and by a revert that came to something."""
    reverts = run.jobs.filter(kind=Kind.REVERT, status__in=(Status.DONE, Status.STOPPED))
    return [run.settled_at, run.finished_at, reverts.aggregate(at=Max("finished_at"))["at"]]


def _is_edited(run: BackfillRun, at: datetime) -> bool:
    """Look from the few things that were done by hand to the run's rows, and not the other way round."""
    entries = AuditEntry.objects.filter(action__in=BY_HAND, at__gte=at).exclude(data__fields=[])
    keys = {kind: set[str]() for kind in ("customer", "user")}
    for subject in entries.order_by().values_list("subject", flat=True).distinct():
        kind, _, key = subject.partition(":")
        keys.setdefault(kind, set()).add(key)
    if not any(keys.values()):
        return False
    users = [int(key) for key in keys["user"] if key.isdecimal()]
    return run.rows.filter(Q(external_id__in=keys["customer"]) | Q(user_id__in=users)).exists()
