"""How many work at once, in which order, and that this may change."""

from collections.abc import Iterator
from functools import partial
from threading import Event, Lock

import pytest

from customers.backfill.engine.lanes import Lanes

PATIENCE_S = 30.0


class Inside:
    """Pieces of work that stay where they are until they may leave."""

    def __init__(self) -> None:
        self.came: list[int] = []
        self.leave, self.enough = Event(), Event()
        self._lock, self._enough = Lock(), 0

    def expect(self, number: int) -> None:
        self._enough = number

    def stay(self, number: int) -> None:
        with self._lock:
            self.came.append(number)
            if len(self.came) == self._enough:
                self.enough.set()
        self.leave.wait(PATIENCE_S)


@pytest.fixture
def inside() -> Iterator[Inside]:
    made = Inside()
    yield made
    made.leave.set()


def test_pieces_are_taken_up_in_their_order() -> None:
    lanes, order, done = Lanes(1), list[int](), Event()
    lanes.add(partial(order.append, number) for number in range(30))
    lanes.add([done.set])

    done.wait(PATIENCE_S)
    lanes.close()

    assert order == list(range(30))


def test_more_lanes_let_those_in_who_wait_and_fewer_hold_up_who_comes(inside: Inside) -> None:
    lanes = Lanes(1)
    inside.expect(3)
    lanes.add(partial(inside.stay, number) for number in range(4))
    lanes.change(3)
    came = inside.enough.wait(PATIENCE_S)
    at_once = sorted(inside.came)
    lanes.change(1)
    done = Event()
    lanes.add([done.set])
    inside.leave.set()
    done.wait(PATIENCE_S)
    lanes.close()

    assert came
    assert at_once == [0, 1, 2]
    assert inside.came[3:] == [3]
