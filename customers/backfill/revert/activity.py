"""Find customers who did something after the run: what a revert must never remove without being told to."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from customers.backfill.ledger.recorded import MADE_OR_ALTERED, since
from customers.backfill.revert.reading import Piece
from customers.models import BackfillRun, BackfillStep
from kernel import Step
from kernel.chunks import chunks

Activity = Mapping[str, Sequence[str]]


class Happened:
    """Gathers what happened since a run, from pieces of its rows."""

    def __init__(self, run: BackfillRun, steps: Sequence[Step]) -> None:
        self._run, self._steps = run, steps
        self._told: list[tuple[int, str, str]] = []  # the place of who tells it, external_id, reason

    def add(self, piece: Piece) -> None:
        """Ask of the rows of which something is to be removed; reads in bulk."""
        if not piece.touched:
            return
        after = since(self._run)
        things = {step.name: piece.things(step.name) for step in self._steps}
        touched = {thing.wanted.external_id for some in things.values() for thing in some}
        self._told += [(-1, *told) for told in later_runs(self._run, touched)]
        for place, step in enumerate(self._steps):
            name = step.name
            told = step.activity(things[name], piece.found[name], piece.back[name], after)
            self._told += [(place, *one) for one in told]

    def by_customer(self) -> Activity:
        """Return, by external_id, what happened; customers to whom nothing happened are absent.

        It comes in the order of the steps, also where a customer's cards lie in two pieces.
        """
        active: dict[str, list[str]] = defaultdict(list)
        for _, external_id, reason in sorted(self._told, key=lambda told: told[0]):
            active[external_id].append(reason)
        return {external_id: list(dict.fromkeys(reasons)) for external_id, reasons in active.items()}


def later_runs(run: BackfillRun, external_ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Return, as external_id and words, who was touched by runs after this one."""
    for some in chunks(external_ids):
        later = BackfillStep.objects.filter(
            MADE_OR_ALTERED, row__external_id__among=some, row__run_id__gt=run.pk
        )
        for external_id, run_id in later.values_list("row__external_id", "row__run__run_id").distinct():
            yield external_id, f"touched by the later run {run_id}"
