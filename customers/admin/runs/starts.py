"""When those start for whom a run made something that costs."""

from collections import Counter
from datetime import date

from django.db.models import Count

from customers.admin.charts.starts import Starts, starts_chart
from customers.backfill.steps import kinds
from customers.models import BackfillRun, BackfillStep
from kernel.columns import BILLED_UNTIL


def starts_of(run: BackfillRun, today: date) -> Starts | None:
    """Draw what stands of it: what was taken back, or is another row's, is not counted.

    Only where the file says until when customers are billed may a start have been moved: those rows are read.
    """
    costly = [kind.name for kind in kinds().values() if kind.costs]
    rows = run.rows.filter(steps__name__in=costly, steps__state=BackfillStep.State.CREATED).order_by()
    moving = rows.filter(more__has_key=BILLED_UNTIL.name).distinct()
    plain = rows.exclude(more__has_key=BILLED_UNTIL.name).values_list("start_date")
    days = Counter({day: number for day, number in plain.annotate(Count("pk", distinct=True)) if day})
    days.update(row.starts_on for row in moving.iterator() if row.starts_on)
    return starts_chart(days, today)
