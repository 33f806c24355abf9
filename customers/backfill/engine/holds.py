"""What lets somebody write a batch: that they are the only one, or that its share is still theirs.

One process holds a whole plan, and a worker the shares of a run that it has claimed. What is done with a
batch is the same for both, in an import and in a revert.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.at_work import NotAlone, Taken, require_still_alone

Result = tuple[str, bool]  # of a step that was called for a row: its name, and whether it failed
Lines = Sequence[Mapping[str, Any]]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Written:
    """What a batch's last transaction writes: how many rows are over, and what the log is to say of it.

    `results` are in the order of the rows. Of a revert, `failed` are the keys of the rows that did, and
    `counts` the things by what became of them.
    """

    rows: int
    results: Sequence[Result]
    lines: Callable[[], Lines]
    failed: Sequence[int] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


class Hold:
    """Is asked within the transactions of a batch. Raises NotAlone, so that nothing of it is written."""

    def opening(self) -> None:
        """Hear that a batch is about to be opened."""

    def settling(self) -> None:
        """Hear that a batch is about to be settled."""

    def settled(self, written: Written) -> None:
        """Hear, at the end of a batch's last transaction, what is written."""


class Alone(Hold):
    """The process is the only one at work."""

    def opening(self) -> None:
        require_still_alone()


ALONE = Alone()
HoldOf = Callable[[int], Hold]  # by the line of a row


def alone(line: int) -> Hold:
    return ALONE


def opened(open_batch: Callable[[], list[Item]], stop: Stop) -> list[Item]:
    """Open a batch. Where another run may be at work by now, ask for an end: its rows stay as they are.

    Raises Taken.
    """
    try:
        return open_batch()
    except Taken:
        raise
    except NotAlone as error:
        stop.request(str(error), broken=True)
        return []
