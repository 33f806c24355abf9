"""What calls cost SteVe, against what was measured at the real one."""

import pytest

from charging import cost

EMPTY_S = 0.057


def test_ten_thousand_creates_in_an_empty_steve_take_some_twenty_minutes() -> None:
    assert cost.creates_s(10_000, there=0, call_s=EMPTY_S) / 60 == pytest.approx(23, abs=1)


def test_a_hundred_thousand_take_more_than_a_day() -> None:
    assert cost.creates_s(100_000, there=0, call_s=EMPTY_S) / 3600 > 24


def test_one_create_takes_what_a_call_takes_now() -> None:
    assert cost.creates_s(1, there=10_000, call_s=0.2) == pytest.approx(0.2, rel=0.001)


def test_creates_in_two_parts_take_as_long_as_in_one() -> None:
    then_s = EMPTY_S * (1 + cost.PART * 4_000)

    parts = [
        cost.creates_s(4_000, there=0, call_s=EMPTY_S),
        cost.creates_s(6_000, there=4_000, call_s=then_s),
    ]

    assert sum(parts) == pytest.approx(cost.creates_s(10_000, there=0, call_s=EMPTY_S))


def test_a_machine_of_half_the_speed_takes_twice_as_long() -> None:
    slow, fast = (cost.creates_s(500, there=9_000, call_s=call_s) for call_s in (0.4, 0.2))

    assert slow == pytest.approx(2 * fast)


def test_a_removal_is_two_calls_that_become_quicker() -> None:
    whole = cost.removals_s(10_000, there=10_000, call_s=0.2)

    assert cost.removals_s(1, there=10_000, call_s=0.2) == pytest.approx(0.4, rel=0.001)
    assert whole < 2 * 10_000 * 0.2
    assert whole == pytest.approx(2 * cost.creates_s(10_000, there=0, call_s=0.2 / (1 + cost.PART * 10_000)))


def test_what_is_gone_already_counts_for_nothing() -> None:
    assert cost.removals_s(5, there=0, call_s=0.1) == 0


def test_unblocking_one_is_two_calls() -> None:
    assert cost.unblocking_s(3, call_s=0.1) == pytest.approx(0.6)
