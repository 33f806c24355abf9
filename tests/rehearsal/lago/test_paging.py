"""Pages of lists."""

import pytest

from tests.rehearsal.lago.calls import Caller


def _meta(
    current: int, following: int | None, previous: int | None, pages: int, count: int
) -> dict[str, int | None]:
    names = ("current_page", "next_page", "prev_page", "total_pages", "total_count")
    return dict(zip(names, (current, following, previous, pages, count), strict=True))


def test_c22_a_page_tells_its_neighbours(caller: Caller) -> None:
    caller.customer("A1")
    caller.customer("A2")

    body = caller.get("/customers?page=1&per_page=1").body

    assert len(body["customers"]) == 1
    assert body["meta"] == _meta(1, 2, None, 2, 2)


def test_c23_an_empty_list_has_no_page(caller: Caller) -> None:
    assert caller.get("/customers").body == {"customers": [], "meta": _meta(0, None, None, 0, 0)}


def test_a_page_past_the_end_is_empty(caller: Caller) -> None:
    caller.customer("A1")

    body = caller.get("/customers?page=5&per_page=1").body

    assert (body["customers"], body["meta"]) == ([], _meta(5, None, 4, 1, 1))


@pytest.mark.parametrize(
    ("query", "size"), [("", 30), ("?per_page=-1", 25), ("?per_page=x", 25), ("?per_page=", 25)]
)
def test_an_unusable_page_size_falls_back(caller: Caller, query: str, size: int) -> None:
    for number in range(30):
        caller.customer(f"A{number}")

    assert len(caller.get(f"/customers{query}").body["customers"]) == size


@pytest.mark.parametrize("page", ["0", "-3", "x"])
def test_an_unusable_page_is_the_first(caller: Caller, page: str) -> None:
    caller.customer("A1")

    assert caller.get(f"/customers?page={page}").body["meta"]["current_page"] == 1


def test_pages_of_size_zero_break_the_server_unless_there_is_nothing(caller: Caller) -> None:
    empty = caller.get("/customers?per_page=0")
    caller.customer("A1")

    assert (empty.status, caller.get("/customers?per_page=0").status) == (200, 500)
