"""Have steps put their things out of use and take them back, elsewhere than in our own database."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.pipeline import Leg, legs_of
from customers.backfill.revert.records import Failure, Leaving
from customers.backfill.revert.rows import Target
from kernel import Per, RemoteError, Step, Thing

Result = TypeVar("Result")
LAST = (Per.CARD, Per.CUSTOMER)  # what a customer's cards share goes after the last of them
SPARED = "not removed: another card of the customer could not be stopped"


class Remover:
    """Takes rows through the systems, in the opposite order of their making."""

    def __init__(self, steps: Sequence[Step], breaker: Breaker, *, discard: bool) -> None:
        self._steps, self._breaker, self._discard = steps, breaker, discard
        self._in_use: set[str] = set()  # customers of whom a card could not be stopped

    def legs(self) -> list[Leg[Leaving]]:
        """Return the way of a batch: all of it is stopped before anything of it is removed."""
        stopping = [step for step in reversed(self._steps) if step.stops]  # who opens cards before SteVe
        looking = [step for step in self._steps if step.looks_closer]
        return [
            *legs_of(stopping, self._stop, self._stop_together, apart=LAST),
            *(Leg(once=partial(self._look_closer, step)) for step in looking),
            *legs_of(reversed(self._steps), self._remove, self._remove_together, apart=LAST),
        ]

    # --- in the pool's threads: no ORM ---------------------------------------------------------------

    def _stop(self, steps: Sequence[Step], leaving: Leaving) -> None:
        for step, target in _due(steps, leaving):
            self._try(step, leaving, partial(step.stop, target.thing, leaving.row.found[step.name]))
        if leaving.failed is not None:
            self._in_use.add(leaving.external_id)

    def _look_closer(self, step: Step, batch: Sequence[Leaving]) -> None:
        if not batch:
            return
        found = batch[0].row.found[step.name]  # of its share, or of the whole run
        due, closer = self._together(step, batch, lambda things: step.look_closer(things, found))
        for leaving in due:
            leaving.closer[step.name] = closer

    def _remove(self, steps: Sequence[Step], leaving: Leaving) -> None:
        """Remove a row's things; the first that fails ends the row, and what is ours stays too."""
        self._spare_in_use(leaving)
        for step, target in _due(steps, leaving):
            closer = leaving.closer.get(step.name, leaving.row.found[step.name])
            removed = self._try(step, leaving, partial(step.remove, target.thing, closer))
            if removed is not None:
                leaving.removed[step.name] = removed

    def _try(self, step: Step, leaving: Leaving, work: Callable[[], Result]) -> Result | None:
        try:
            answer = work()
        except RemoteError as error:
            self._fail(step, leaving, error)
            return None
        self._breaker.note(False, step.name)
        return answer

    def _spare_in_use(self, leaving: Leaving) -> None:
        """Leave a row alone whose customer can still charge: somebody has to pay for that."""
        in_use = leaving.external_id in self._in_use
        if in_use and leaving.failed is None and leaving.row.remove:
            leaving.failed = Failure(leaving.row.remove[0].step, "in_use", SPARED)

    # --- in the thread that owns the databases -------------------------------------------------------

    def _stop_together(self, step: Step, batch: Sequence[Leaving]) -> None:
        stop = partial(step.stop_all, found=None)
        self._together(step, batch, stop, with_unrecorded=True)

    def _remove_together(self, step: Step, batch: Sequence[Leaving]) -> None:
        """Remove the things of a batch in one go."""
        remove = partial(step.remove_all, found=None, discard=self._discard)
        due, removed = self._together(step, batch, remove)
        for leaving, one in zip(due, removed or (), strict=True):
            leaving.removed[step.name] = one

    def _together(
        self,
        step: Step,
        batch: Sequence[Leaving],
        work: Callable[[list[Thing]], Result],
        *,
        with_unrecorded: bool = False,
    ) -> tuple[list[Leaving], Result | None]:
        """Do something to a batch's things; a failure of the whole is a failure of each row."""
        due = [
            (leaving, target)
            for leaving in batch
            for _, target in _due([step], leaving, with_unrecorded=with_unrecorded)
        ]
        try:
            answer = work([target.thing for _, target in due]) if due else None
        except RemoteError as error:
            for leaving, _ in due:
                self._fail(step, leaving, error)
            return [], None
        for _ in due:
            self._breaker.note(False, step.name)
        return [leaving for leaving, _ in due], answer

    def _fail(self, step: Step, leaving: Leaving, error: RemoteError) -> None:
        self._breaker.note(True, step.name, away=step.system if error.away else "")
        leaving.failed = Failure(step.name, error.code, str(error))


def _due(
    steps: Sequence[Step], leaving: Leaving, *, with_unrecorded: bool = False
) -> Iterator[tuple[Step, Target]]:
    """Return what is to be removed of a row by these steps, until something of it fails."""
    targets = [*leaving.row.remove, *leaving.row.unrecorded] if with_unrecorded else leaving.row.remove
    for step in steps:
        for target in targets:
            if target.step == step.name and leaving.failed is None:
                yield step, target
