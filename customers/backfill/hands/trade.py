"""What a worker does with the shares of a run: a trade for an import, and one for a revert."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.holds import HoldOf
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.leased import Leased
from customers.backfill.systems import Systems
from customers.models import BackfillRun, RunLogPart, RunShare, SharedRun

Row = TypeVar("Row")


def is_logged(*_: object) -> None:
    """Do nothing: what is settled was logged in the transaction that settled it."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What a worker works with at one run, whatever it does there; `now` is by our own clock."""

    run: BackfillRun
    shared: SharedRun
    systems: Systems
    stop: Stop
    lanes: Lanes
    hearing: Hearing
    hold_of: HoldOf
    now: Callable[[], datetime]


class Trade(ABC, Generic[Row]):
    log = RunLogPart.Log.RUN  # where it says what came of its rows

    def __init__(self, batch_size: int, max_failures: int) -> None:
        self.batch_size, self.max_failures = batch_size, max_failures

    @abstractmethod
    def opened(self, share: RunShare, hold: Leased) -> Sequence[Row]:
        """Return what is to be done of a share; raise RemoteError or Unreadable."""

    @abstractmethod
    def line_of(self, row: Row) -> int:
        """Return the line of a row, by which its hold is known."""

    @abstractmethod
    def carry_out(self, batches: Iterable[Sequence[Row]]) -> None:
        """Do batches as they come, each of one share; raise Taken."""
