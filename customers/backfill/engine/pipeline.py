"""Take batches through their legs.

A batch is opened (one transaction), goes through its legs in order, and is settled (one transaction). A leg
is a piece of work for each item, done by a small pool of threads, or one for the whole batch, done in the
thread that owns the databases. Batches overlap: while one waits for its calls the next ones are opened, so
the pool does not run dry at the end of each batch or leg. They stay in order: none begins a leg before those
ahead of it have ended the leg before, so that what a customer's first row made is known to further cards.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Generic, TypeVar

from customers.backfill.engine.lanes import Lanes, Piece
from customers.backfill.engine.stop import Stop
from kernel import Per, Step, Works

LOOK_S = 0.25  # so often whoever watches may look, however long a call takes

Row = TypeVar("Row")
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Leg(Generic[Item]):
    """A part of the way: `each` item or a batch at `once` in the pool, without ORM; or `together`, where the
    databases are.
    """

    each: Callable[[Item], None] | None = None
    once: Callable[[Sequence[Item]], None] | None = None
    together: Callable[[Sequence[Item]], None] | None = None


@dataclass(eq=False, slots=True)
class Flight(Generic[Item]):
    """A batch on its way. `ended` counts the legs behind it.

    `stranded` are the items that a request to stop left before a leg.
    """

    items: Sequence[Item]
    ended: int = 0
    under_way: int = 0
    stranded: set[int] = field(default_factory=set)
    is_flying: bool = False
    # A bug in one of its calls. Told when its turn comes: it must not keep those ahead from being settled.
    error: BaseException | None = None


def legs_of(
    steps: Iterable[Step],
    each: Callable[[Sequence[Step], Item], None],
    together: Callable[[Step, Sequence[Item]], None],
    *,
    apart: tuple[Per, Per],
) -> list[Leg[Item]]:
    """Join steps that work per row into one leg, as a thread does them one after the other.

    `apart`: a step of the second kind comes in a leg of its own after one of the first. So what is one per
    customer is there before what is one per card, and goes only after it.
    """
    legs: list[Leg[Item]] = []
    remote = [step for step in steps if step.works is not Works.WITH_LEDGER]
    for some in _groups(remote, apart):
        if some[0].works is Works.PER_ROW:
            legs.append(Leg(each=partial(each, some)))
        else:
            legs += [Leg(together=partial(together, step)) for step in some]
    return legs


def _groups(steps: Iterable[Step], apart: tuple[Per, Per]) -> list[list[Step]]:
    groups: list[list[Step]] = []
    for step in steps:
        last = groups[-1][-1] if groups else None
        if last is None or last.works is not step.works or (last.per, step.per) == apart or step.stands_off:
            groups.append([])
        groups[-1].append(step)
    return groups


class Pipeline(Generic[Row, Item]):
    def __init__(
        self,
        *,
        open_batch: Callable[[Sequence[Row]], Sequence[Item]],
        legs: Sequence[Leg[Item]],
        settle_batch: Callable[[Sequence[tuple[Item, bool]]], None],
        lanes: Lanes,
        stop: Stop,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the parts of a batch's life. `settle_batch` hears of each item whether it went all the way.

        `watch` is called again and again in the thread that owns the databases, also while all calls hang.
        """
        self._open, self._legs, self._settle = open_batch, legs, settle_batch
        self._lanes = lanes
        self._stop = stop
        self._watch = watch
        self._flights: deque[Flight[Item]] = deque()
        self._arrived: SimpleQueue[Flight[Item]] = SimpleQueue()
        self._lock = Lock()

    def run(self, batches: Iterable[Sequence[Row]], batch_size: int) -> None:
        try:
            for batch in batches:
                self._watch()
                if self._stop.requested:
                    break
                self._flights.append(Flight(self._open(batch)))
                self._go_on()
                while len(self._flights) > self._most(batch_size):
                    self._settle_oldest()
            while self._flights:
                self._settle_oldest()
        finally:
            # After an error in the database nothing can be recorded; what is under way ends by itself.
            self._lanes.close()

    def _most(self, batch_size: int) -> int:
        """Return how many batches there may be at once, for the lanes not to run dry."""
        return ceil(self._lanes.wanted / batch_size) + max(len(self._legs), 1)

    def _next_to_land(self) -> Flight[Item]:
        while True:
            self._watch()
            try:
                return self._arrived.get(timeout=LOOK_S)
            except Empty:
                continue

    def _settle_oldest(self) -> None:
        while self._flights[0].ended < len(self._legs) and self._flights[0].error is None:
            self._land(self._next_to_land())
            self._go_on()
        flight = self._flights.popleft()
        if flight.error is not None:
            raise flight.error
        self._settle([(item, n not in flight.stranded) for n, item in enumerate(flight.items)])

    def _go_on(self) -> None:
        """Let every batch begin what it may, the oldest first."""
        while not self._arrived.empty():
            self._land(self._arrived.get())
        ahead = len(self._legs)
        for flight in self._flights:
            if flight.error is not None:
                return
            while not flight.is_flying and flight.ended < len(self._legs) and flight.ended <= ahead:
                self._begin(flight, self._legs[flight.ended])
            ahead = min(ahead, flight.ended)

    @staticmethod
    def _land(flight: Flight[Item]) -> None:
        """End a leg of calls."""
        flight.is_flying = False
        flight.ended += 1

    def _begin(self, flight: Flight[Item], leg: Leg[Item]) -> None:
        if leg.each and flight.items:
            self._fly(flight, [partial(self._one, leg.each, flight, n) for n in range(len(flight.items))])
            return
        if leg.once and flight.items:
            self._fly(flight, [partial(self._do_together, leg.once, flight)])
            return
        if leg.together:
            self._do_together(leg.together, flight)
        flight.ended += 1

    def _do_together(self, work: Callable[[Sequence[Item]], None], flight: Flight[Item]) -> None:
        if self._stop.requested:
            flight.stranded = set(range(len(flight.items)))
            return
        work([item for n, item in enumerate(flight.items) if n not in flight.stranded])

    def _fly(self, flight: Flight[Item], pieces: Sequence[Piece]) -> None:
        flight.is_flying, flight.under_way = True, len(pieces)
        self._lanes.add(partial(self._do, piece, flight) for piece in pieces)

    def _one(self, work: Callable[[Item], None], flight: Flight[Item], number: int) -> None:
        if number in flight.stranded:
            return
        if self._stop.requested:
            flight.stranded.add(number)
            return
        work(flight.items[number])

    def _do(self, piece: Piece, flight: Flight[Item]) -> None:
        error: BaseException | None = None
        try:
            piece()
        except BaseException as raised:  # noqa: BLE001 the thread that waits for it raises it
            error = raised
        with self._lock:
            flight.error = flight.error or error
            flight.under_way -= 1
            if flight.under_way == 0:
                self._arrived.put(flight)
