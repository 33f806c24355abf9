"""The hold of a worker over the shares that it has: each batch asks whether its share is still ours."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from uuid import UUID

from customers.backfill.engine.holds import Hold, Written
from customers.backfill.engine.stop import Stop
from customers.backfill.hands.keeping import Keeper
from customers.backfill.ledger import log_parts, shares
from customers.backfill.ledger.at_work import Taken
from customers.models import BackfillRun, RunShare
from kernel.chunks import chunks

Row = TypeVar("Row")


class Leased(Hold):
    """One share. With the last of its rows it is done, in the transaction that settles that row."""

    def __init__(
        self, run: BackfillRun, share: RunShare, keeper: Keeper, stop: Stop, log: str, most_failures: int
    ) -> None:
        self._run, self.share, self._keeper, self._stop = run, share, keeper, stop
        self._log, self._most_failures = log, most_failures
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

    def settled(self, written: Written) -> None:
        self._left -= written.rows
        self._note(written.rows, written.failed)
        shares.count_in_a_row(self._run.pk, written.results, self._most_failures)
        shares.count(self._run.pk, written.counts)
        log_parts.write(self._run, written.lines(), self._log)

    def _note(self, rows: int, failed: Sequence[int] = ()) -> None:
        shares.note_rows(self.share.pk, rows, is_done=not self._left, failed=failed)
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

    def batches(
        self, hold: Leased, rows: Sequence[Row], size: int, line_of: Callable[[Row], int]
    ) -> Iterator[list[Row]]:
        self._by_line |= dict.fromkeys(map(line_of, rows), hold)
        return chunks(rows, size)
