"""Whose a customer is that a POST answered with: told by Lago's own words, whatever its clock does."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.client import LagoClient
from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.rehearsal.lago.calls import Caller

SENT = {"name": "Ada", "email": "ada@example.com"}
JUMPS = st.integers(-60, 60).filter(bool).map(lambda hours: hours * 3600)


def ours(lago: Sandbox, client: LagoClient, by_hand: Caller, external_id: str) -> bool:
    return False


def ours_after_a_lost_answer(lago: Sandbox, client: LagoClient, by_hand: Caller, external_id: str) -> bool:
    lago.fault("reset_after,method=POST,path=/customers")
    return False


def of_another_name(lago: Sandbox, client: LagoClient, by_hand: Caller, external_id: str) -> bool:
    by_hand.post("/customers", {"customer": {**SENT, "external_id": external_id, "name": "Else"}})
    return True


def with_an_address(lago: Sandbox, client: LagoClient, by_hand: Caller, external_id: str) -> bool:
    by_hand.post("/customers", {"customer": {**SENT, "external_id": external_id, "city": "Berlin"}})
    return True


def a_twin_made_before_one_of_ours(
    lago: Sandbox, client: LagoClient, by_hand: Caller, external_id: str
) -> bool:
    by_hand.post("/customers", {"customer": {**SENT, "external_id": external_id}})
    client.create_customer(external_id=f"{external_id}-later", **SENT)
    return True


STORIES = (
    ours,
    ours_after_a_lost_answer,
    of_another_name,
    with_an_address,
    a_twin_made_before_one_of_ours,
)


@pytest.mark.parametrize("compat", ["released", "head"])
def test_ours_are_ours_and_those_of_others_are_theirs(
    connect: Callable[..., LagoClient], compat: str
) -> None:
    @settings(max_examples=25)
    @given(st.lists(st.tuples(st.sampled_from(STORIES), JUMPS, JUMPS), max_size=8))
    def told(stories: list[tuple[Callable[..., bool], int, int]]) -> None:
        lago.reset()
        client = connect(lago.url, SANDBOX_KEY)
        for number, (story, before, after) in enumerate(stories):
            lago.advance_clock(before)
            is_theirs = story(lago, client, by_hand, f"C{number}")
            lago.advance_clock(after)
            made = client.create_customer(external_id=f"C{number}", **SENT)
            assert made.existed is is_theirs

    with Sandbox(compat=compat) as lago:
        by_hand = Caller(lago)
        told()
        by_hand.close()


def test_a_call_of_a_killed_process_that_comes_late_made_one_of_ours(
    connect: Callable[..., LagoClient],
) -> None:
    with Sandbox() as lago:
        by_hand, client = Caller(lago), connect(lago.url, SANDBOX_KEY)
        a_twin_made_before_one_of_ours(lago, client, by_hand, "C1")
        by_hand.close()

        assert client.create_customer(external_id="C1", tried=True, **SENT).existed is False
