"""Holding the platform's work at a point."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rehearsal.platform.gate import Gate, Point
from tests.rehearsal.platform.town import wait_until


def test_what_comes_to_a_held_point_waits_and_all_else_passes() -> None:
    gate = Gate()
    gate.hold("meta")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(gate.pass_by, Point.META)
        wait_until(lambda: gate.held() == ["meta"])

        gate.pass_by(Point.TAGS)
        is_done = waiting.done()
        gate.go_on()

        waiting.result(60)
        assert (is_done, gate.held()) == (False, [])


def test_one_can_be_let_go_and_it_is_the_first_that_came() -> None:
    gate, passed = Gate(), list[int]()
    gate.hold("meta")

    def come(number: int) -> None:
        gate.pass_by(Point.META)
        passed.append(number)

    with ThreadPoolExecutor() as pool:
        for number in (1, 2):
            pool.submit(come, number)
            wait_until(lambda: len(gate.held()) == number)  # noqa: B023

        gate.let_one("meta")
        wait_until(lambda: passed != [])

        assert (passed, gate.held()) == ([1], ["meta"])
        gate.go_on()


def test_a_point_can_take_longer() -> None:
    slept: list[float] = []
    gate = Gate(slept.append)
    gate.slow("sync.tags", 7)

    gate.pass_by(Point.TAGS)
    gate.pass_by(Point.META)

    assert slept == [7, 0]


def test_a_point_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        Gate().hold("nowhere")
