"""Reading whole listings that others may be changing."""

import threading
from collections.abc import Callable, Mapping

import pytest

from billing.api.pages import Page, read_all, spread
from billing.errors import LagoError


def listing(ids: list[str], per_page: int = 2) -> Callable[[int], Page[str]]:
    """Page through a list as it is at the moment of each call."""

    def fetch(number: int) -> Page[str]:
        shown = ids[(number - 1) * per_page : number * per_page]
        return Page({lago_id: lago_id.upper() for lago_id in shown}, -(-len(ids) // per_page), len(ids))

    return fetch


def changing(ids: list[str], changes: Mapping[int, Callable[[], None]]) -> Callable[[int], Page[str]]:
    """As `listing`, with a change made just before the n-th call."""
    fetch = listing(ids)
    calls = 0

    def fetch_and_change(number: int) -> Page[str]:
        nonlocal calls
        calls += 1
        changes.get(calls, lambda: None)()
        return fetch(number)

    return fetch_and_change


def test_an_empty_listing_is_one_call() -> None:
    assert read_all(listing([]), 4) == []


def test_all_pages_are_read_in_order() -> None:
    assert read_all(listing(list("abcde")), 4) == list("ABCDE")


def test_a_first_page_at_hand_is_not_read_again() -> None:
    numbers: list[int] = []
    fetch = listing(list("abcde"))

    def counted(number: int) -> Page[str]:
        numbers.append(number)
        return fetch(number)

    read_all(counted, 1, fetch(1))

    assert numbers == [2, 3]


def test_items_of_no_use_are_left_out_but_counted() -> None:
    page: Page[str] = Page({"a": "A", "b": None}, 1, 2)

    assert read_all(lambda _: page, 4) == ["A"]


def test_a_creation_in_between_shows_nothing_twice() -> None:
    ids = list("abcd")
    fetch = changing(ids, {2: lambda: ids.insert(0, "z")})

    assert read_all(fetch, 1) == list("ZABCD")


def test_a_deletion_in_between_hides_nothing() -> None:
    ids = list("abcd")
    fetch = changing(ids, {2: lambda: ids.remove("a")})

    assert read_all(fetch, 1) == list("BCD")


def test_a_deletion_and_a_creation_in_between_are_told_although_the_total_stands() -> None:
    ids = list("abcd")

    def swap() -> None:
        ids.remove("d")
        ids.insert(0, "z")

    assert read_all(changing(ids, {2: swap}), 1) == list("ZABC")


def test_a_listing_that_never_holds_still_is_given_up() -> None:
    ids = list("abc")
    grow = {call: lambda: ids.insert(0, f"z{len(ids)}") for call in range(2, 30)}

    with pytest.raises(LagoError) as caught:
        read_all(changing(ids, grow), 1)

    assert (caught.value.code, caught.value.down) == ("lago_unreachable", True)


def test_answers_keep_the_order_of_the_questions() -> None:
    assert spread(lambda number: number * 2, range(50), 8) == list(range(0, 100, 2))


def test_no_more_threads_than_asked_for_and_none_left() -> None:
    before = threading.active_count()
    barrier = threading.Barrier(3)
    names = set()

    def call(_: int) -> None:
        barrier.wait(60)  # broken unless three threads are at work at once
        names.add(threading.current_thread().name)

    spread(call, range(9), 3)

    assert len(names) == 3
    assert threading.active_count() == before


def test_a_failure_ends_the_others_and_is_told() -> None:
    asked = []

    def call(number: int) -> None:
        asked.append(number)
        raise LagoError("lago_unreachable", "no")

    with pytest.raises(LagoError):
        spread(call, range(1000), 2)

    assert len(asked) < 1000
