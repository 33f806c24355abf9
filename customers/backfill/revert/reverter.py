"""Take rows back as they come, batch by batch, whoever has them: a process its plan, a worker its shares."""

from collections.abc import Callable, Iterable, Sequence

from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.holds import HoldOf, alone, opened
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.pipeline import Pipeline
from customers.backfill.engine.stop import Stop
from customers.backfill.revert.records import Leaving, Line, Removals
from customers.backfill.revert.removing import Remover
from customers.backfill.revert.rows import RowPlan
from customers.models import BackfillRun
from kernel import Step


class Reverter:
    """Takes back rows of one run. `settled` hears of each batch what the manifest says of it, and how many
    of its rows went all the way.
    """

    def __init__(
        self,
        run: BackfillRun,
        steps: Sequence[Step],
        *,
        actor: str,
        discard: bool,
        stop: Stop,
        max_failures: int,
        settled: Callable[[Sequence[Line], int], None],
        lanes: Lanes,
        hearing: Hearing,
        hold_of: HoldOf = alone,
    ) -> None:
        self._stop, self._settled, self._lanes, self._hearing = stop, settled, lanes, hearing
        self._remover = Remover(steps, Breaker(stop, max_failures), discard=discard)
        self._removals = Removals(run, steps, actor, discard=discard, hold_of=hold_of)

    def carry_out(self, batches: Iterable[Sequence[RowPlan]], *, batch_size: int) -> None:
        """Take back batches as they come, each of the rows of one hold. Raises Taken where that is lost."""
        pipeline: Pipeline[RowPlan, Leaving] = Pipeline(
            open_batch=self._open,
            legs=self._remover.legs(),
            settle_batch=self._settle,
            lanes=self._lanes,
            stop=self._stop,
            watch=self._hearing.listen,
        )
        pipeline.run(batches, batch_size)
        self._hearing.close()

    def _open(self, rows: Sequence[RowPlan]) -> list[Leaving]:
        return opened(lambda: self._removals.open(rows), self._stop)

    def _settle(self, batch: Sequence[tuple[Leaving, bool]]) -> None:
        for leaving, is_through in batch:
            leaving.is_through = is_through
        touched = [leaving for leaving, _ in batch if leaving.is_touched]
        lines = self._removals.settle(touched) if touched else []
        self._settled(lines, sum(is_through for _, is_through in batch))
        self._hearing.look()
