"""Reading whole listings that others may be changing."""

import itertools
import threading
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.api.pages import FIRST, Page, Window, following, read_all, spread
from billing.errors import LagoError

MOST = 12  # what a server of these tests gives at once, whatever is asked for


def listing(ids: list[str], most: int = MOST) -> Callable[[Window], Page[str]]:
    """Page through a list as it is at the moment of each call."""

    def fetch(window: Window) -> Page[str]:
        size = min(window.size, most)
        shown = ids[(window.number - 1) * size : window.number * size]
        return Page(window, {lago_id: lago_id.upper() for lago_id in shown}, len(ids))

    return fetch


def changing(ids: list[str], changes: Mapping[int, Callable[[], None]]) -> Callable[[Window], Page[str]]:
    """As `listing`, with a change made just before the n-th call."""
    fetch = listing(ids)
    calls = 0

    def fetch_and_change(window: Window) -> Page[str]:
        nonlocal calls
        calls += 1
        changes.get(calls, lambda: None)()
        return fetch(window)

    return fetch_and_change


def names(number: int) -> list[str]:
    return [f"n{place:03}" for place in range(number)]


def upper(ids: list[str]) -> list[str]:
    return [one.upper() for one in ids]


def test_an_empty_listing_is_one_call() -> None:
    assert read_all(listing([]), 4).items == []


def test_all_pages_are_read_in_order() -> None:
    assert read_all(listing(names(100)), 4).items == upper(names(100))


def test_a_first_page_at_hand_is_not_read_again() -> None:
    asked: list[Window] = []
    fetch = listing(names(30))

    def counted(window: Window) -> Page[str]:
        asked.append(window)
        return fetch(window)

    read_all(counted, 1, fetch(FIRST))

    assert FIRST not in asked


def test_items_of_no_use_are_left_out_but_counted() -> None:
    page: Page[str] = Page(FIRST, {"a": "A", "b": None}, 2)

    assert read_all(lambda _: page, 4).items == ["A"]


@pytest.mark.parametrize(("items", "calls"), [(500, 1), (501, 2), (5_000, 11), (50_000, 108)])
def test_pages_that_overlap_cost_one_call_in_thirteen(items: int, calls: int) -> None:
    windows = [FIRST]
    while windows[-1].end < items:
        windows.append(following(windows[-1].end, FIRST.size))

    assert len(windows) == calls
    assert all(one.start + 10 <= before.end for before, one in pairwise(windows))


# --- While others change it ------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", range(2, 10))
def test_a_creation_in_between_costs_no_further_call_and_hides_nothing(nth: int) -> None:
    ids, calls = names(60), 0
    fetch = changing(ids, {nth: lambda: ids.insert(0, "z")})

    def counted(window: Window) -> Page[str]:
        nonlocal calls
        calls += 1
        return fetch(window)

    found = read_all(counted, 1).items

    assert set(upper(names(60))) <= set(found)
    assert len(found) == len(set(found))
    assert calls <= 8  # seven, and one where what was last has moved on


def test_a_listing_that_grows_at_every_call_is_read_to_its_end() -> None:
    ids = names(60)
    grow = {call: lambda call=call: ids.insert(0, f"z{call}") for call in range(1, 500)}

    found = read_all(changing(ids, grow), 1).items

    assert set(upper(names(60))) <= set(found)


@pytest.mark.parametrize("nth", range(2, 8))
@pytest.mark.parametrize("gone", [0, 11, 12, 30, 59])
def test_a_deletion_in_between_hides_nothing_else(nth: int, gone: int) -> None:
    ids = names(60)
    lost = ids[gone]
    fetch = changing(ids, {nth: lambda: ids.remove(lost)})

    assert set(upper(names(60))) - {lost.upper()} <= set(read_all(fetch, 1).items)


def test_a_deletion_is_told_although_something_was_added_behind_it() -> None:
    """The total stands, and so does the number of items: only the gap between two pages tells."""
    ids = names(60)

    def swap() -> None:
        del ids[:2]
        ids.extend(["y", "z"])

    found = read_all(changing(ids, {3: swap}), 1).items

    assert set(upper(names(60)[2:])) <= set(found)


def test_a_list_that_has_shrunk_below_the_next_page_is_read_to_its_end() -> None:
    ids = names(40)

    def shrink() -> None:
        del ids[:18]

    assert set(upper(names(40)[18:])) <= set(read_all(changing(ids, {2: shrink}), 1).items)


def test_a_listing_that_loses_more_at_every_call_than_pages_share_is_given_up() -> None:
    ids = names(6_000)

    def lose() -> None:
        del ids[:5]

    with pytest.raises(LagoError) as caught:
        read_all(changing(ids, dict.fromkeys(range(2, 2_000), lose)), 1)

    assert (caught.value.code, caught.value.down) == ("lago_unreachable", True)


CHANGES = st.lists(
    st.tuples(st.integers(1, 20), st.sampled_from(["add", "remove"]), st.floats(0, 1)), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 90), CHANGES, st.integers(1, 4))
def test_nothing_is_missed_that_is_there_before_and_after(
    number: int, changes: list[tuple[int, str, float]], workers: int
) -> None:
    """Whatever comes and goes at whatever place, and in whatever order several threads read the pages."""
    ids, calls, lock = names(number), 0, threading.Lock()
    before = set(ids)
    page, new = listing(ids), itertools.count()  # no two are called alike, whatever has gone between

    def fetch(window: Window) -> Page[str]:
        nonlocal calls
        with lock:
            calls += 1
            for nth, what, where in changes:
                if nth == calls and what == "add":
                    ids.insert(round(where * len(ids)), f"new-{next(new)}")
                elif nth == calls and ids:
                    ids.pop(min(int(where * len(ids)), len(ids) - 1))
            return page(window)

    found = read_all(fetch, workers).items

    assert {one.upper() for one in before & set(ids)} <= set(found)
    assert len(found) == len(set(found))


# --- Threads ---------------------------------------------------------------------------------------------


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
