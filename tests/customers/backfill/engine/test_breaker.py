"""Lago is dead and SteVe is not: what SteVe takes must not hide it."""

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import reverted, run_of
from tests.customers.factories import imported, row

pytestmark = pytest.mark.django_db

CARDS = [row(number, id_tag=f"C{number}X{card}") for number in range(1, 21) for card in (1, 2)]


def test_a_dead_lago_stops_an_import_although_steve_takes_the_further_cards(
    lago: Sandbox, steve: SteveSandbox
) -> None:
    lago.fault("500,method=POST,times=forever")

    report = imported(CARDS, max_failures=3, concurrency=1, batch_size=4)

    assert report.status == "failed"
    assert "3 rows in a row failed" in report.reason


def test_it_stops_a_revert_in_the_same_way(lago: Sandbox, steve: SteveSandbox) -> None:
    run = run_of(imported(CARDS))
    lago.fault("500,method=DELETE,times=forever")

    report = reverted(run)

    assert report.status == "failed"
    assert "10 rows in a row failed" in report.reason
