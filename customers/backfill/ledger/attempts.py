"""What the last attempt at a run added to the one before."""

from dataclasses import dataclass
from datetime import datetime

from auditlog.models import AuditEntry
from customers.models import BackfillRow, BackfillRun

Outcome = BackfillRow.Outcome
BEGAN = ("run.queued", "run.continued")
ENDED = ("run.partial", "run.failed", "run.interrupted", "run.canary")


@dataclass(frozen=True, slots=True)
class Attempt:
    began_at: datetime
    rows: int  # that went in

    @property
    def sentence(self) -> str:
        rows = (
            "1 more row" if self.rows == 1 else f"{self.rows:,} more rows" if self.rows else "no further row"
        )
        return f"Continued on {self.began_at:%Y-%m-%d %H:%M} UTC: {rows} went in."


def last_continuation(run: BackfillRun) -> Attempt | None:
    """Return the last attempt, if it went on with an earlier one and has ended."""
    told = AuditEntry.objects.tagged(run.audit_tag).filter(subject=f"run:{run.run_id}")
    ends = told.filter(action__in=ENDED).order_by("-id")[:2]
    began = told.filter(action__in=BEGAN).order_by("-id").first()
    if len(ends) < 2 or began is None or not ends[1].pk < began.pk < ends[0].pk:
        return None
    went_in = run.rows.filter(outcome__in=(Outcome.CREATED, Outcome.COMPLETED), settled_at__gte=began.at)
    return Attempt(began.at, went_in.count())
