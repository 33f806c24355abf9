"""Places in the platform's work at which it can be held, or slowed down, from outside."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """All of a sync lie after its snapshot: what is written while it is held, it does not see."""

    LAGO = "sync.lago"  # before customers and subscriptions are read
    TAGS = "sync.tags"  # before the first idTag is written to SteVe
    USAGE = "sync.usage"  # before usage goes to Lago
    END = "sync.end"  # before the run counts as completed
    META = "meta"  # after a META was not found in SteVe, before it is made


class Gate:
    """May be used from any thread. What passes a point waits as long as it is held there."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._changed = threading.Condition()
        self._closed: set[Point] = set()
        self._queues: dict[Point, list[object]] = {point: [] for point in Point}
        self._passes: Counter[Point] = Counter()
        self._pauses_s: dict[Point, float] = {}

    def hold(self, point: str) -> None:
        """Hold whatever comes to the point from now on; raise ValueError for one there is not."""
        with self._changed:
            self._closed.add(Point(point))

    def slow(self, point: str, seconds: float) -> None:
        """Let everything take that much longer at the point; 0 for no longer."""
        self._pauses_s[Point(point)] = seconds

    def go_on(self) -> None:
        """Open all points."""
        with self._changed:
            self._closed.clear()
            self._passes.clear()
            self._changed.notify_all()

    def let_one(self, point: str) -> None:
        """Let go of what has waited longest at the point, or of what comes next; the others stay."""
        with self._changed:
            self._passes[Point(point)] += 1
            self._changed.notify_all()

    def held(self) -> list[str]:
        """Name the points at which something waits, once for each that does."""
        with self._changed:
            return [point.value for point, queue in self._queues.items() for _ in queue]

    def pass_by(self, point: Point) -> None:
        self._sleep(self._pauses_s.get(point, 0))
        ticket, queue = object(), self._queues[point]
        with self._changed:
            queue.append(ticket)
            self._changed.wait_for(lambda: self._may_go(point, ticket))
            queue.remove(ticket)
            if point in self._closed:
                self._passes[point] -= 1
            self._changed.notify_all()

    def _may_go(self, point: Point, ticket: object) -> bool:
        if point not in self._closed:
            return True
        return self._passes[point] > 0 and self._queues[point][0] is ticket
