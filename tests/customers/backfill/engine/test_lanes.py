"""How many work at once, in which order, and that this may change."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

from customers.backfill.engine.lanes import Lanes


def test_whoever_comes_first_is_not_let_in_before_a_lower_ticket() -> None:
    lanes, order = Lanes(1), list[int]()
    tickets = [lanes.draw() for _ in range(30)]

    def go_in(ticket: int) -> None:
        with lanes.one(ticket):
            order.append(ticket)

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(go_in, reversed(tickets)))

    assert order == tickets


def test_more_lanes_let_those_in_who_wait_and_fewer_hold_up_who_comes() -> None:
    lanes, leave, inside = Lanes(1), Event(), list[int]()
    third_is_in = Event()

    def stay(ticket: int) -> None:
        with lanes.one(ticket):
            inside.append(ticket)
            if len(inside) == 3:
                third_is_in.set()
            leave.wait(30)

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(stay, lanes.draw())
        lanes.change(3)
        came = third_is_in.wait(30)
        at_once = [*inside]
        lanes.change(1)
        leave.set()

    assert came
    assert sorted(at_once) == [0, 1, 2]
    assert inside[3:] == [3]
