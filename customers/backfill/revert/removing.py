"""Have steps put their things out of use and take them back, elsewhere than in our own database."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.pipeline import Leg, legs_of
from customers.backfill.revert.planning import Target
from customers.backfill.revert.records import Failure, Leaving
from kernel import Per, RemoteError, Step, Thing

Result = TypeVar("Result")
LAST = (Per.CARD, Per.CUSTOMER)  # what a customer's cards share goes after the last of them


class Remover:
    """Takes rows through the systems, in the opposite order of their making."""

    def __init__(
        self, steps: Sequence[Step], found: Mapping[str, Any], breaker: Breaker, *, discard: bool
    ) -> None:
        self._steps, self._found, self._breaker, self._discard = steps, found, breaker, discard

    def legs(self) -> list[Leg[Leaving]]:
        """Return the way of a batch: all of it is stopped before anything of it is removed."""
        stopping = [step for step in self._steps if step.stops]
        return [
            *legs_of(stopping, self._stop, self._stop_together, apart=LAST),
            *legs_of(reversed(self._steps), self._remove, self._remove_together, apart=LAST),
        ]

    # --- in the pool's threads: no ORM ---------------------------------------------------------------

    def _stop(self, steps: Sequence[Step], leaving: Leaving) -> None:
        for step, target in _due(steps, leaving):
            self._try(step, leaving, partial(step.stop, target.thing, self._found[step.name]))

    def _remove(self, steps: Sequence[Step], leaving: Leaving) -> None:
        """Remove a row's things; the first that fails ends the row, and what is ours stays too."""
        for step, target in _due(steps, leaving):
            removed = self._try(step, leaving, partial(step.remove, target.thing, self._found[step.name]))
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

    # --- in the thread that owns the databases -------------------------------------------------------

    def _stop_together(self, step: Step, batch: Sequence[Leaving]) -> None:
        self._together(step, batch, lambda things: step.stop_all(things, self._found[step.name]))

    def _remove_together(self, step: Step, batch: Sequence[Leaving]) -> None:
        """Remove the things of a batch in one go."""
        found = self._found[step.name]
        due, removed = self._together(
            step, batch, lambda things: step.remove_all(things, found, discard=self._discard)
        )
        for leaving, one in zip(due, removed or (), strict=True):
            leaving.removed[step.name] = one

    def _together(
        self, step: Step, batch: Sequence[Leaving], work: Callable[[list[Thing]], Result]
    ) -> tuple[list[Leaving], Result | None]:
        """Do something to a batch's things; a failure of the whole is a failure of each row."""
        due = [(leaving, target) for leaving in batch for _, target in _due([step], leaving)]
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
        self._breaker.note(True, step.name)
        leaving.failed = Failure(step.name, error.code, str(error))


def _due(steps: Sequence[Step], leaving: Leaving) -> Iterator[tuple[Step, Target]]:
    """Return what is to be removed of a row by these steps, until something of it fails."""
    for step in steps:
        for target in leaving.row.remove:
            if target.step == step.name and leaving.failed is None:
                yield step, target
