"""Find customers who did something after the run: what a revert must never remove without being told to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from customers.backfill.ledger.recorded import MADE_OR_ALTERED, Recorded, is_made, since
from customers.models import BackfillRun, BackfillStep
from kernel import Step, Thing, Works
from kernel.chunks import chunks

Activity = Mapping[str, Sequence[str]]
State = BackfillStep.State


def find_activity(
    run: BackfillRun,
    things: Mapping[str, Sequence[Thing]],
    steps: Sequence[Step],
    found: Mapping[str, Any],
    back: Mapping[str, Any],
) -> Activity:
    """Return, by external_id, what happened since the run; customers to whom nothing happened are absent.

    `things` are those of the rows of which something is to be removed. Reads in bulk; raises RemoteError.
    """
    active: dict[str, list[str]] = defaultdict(list)
    touched = {thing.wanted.external_id for some in things.values() for thing in some}
    for external_id, reason in later_runs(run, touched):
        active[external_id].append(reason)
    for step in steps:
        name = step.name
        for external_id, reason in step.activity(things[name], found[name], back[name], since(run)):
            active[external_id].append(reason)
    return {external_id: list(dict.fromkeys(reasons)) for external_id, reasons in active.items()}


def known_of(one: Recorded, steps: Sequence[Step]) -> dict[str, Any]:
    """Return what a row's things tell: those in our own database, and elsewhere those that the run made."""
    ours = {step.name for step in steps if step.works is Works.WITH_LEDGER}
    return one.tell(steps, lambda step: step.name in ours or is_made(step))


def later_runs(run: BackfillRun, external_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return, as external_id and words, who was touched by runs after this one."""
    for some in chunks(external_ids):
        later = BackfillStep.objects.filter(
            MADE_OR_ALTERED, row__external_id__in=some, row__run_id__gt=run.pk
        )
        for external_id, run_id in later.values_list("row__external_id", "row__run__run_id").distinct():
            yield external_id, f"touched by the later run {run_id}"
