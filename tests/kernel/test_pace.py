"""How fast Lago may be called."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from kernel.pace import RateLimiter


@dataclass
class Clock:
    """A clock that moves only when somebody sleeps."""

    now: float = 100.0
    naps: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.naps.append(round(seconds, 6))
        self.now += seconds

    def limiter(self, rate_per_s: float, burst: int = 1) -> RateLimiter:
        return RateLimiter(rate_per_s, burst=burst, sleep=self.sleep, clock=lambda: self.now)


def test_calls_are_spaced_evenly() -> None:
    clock = Clock()
    limiter = clock.limiter(10)

    for _ in range(4):
        limiter.wait()

    assert clock.naps == [0.1, 0.1, 0.1]


def test_after_a_silence_no_more_than_a_burst_goes_at_once() -> None:
    clock = Clock()
    limiter = clock.limiter(10, burst=3)
    clock.now += 60

    for _ in range(5):
        limiter.wait()

    assert clock.naps == [0.1, 0.1]


def test_zero_is_no_limit() -> None:
    clock = Clock()
    limiter = clock.limiter(0)

    for _ in range(1000):
        limiter.wait()

    assert clock.naps == []


def test_a_pause_holds_everybody_even_without_a_limit() -> None:
    clock = Clock()
    limiter = clock.limiter(0)
    limiter.pause(5)

    limiter.wait()
    limiter.wait()

    assert clock.naps == [5.0]


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    clock = Clock()
    limiter = clock.limiter(0)
    limiter.pause(5)
    limiter.pause(1)

    limiter.wait()

    assert clock.naps == [5.0]


def test_after_a_pause_the_calls_are_spaced_again() -> None:
    clock = Clock()
    limiter = clock.limiter(10, burst=8)
    limiter.pause(5)

    for _ in range(3):
        limiter.wait()

    assert clock.naps == [5.0, 0.1, 0.1]


def test_threads_get_a_slot_each() -> None:
    naps: list[float] = []
    limiter = RateLimiter(1000, burst=1, sleep=naps.append, clock=lambda: 0.0)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: limiter.wait(), range(200)))

    assert sorted(round(nap * 1000) for nap in naps) == list(range(1, 200))
