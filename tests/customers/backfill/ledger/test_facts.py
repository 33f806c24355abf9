"""What the ledger tells of the customers of a file, and what the rows of a customer tell each other."""

from typing import Any

import pytest

from customers.backfill.ledger.facts import look_up
from customers.models import BackfillStep
from kernel.chunks import SIZE
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, rows
from tests.customers.steps.rows import of_file

pytestmark = pytest.mark.django_db


def test_an_empty_ledger_tells_nothing() -> None:
    assert look_up([of_file()]) == {}


def test_the_ledger_tells_what_runs_made_for_a_customer(lago: Sandbox) -> None:
    imported(rows(1))

    facts = look_up([of_file()])["C-1"]

    assert {fact.step for fact in facts} == {"user", "id_tag_mapping", "lago_customer", "lago_subscription"}
    assert all(fact.state == "created" and fact.row_settled for fact in facts)
    assert {fact.id_tag for fact in facts} == {"tag0001"}


def test_what_was_removed_no_longer_stands_in_the_ledger(lago: Sandbox) -> None:
    imported(rows(1))
    BackfillStep.objects.filter(name="user").update(state="removed")
    BackfillStep.objects.filter(name="lago_customer").update(state="failed")

    facts = look_up([of_file()])["C-1"]

    assert {fact.step for fact in facts} == {"id_tag_mapping", "lago_subscription"}


def test_a_long_file_takes_as_many_queries_as_a_short_one(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        look_up([of_file()])
    with django_assert_num_queries(1):
        look_up([of_file(number) for number in range(SIZE)])
