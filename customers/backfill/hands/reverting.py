"""A share of a revert: its rows are planned as they are now, by what was found when all of them were."""

from collections.abc import Iterable, Sequence

from django.conf import settings

from customers.backfill.hands import packing
from customers.backfill.hands.leased import Leased
from customers.backfill.hands.trade import Bench, Trade, is_logged
from customers.backfill.revert.reading import Reading
from customers.backfill.revert.reverter import Reverter
from customers.backfill.revert.rows import RowPlan
from customers.models import RunLogPart, RunShare


class Reverting(Trade[RowPlan]):
    log = RunLogPart.Log.MANIFEST

    def __init__(self, bench: Bench) -> None:
        super().__init__(settings.BACKFILL_BATCH_SIZE, bench.shared.kept["max_failures"])
        self._bench = bench

    def carry_out(self, batches: Iterable[Sequence[RowPlan]]) -> None:
        bench = self._bench
        reverter = Reverter(
            bench.run, bench.systems.steps,
            actor=bench.shared.actor, discard=bench.shared.kept["discard"], stop=bench.stop,
            max_failures=self.max_failures, settled=is_logged, lanes=bench.lanes, hearing=bench.hearing,
            hold_of=bench.hold_of,
        )  # fmt: skip
        reverter.carry_out(batches, batch_size=self.batch_size)

    def line_of(self, row: RowPlan) -> int:
        return row.recorded.line

    def opened(self, share: RunShare, hold: Leased) -> Sequence[RowPlan]:
        """Plan the rows of which something is left; what failed before somebody died is not tried again."""
        packed = packing.unpack_revert(bytes(share.content))
        steps = self._bench.systems.steps
        found = {
            step.name: step.found_in(packed.parts[step.name]) for step in steps if step.name in packed.parts
        }
        reading = Reading(self._bench.run, steps, chosen=packed.customers, found=found)
        failed = set(share.failed)
        return list(reading.of_keys(pk for pk in packed.keys if pk not in failed))
