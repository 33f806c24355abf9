"""When to give up on the whole."""

from collections import Counter
from threading import Lock

from customers.backfill.engine.stop import Stop

MOST_FAILURES = 10  # in a row, where nobody says otherwise


class Breaker:
    """Stops a run whose rows fail one after the other: the trouble is not in the rows.

    Counted for each step by itself: that SteVe takes the further cards of a customer says nothing of Lago.
    """

    def __init__(self, stop: Stop, most: int) -> None:
        self._stop = stop
        self._most = most
        self._in_a_row: Counter[str] = Counter()
        self._lock = Lock()

    def note(self, failed: bool, step: str = "", *, away: str = "") -> None:
        """Count what has just become of a row; safe in any thread.

        `away` names a system that was found not to work at all: that row is enough.
        """
        if away:
            self._stop.request(f"{away} does not work at the moment; no further row was begun", broken=True)
        with self._lock:
            number = self._in_a_row[step] = self._in_a_row[step] + 1 if failed else 0
            if number >= self._most:
                reason = f"{number} rows in a row failed; the trouble is not in the rows"
                self._stop.request(reason, broken=True)
