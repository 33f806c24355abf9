"""At which rows a run has been so far."""

from django.db.models import Q

from customers.backfill.engine.agreeing import NO_WORK, Work
from customers.models import BackfillRow, BackfillRun, BackfillStep

Outcome, State = BackfillRow.Outcome, BackfillStep.State


def work_of(run: BackfillRun | None) -> Work:
    """Return which rows the run has done or begun. A row that it found done is neither: it did nothing."""
    if run is None or run.pk is None:
        return NO_WORK
    done = run.rows.filter(outcome__in=(Outcome.CREATED, Outcome.COMPLETED))
    steps = BackfillStep.objects.filter(row__run=run).exclude(row__external_id="")
    begun = steps.filter(Q(intended_at__isnull=False) | Q(state__in=(State.INTENDED, State.CREATED)))
    of_them = Q(external_id__in=begun.values("row__external_id")) | Q(pk__in=begun.values("row"))
    done_lines = frozenset(done.values_list("line", flat=True))
    begun_lines = frozenset(run.rows.filter(of_them).values_list("line", flat=True))
    return Work(done_lines, begun_lines - done_lines)
