"""The hold of a worker over the shares that it has: each batch asks whether its share is still ours."""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.holds import Hold, Result
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.keeping import Keeper
from customers.backfill.ledger import log_parts, shares
from customers.backfill.ledger.at_work import Taken
from customers.models import BackfillRun, RunShare
from kernel.chunks import chunks

LogLines = Callable[[Sequence[Settled]], Sequence[dict[str, object]]]


class Leased(Hold):
    """One share. With the last of its rows it is done, in the transaction that settles that row."""

    def __init__(
        self, run: BackfillRun, share: RunShare, keeper: Keeper, stop: Stop, lines: LogLines,
        most_failures: int,
    ) -> None:  # fmt: skip
        self._run, self.share, self._keeper, self._stop, self._lines = run, share, keeper, stop, lines
        self._most_failures = most_failures
        self._left = 0

    def opening(self) -> None:
        self._require_ours()

    def settling(self) -> None:
        self._require_ours()

    def _require_ours(self) -> None:
        """Raise Taken where it is not, or where calls were left out because it might not have been."""
        if self._stop.has_lapsed:
            raise Taken(shares.LOST)
        shares.require_ours(self.share.pk, self._token)

    def begin(self, rows: int) -> None:
        """Hear how many rows are to be done; with none, the share is done."""
        self._left = rows
        if not rows:
            self._note(0)

    def settled(self, settled: Sequence[Settled], results: Sequence[Result]) -> None:
        ended = [one for one in settled if one.outcome]
        self._left -= len(ended)
        self._note(len(ended))
        shares.count_in_a_row(self._run.pk, results, self._most_failures)
        log_parts.write(self._run, self._lines(ended))

    def _note(self, rows: int) -> None:
        shares.note_rows(self.share.pk, rows, is_done=not self._left)
        if not self._left:
            self._keeper.let_go(self.share.pk)

    @property
    def _token(self) -> UUID:
        return self._keeper.token


class Holds:
    """The shares that a worker has, by the lines of their rows."""

    def __init__(self) -> None:
        self._by_line: dict[int, Leased] = {}

    def __call__(self, line: int) -> Hold:
        return self._by_line[line]

    def batches(self, hold: Leased, rows: Sequence[PlannedRow], size: int) -> Iterator[list[PlannedRow]]:
        self._by_line |= dict.fromkeys([row.line for row in rows], hold)
        return chunks(rows, size)
