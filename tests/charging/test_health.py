"""Whether SteVe as a whole works."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from charging import SteveError
from charging.health import FRESH_S, Health


class Asking:
    """A SteVe that works or does not, as told, and a clock that stands still unless moved."""

    def __init__(self) -> None:
        self.broken = False
        self.times = 0
        self.now = 0.0

    def __call__(self) -> None:
        self.times += 1
        if self.broken:
            raise SteveError("steve_unreachable", "SteVe failed (500)")


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.fixture
def health(asking: Asking) -> Health:
    return Health(asking, clock=lambda: asking.now)


def test_nothing_is_asked_while_all_is_well(asking: Asking, health: Health) -> None:
    health.check()

    assert asking.times == 0


def test_while_it_is_away_calls_are_refused_with_the_reason(asking: Asking, health: Health) -> None:
    asking.broken = True

    assert not health.is_well()
    with pytest.raises(SteveError, match=r"does not work at the moment. SteVe failed \(500\)") as caught:
        health.check()

    assert (caught.value.away, caught.value.down, caught.value.sent) == (True, True, False)
    assert asking.times == 1


def test_a_while_later_it_is_asked_again_and_a_good_answer_lets_calls_through(
    asking: Asking, health: Health
) -> None:
    asking.broken = True
    health.is_well()
    asking.broken, asking.now = False, FRESH_S + 1

    health.check()
    health.check()

    assert asking.times == 2


def test_each_new_doubt_asks_anew(asking: Asking, health: Health) -> None:
    health.is_well()
    asking.broken, asking.now = True, 0.5

    assert not health.is_well()


def test_one_thread_asks_for_all() -> None:
    asked, go_on = [0], Event()

    def slowly() -> None:
        asked[0] += 1
        go_on.wait(60)

    health = Health(slowly, clock=lambda: 0.0)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(health.is_well) for _ in range(4)]
        go_on.set()

    assert ([answer.result() for answer in answers], asked) == ([True] * 4, [1])
