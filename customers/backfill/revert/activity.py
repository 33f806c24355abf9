"""Find customers who did something after the run: what a revert must never remove without being told to."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Q

from customers.backfill.ledger.recorded import Recorded, is_made
from customers.chunks import chunks
from customers.models import BackfillRun, BackfillStep
from kernel import Facts, Since, Step, Thing, Works

Activity = Mapping[str, Sequence[str]]
State = BackfillStep.State
THERE = (State.CREATED, State.ADOPTED, State.INTENDED, State.KEPT)


def since(run: BackfillRun) -> Since:
    return Since(run.pk, run.run_id, run.started_at)


def look_back(
    run: BackfillRun, recorded: Sequence[Recorded], steps: Sequence[Step], known: Mapping[int, Facts]
) -> dict[str, tuple[list[Thing], Any]]:
    """Read, in bulk, what people did to the things of these rows; raise RemoteError."""
    things = {step.name: _things(recorded, step.name, known) for step in steps}
    return {step.name: (things[step.name], step.look_back(things[step.name], since(run))) for step in steps}


def find_activity(
    run: BackfillRun,
    recorded: Sequence[Recorded],
    steps: Sequence[Step],
    found: Mapping[str, Any],
    back: Mapping[str, tuple[list[Thing], Any]],
) -> Activity:
    """Return, by external_id, what happened since the run; customers to whom nothing happened are absent.

    `recorded` are the rows of which something is to be removed. Reads in bulk; raises RemoteError.
    """
    active: dict[str, list[str]] = defaultdict(list)
    for external_id, reason in _later_runs(run, recorded):
        active[external_id].append(reason)
    for step in steps:
        things, seen = back[step.name]
        for external_id, reason in step.activity(things, found[step.name], seen, since(run)):
            active[external_id].append(reason)
    return {external_id: list(dict.fromkeys(reasons)) for external_id, reasons in active.items()}


def _things(recorded: Sequence[Recorded], name: str, known: Mapping[int, Facts]) -> list[Thing]:
    """Return the things of a kind that may be there, each with what the row's other things tell."""
    return [one.thing(name, known[one.line]) for one in recorded if one.state(name) in THERE]


def known_of(one: Recorded, steps: Sequence[Step]) -> dict[str, Any]:
    """Return what a row's things tell: those in our own database, and elsewhere those that the run made."""
    ours = {step.name for step in steps if step.works is Works.WITH_LEDGER}
    return one.tell(steps, lambda step: step.name in ours or is_made(step))


def _later_runs(run: BackfillRun, recorded: Sequence[Recorded]) -> Iterator[tuple[str, str]]:
    for some in chunks({one.external_id for one in recorded}):
        made_or_altered = Q(state__in=[State.CREATED, State.INTENDED]) | Q(state=State.ADOPTED) & ~Q(undo={})
        later = BackfillStep.objects.filter(
            made_or_altered, row__external_id__in=some, row__run_id__gt=run.pk
        )
        for external_id, run_id in later.values_list("row__external_id", "row__run__run_id").distinct():
            yield external_id, f"touched by the later run {run_id}"
