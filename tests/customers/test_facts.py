"""What is looked up in our database for the rows of a file."""

from typing import Any

import pytest
from customers.backfill.engine.world import LOOK_UP_SIZE, chunks, look_up

from customers.models import BackfillStep
from kernel import StepName, Wanted
from rehearsal.lago import Sandbox
from tests.customers.factories import customer, imported, mapping, row, rows, staff

pytestmark = pytest.mark.django_db


def wanted(number: int = 1, **changes: str) -> Wanted:
    asked = row(number, **changes)
    del asked["start_date"]
    return Wanted(line=number + 1, start_date=None, subscription_at=None, **asked)


def test_an_empty_database_knows_nothing() -> None:
    world = look_up([wanted()])

    assert (world.users_by_pk, world.mappings, world.ledger) == ({}, {}, {})


def test_addresses_are_found_in_any_capitals() -> None:
    user = customer(1, email="Customer1@EXAMPLE.com", external_id=None)

    assert look_up([wanted()]).users_by_email["customer1@example.com"].pk == user.pk


@pytest.mark.parametrize(("stored", "asked"), [("c-1", "C-1"), ("STRASSE", "Strasse"), ("ΟΔΟΣ", "ΟΔΟΣ")])
def test_external_ids_are_found_in_any_capitals_under_the_rows_own_spelling(stored: str, asked: str) -> None:
    user = customer(1, email="other@example.com", external_id=stored)

    found = look_up([wanted(external_id=asked)]).users_by_external_id

    assert found[asked].pk == user.pk


def test_each_spelling_of_a_row_finds_the_customer() -> None:
    customer(1, external_id="c-1")

    found = look_up([wanted(1), wanted(2, external_id="c-1")]).users_by_external_id

    assert found.keys() == {"C-1", "c-1"}


def test_id_tags_are_found_in_any_capitals_with_their_owner() -> None:
    owner = staff()
    theirs = mapping(owner, id_tag="tag0001")

    world = look_up([wanted()])

    assert world.mappings["tag0001"].pk == theirs.pk
    assert world.users_by_pk[owner.pk].is_staff


def test_the_ledger_tells_what_runs_made_for_a_customer(lago: Sandbox) -> None:
    imported(rows(1))

    facts = look_up([wanted()]).ledger["C-1"]

    assert {fact.step for fact in facts} == set(StepName) - {StepName.STEVE_ID_TAG}
    assert all(fact.state == "created" and fact.row_settled for fact in facts)


def test_what_was_removed_no_longer_stands_in_the_ledger(lago: Sandbox) -> None:
    imported(rows(1))
    BackfillStep.objects.filter(name="user").update(state="removed")
    BackfillStep.objects.filter(name="lago_customer").update(state="failed")

    facts = look_up([wanted()]).ledger["C-1"]

    assert {fact.step for fact in facts} == {StepName.ID_TAG_MAPPING, StepName.LAGO_SUBSCRIPTION}


def test_a_long_file_takes_as_many_queries_as_a_short_one(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(4):
        look_up([wanted()])
    with django_assert_num_queries(4):
        look_up([wanted(number) for number in range(LOOK_UP_SIZE)])


def test_chunks_lose_nothing() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks([], 2)) == []
