"""A revert of chosen customers beside SteVe and beside the platform: only what is theirs goes there."""

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.crash.world import is_unbilled
from tests.customers.backfill.platform import world
from tests.customers.backfill.platform.conftest import platform_database as platform_database
from tests.customers.backfill.platform.conftest import platform_url as platform_url
from tests.customers.backfill.platform.conftest import town as town
from tests.customers.backfill.steve.world import tags
from tests.customers.factories import imported, row, rows
from tests.customers.undoing import called, divergences, latest_run
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db(transaction=True)
GIVEN = [*rows(3), row(1, id_tag="SECOND1")]


def take_back(*external_ids: str) -> int:
    return called("backfill_revert", "--run-id", latest_run().run_id, "--external-id", *external_ids).code


def test_the_chosen_lose_their_cards_at_steve_and_the_others_charge_on(
    lago: Sandbox, steve: SteveSandbox
) -> None:
    steve.world.add_tag("TAG0003", note="was there before")
    imported(GIVEN, skip_existing=True)

    code = take_back("C-1", "C-3")

    assert code == 0
    assert set(tags(steve)) == {"TAG0002", "TAG0003"}
    assert divergences() == set()
    assert is_unbilled(lago)


def test_the_chosen_go_from_the_platform_and_its_sync_opens_the_others_alone(town: Town) -> None:
    world.imported_beside(town, GIVEN)

    code = take_back("C-1")
    town.platform.sync()

    assert code == 0
    assert set(world.in_platform(town)) == {"TAG0002", "TAG0003"}
    assert [who for who, *_ in town.rows("select lago_customer_external_id from users order by 1")] == [
        "C-2",
        "C-3",
    ]
    assert set(world.open_tags(town)) == {"TAG0002", "TAG0003"}
    assert divergences() == set()
    assert called("backfill_revert", "--run-id", latest_run().run_id).code == 0
    assert world.in_platform(town) == {}
