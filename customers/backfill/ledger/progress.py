"""When what is under way last came on, so that a stall can be seen from outside."""

from datetime import datetime

from django.db import connection

from customers.models import BackfillRun

Status = BackfillRun.Status
IMPORT = (Status.QUEUED, Status.RUNNING)
UNDER_WAY = (*IMPORT, Status.REVERTING)
NOTE = """
    UPDATE customers_backfillrun SET
        settled_at = %s,
        active_s = active_s + greatest(least(%s, extract(epoch FROM %s - settled_at)::float), 0)
    WHERE id = %s
"""


def note_progress(run_pk: int, now: datetime, seconds: float) -> None:
    """Write down that a batch was settled, and the time since the last one of anybody, at most `seconds`.

    So what several workers spend at once counts once. Nothing is counted back where their clocks differ.
    """
    with connection.cursor() as cursor:
        cursor.execute(NOTE, [now, seconds, now, run_pk])


def is_under_way(run: BackfillRun, now: datetime) -> bool:
    """Return whether a run is imported or reverted, or should be: whoever worked at it may have gone.

    A revert that has said why it stopped waits for a person; one that was killed has said nothing.
    """
    is_due = run.starts_at is None or run.starts_at <= now
    waits = run.paused_at is not None or (run.status == Status.REVERTING and run.reason != "")
    return run.status in UNDER_WAY and is_due and not waits


def progressed_at(run: BackfillRun) -> datetime:
    """Return when the last batch was written, or, before the first, when it began or was to begin.

    A revert begins where the import has finished: then that is what `finished_at` says.
    """
    moments = (run.started_at, run.starts_at, run.settled_at, run.finished_at)
    return max(moment for moment in moments if moment is not None)


def waited_s(run: BackfillRun, now: datetime) -> float | None:
    """Return for how long nothing has come on; None of a run that is not under way."""
    return max((now - progressed_at(run)).total_seconds(), 0.0) if is_under_way(run, now) else None
