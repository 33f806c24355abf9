"""A slice of a long piece of work: it ends by the clock, so that a deploy or another job waits little."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop

LEAST_S, MOST_S = 20.0, 120.0  # of work proper; well below the queue's timeout, planning included
SHARE = 10  # work at least so many times as long as was spent on planning it


class Slice(Progress):
    """Asks the work to stop when its time is up, which begins when the planning is over."""

    def __init__(self, stop: Stop, *, least_s: float = LEAST_S) -> None:
        self._stop = stop
        self._least_s = least_s
        self._began = time.monotonic()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()

    def start(self, what: str, total: int) -> None:
        planning_s = time.monotonic() - self._began
        budget_s = min(max(self._least_s, SHARE * planning_s), MOST_S)
        self._timer = threading.Timer(budget_s, self._over)
        self._timer.start()

    def _over(self) -> None:
        self._stop.request("the slice is over", to_be_continued=True)


Slicing = Callable[[Stop], Slice]
