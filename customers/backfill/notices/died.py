"""Notice an import or a revert at a terminal that was killed, and tell of it once.

The worker looks every minute, and each command when it begins. What a worker was at, the next worker goes on
with by itself, so of that nobody is told.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from customers.backfill.ledger import at_work
from customers.backfill.notices import outbox
from customers.models import BackfillRun
from customers.models.backfill import BackfillRunQuerySet

Status = BackfillRun.Status
AT_A_TERMINAL = "cli:"
GONE = "Its process ended without a word, or was killed."
TO_GO_ON: Mapping[str, str] = {
    Status.RUNNING: "What it did is recorded. To go on: run the same command again.",
    Status.REVERTING: "What is not removed yet is still there. To go on, with the options that it had:"
    " python manage.py backfill_revert --run-id {}",
}
CHOSEN = (
    "Of the chosen customers, what is not removed yet is still there. The command to go on is named by:"
    " python manage.py backfill_runs {}"
)


def notice_dead() -> list[str]:
    """Write down what died to be told, and return it in words; each is noticed by one, whoever looks."""
    seen = dict(_marked().values_list("pk", "at_work_since"))
    dead = seen.keys() - at_work.runs_at_work() if seen else ()  # asked after the marks were seen
    return [told for run_pk in sorted(dead) if (told := _notice(run_pk, seen[run_pk]))]


def _marked() -> BackfillRunQuerySet:
    of_import = Q(status=Status.RUNNING, upload__isnull=True)
    of_revert = Q(status=Status.REVERTING, paused_at__isnull=True)
    marked = BackfillRun.objects.filter(at_work_since__isnull=False, at_work_by__startswith=AT_A_TERMINAL)
    return marked.filter(of_import | of_revert | ~Q(taking_back=[]))


@transaction.atomic
def _notice(run_pk: int, since: datetime | None) -> str:
    """Take away the mark of one that died, and tell of it; of two who saw it, the second finds no mark."""
    run = BackfillRun.objects.select_for_update().get(pk=run_pk)
    of_chosen = bool(run.taking_back)
    if run.at_work_since != since or not (of_chosen or run.status in TO_GO_ON):
        return ""
    BackfillRun.objects.filter(pk=run_pk).update(at_work_since=None, at_work_by="")
    way = CHOSEN.format(run.run_id) if of_chosen else TO_GO_ON[run.status].format(run.run_id)
    reason = f"{GONE} {way}"
    outbox.tell_died(run, run.at_work_by, reason)
    what = "revert" if of_chosen or run.status == Status.REVERTING else "import"
    return f"The {what} of the run {run.run_id} is over: {reason[0].lower()}{reason[1:]}"
