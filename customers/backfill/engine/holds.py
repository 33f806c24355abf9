"""What lets somebody write a batch: that they are the only one, or that its share is still theirs.

One process holds a whole plan, and a worker the shares of a run that it has claimed. What is done with a
batch is the same for both.
"""

from collections.abc import Callable, Sequence

from customers.backfill.engine.at_work import Settled
from customers.backfill.ledger.at_work import require_still_alone

Result = tuple[str, bool]  # of a step that was called for a row: its name, and whether it failed


class Hold:
    """Is asked within the transactions of a batch. Raises NotAlone, so that nothing of it is written."""

    def opening(self) -> None:
        """Hear that a batch is about to be opened."""

    def settling(self) -> None:
        """Hear that a batch is about to be settled."""

    def settled(self, settled: Sequence[Settled], results: Sequence[Result]) -> None:
        """Hear, at the end of a batch's last transaction, what is written. `results` are in its order."""


class Alone(Hold):
    """The process is the only one at work."""

    def opening(self) -> None:
        require_still_alone()


ALONE = Alone()
HoldOf = Callable[[int], Hold]  # by the line of a row


def alone(line: int) -> Hold:
    return ALONE
