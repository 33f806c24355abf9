"""Reading around what Lago cannot show."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.api.narrowing import MOST_IN_A_ROW, narrowed
from billing.api.pages import FIRST, Page, Window, read_all
from billing.errors import LagoError
from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller

Read = Callable[[Window, int | None], Page[str]]


class Broken:
    """A list of so many items that fails at each page with one of `bad`, by place from 0."""

    def __init__(self, number: int, bad: set[int], status: int = 500) -> None:
        self.number, self.bad, self.status, self.calls = number, bad, status, 0

    def __call__(self, window: Window, tries: int | None) -> Page[str]:
        self.calls += tries or 5
        places = range(window.start, min(window.end, self.number))
        if self.bad & set(places):
            raise LagoError("lago_unreachable", "failed", status=self.status, repeatable=True, down=True)
        return Page(window, {f"n{place}": f"N{place}" for place in places}, self.number)


def good(number: int, bad: set[int]) -> list[str]:
    return [f"N{place}" for place in range(number) if place not in bad]


def test_a_page_that_can_be_read_is_one_call() -> None:
    read = Broken(400, set())

    page = narrowed(read, FIRST)

    assert (len(page.items), page.unread, read.calls) == (400, (), 5)


@pytest.mark.parametrize("bad", [0, 1, 255, 256, 498, 499])
def test_one_record_costs_some_twenty_calls_and_hides_nothing_else(bad: int) -> None:
    read = Broken(2_000, {bad})

    page = narrowed(read, FIRST)

    assert list(page.items.values()) == good(500, {bad})
    assert page.unread == (bad + 1,)
    assert read.calls <= 5 + 21


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1_300), st.sets(st.integers(0, 1_299), max_size=4), st.integers(1, 3))
def test_all_others_of_a_listing_are_read(number: int, bad: set[int], workers: int) -> None:
    read = Broken(number, bad)

    found = read_all(lambda window: narrowed(read, window), workers)

    there = {place for place in bad if place < number}
    assert sorted(found.items) == sorted(good(number, bad))
    assert found.unread == tuple(sorted(place + 1 for place in there))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1_300), st.integers(0, 1_299), st.integers(1, 30), st.integers(1, 3))
def test_a_row_of_them_hides_no_other(number: int, begin: int, length: int, workers: int) -> None:
    """Wherever they are: all that two pages have in common may be among them."""
    bad = set(range(begin, min(begin + length, number)))
    if len(bad) == number:
        return
    read = Broken(number, bad)

    found = read_all(lambda window: narrowed(read, window), workers)

    assert sorted(found.items) == sorted(good(number, bad))
    assert found.unread == tuple(sorted(place + 1 for place in bad))


def test_a_list_of_which_nothing_can_be_shown_is_broken_and_does_not_change() -> None:
    with pytest.raises(LagoError) as caught:
        narrowed(Broken(4, set(range(4))), Window(1, 4))

    assert caught.value.status == 500


def test_a_lago_that_fails_at_everything_is_told_so_after_few_calls() -> None:
    read = Broken(2_000, set(range(2_000)))

    with pytest.raises(LagoError) as caught:
        narrowed(read, FIRST)

    assert caught.value.status == 500
    assert read.calls < 5 * 2 + 5 * MOST_IN_A_ROW


@pytest.mark.parametrize("status", [502, 503, 429, 401])
def test_what_is_before_lago_is_not_searched_for_a_record(status: int) -> None:
    read = Broken(500, {3}, status)

    with pytest.raises(LagoError):
        narrowed(read, FIRST)

    assert read.calls == 5


def test_a_list_that_changes_while_it_is_searched_is_searched_again() -> None:
    read, seen = Broken(600, {3}), 0

    def changing(window: Window, tries: int | None) -> Page[str]:
        nonlocal seen
        seen += 1
        read.number += seen == 9
        return read(window, tries)

    page = narrowed(changing, FIRST)

    assert (page.unread, page.total_count) == ((4,), 601)


# --- The stand-in, as Lago's main branch of August 2026 --------------------------------------------------

QUARTERLY = "quarterly:3000:EUR:quarterly:advance"


@pytest.fixture
def head() -> Sandbox:
    return Sandbox([QUARTERLY, "standard"], compat="head", breaks_on_quarterly=True)


def subscription(number: int, plan: str, billing_time: str) -> dict[str, object]:
    one = {
        "external_id": f"backfill-C-{number}",
        "external_customer_id": f"C-{number}",
        "plan_code": plan,
        "billing_time": billing_time,
        "subscription_at": "2024-01-15T00:00:00Z",
    }
    return {"subscription": one}


def test_the_stand_in_makes_it_and_fails_at_each_list_that_holds_it(head: Sandbox) -> None:
    with head:
        caller = Caller(head)
        for number, (plan, billing_time) in enumerate(
            [("standard", "anniversary"), ("quarterly", "calendar"), ("quarterly", "anniversary")]
        ):
            answer = caller.post("/subscriptions", subscription(number, plan, billing_time))
            assert answer.status == (500 if number == 2 else 200)
        listed = caller.get("/subscriptions").status
        own, other = (caller.get(f"/subscriptions?external_customer_id=C-{n}").status for n in (2, 1))
        shown = caller.get("/subscriptions/backfill-C-2").status
        ended = caller.delete("/subscriptions/backfill-C-2")
        caller.close()

    assert (listed, own, other, shown, ended.status) == (500, 500, 200, 500, 200)
    assert ended.body["subscription"]["status"] == "terminated"
