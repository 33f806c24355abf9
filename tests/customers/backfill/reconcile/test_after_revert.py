"""A run that was taken back answers for nothing."""

import pytest

from customers.backfill.reconcile import reconcile
from customers.backfill.systems import connect
from rehearsal.lago import Sandbox
from tests.customers.backfill.steve.world import reverted, run_of
from tests.customers.factories import do_not_sleep, imported, row

pytestmark = pytest.mark.django_db


def test_nothing_diverges_after_a_revert_of_customers_with_several_cards(lago: Sandbox) -> None:
    run = run_of(imported([row(1, id_tag=f"CARD{card}") for card in (1, 2, 3)]))
    reverted(run)

    with connect(sleep=do_not_sleep) as systems:
        result = reconcile(run, systems)

    assert result.found == []


def test_a_customer_who_was_deleted_is_told_for_each_card(lago: Sandbox) -> None:
    run = run_of(imported([row(1, id_tag=f"CARD{card}") for card in (1, 2)]))
    for mapping_row in run.rows.select_related("mapping", "user"):
        assert mapping_row.mapping is not None
        mapping_row.mapping.delete()
    customer = run.rows.get(line=2).user
    assert customer is not None
    customer.delete()

    with connect(sleep=do_not_sleep) as systems:
        found = [(one.line, one.step, one.divergence.kind) for one in reconcile(run, systems).found]

    assert found == [(line, step, "missing") for line in (2, 3) for step in ("user", "id_tag_mapping")]
