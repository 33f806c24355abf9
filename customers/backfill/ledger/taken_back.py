"""Which customers of a run were taken back by themselves, while the run stays what it is for the others."""

import shlex
from collections.abc import Iterable

from customers.backfill.steps import kinds
from customers.models import BackfillRun, BackfillStep
from kernel.chunks import chunks

Status = BackfillRun.Status
WHOLE = (Status.REVERTING, Status.REVERTED)  # of these, nobody is chosen


def taken_back(run: BackfillRun) -> frozenset[str]:
    """Return the customers of whom something was removed, or is being removed."""
    if run.pk is None or run.status in WHOLE:
        return frozenset()
    # By name too: that is the index, and nearly all runs have none.
    removed = BackfillStep.objects.filter(
        name__in=list(kinds()), state=BackfillStep.State.REMOVED, row__run=run
    )
    return frozenset(removed.values_list("row__external_id", flat=True)) | frozenset(run.taking_back)


def taken_back_before(external_ids: Iterable[str]) -> dict[str, str]:
    """Return, by customer, the last run from which they were taken back by themselves."""
    found: dict[str, str] = {}
    for some in chunks({external_id for external_id in external_ids if external_id}):
        removed = BackfillStep.objects.filter(row__external_id__among=some, state=BackfillStep.State.REMOVED)
        chosen = removed.exclude(row__run__status__in=WHOLE).order_by("row__run_id")
        found |= dict(chosen.values_list("row__external_id", "row__run__run_id"))
    return found


def to_go_on(run: BackfillRun) -> str:
    """Return the command that goes on with a revert of chosen customers: any of them stands for all."""
    return shlex.join(["backfill_revert", "--run-id", run.run_id, "--external-id", run.taking_back[0]])
