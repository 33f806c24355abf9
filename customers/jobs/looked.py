"""A reconciliation and a verification are kept with their run, whoever made them: the worker, or a terminal.

So a page knows what was looked at, and the audit log has the verdict, wherever somebody asked for it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.reconcile import Reconciliation
from customers.backfill.verify import Check, verdict_of
from customers.jobs import results
from customers.models import BackfillRun, RunJob

Kind, Status = RunJob.Kind, RunJob.Status
ENDED = (Status.DONE, Status.STOPPED)
SESSION = "session"  # in the result of a charging session: which one it was
INTERRUPTED = "interrupted at the terminal"


def keep_reconciliation(found: Reconciliation, *, actor: str, begun: datetime) -> None:
    """Keep what somebody at a terminal found. `begun`: what is written from then on, it may not know."""
    _keep(found.run, Kind.RECONCILE, results.of_reconciliation(found), actor=actor, begun=begun)


def keep_verification(
    run: BackfillRun,
    checks: Sequence[Check],
    *,
    actor: str,
    begun: datetime,
    charged: bool,
    interrupted: bool,
) -> None:
    """Keep what somebody at a terminal verified. `charged`: with a test session."""
    result = results.of_checks(checks, verdict_of(checks, interrupted=interrupted))
    kind, reason = Kind.CHARGE if charged else Kind.VERIFY, INTERRUPTED if interrupted else ""
    _keep(run, kind, result, actor=actor, begun=begun, reason=reason)


@transaction.atomic
def _keep(
    run: BackfillRun, kind: str, result: Mapping[str, Any], *, actor: str, begun: datetime, reason: str = ""
) -> None:
    status = Status.STOPPED if reason else Status.DONE
    job = RunJob.objects.create(
        run=run, kind=kind, status=status, reason=reason, actor=actor, result=dict(result),
        created_at=begun, finished_at=timezone.now(),
    )  # fmt: skip
    tell(job, status, result)


def tell(job: RunJob, status: str, result: Mapping[str, Any]) -> None:
    """Put what was found into the audit log, in the transaction that keeps it."""
    if job.kind == Kind.RECONCILE and status == Status.DONE:
        _record(job, "run.reconciled", {"divergences": result["divergences_total"]})
    elif job.kind in (Kind.VERIFY, Kind.CHARGE) and status in ENDED:
        data = {"verdict": result.get("verdict", "none")}
        with suppress(KeyError):
            data["transaction"] = result[SESSION]["transaction_id"]
        _record(job, "run.verified" if job.kind == Kind.VERIFY else "run.charged", data)


def _record(job: RunJob, action: str, data: Mapping[str, Any]) -> None:
    record(job.run.audit_tag, job.actor, [Event(action, f"run:{job.run.run_id}", data)])
