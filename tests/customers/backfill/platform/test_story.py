"""An import beside the platform: its sync opens the cards and bills sessions; a revert leaves nothing."""

import pytest

from tests.customers.backfill.steve.world import divergences, reverted, run_of, states
from tests.customers.factories import imported, planned, row, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db


def in_platform(town: Town) -> dict[str, tuple[str, bool, str]]:
    """Whose each card is there, whether it bills, and to what."""
    query = """
        select m.steve_ocpp_id_tag, u.lago_customer_external_id, m.is_active, m.lago_subscription_external_id
        from user_mappings m left join users u on u.id = m.user_id where m.tag_type <> 'meta'
    """
    return {id_tag: rest for id_tag, *rest in town.rows(query)}  # type: ignore[misc]


@pytest.mark.parametrize("webhooks", [False, True], ids=["quiet", "with webhooks"])
def test_cards_are_open_after_the_sync_and_their_sessions_are_billed(town: Town, webhooks: bool) -> None:
    if webhooks:
        town.send_webhooks()
    given = [*rows(3), row(2, id_tag="SECOND")]

    report = imported(given)
    town.platform.sync()
    open_cards = {name: limit for name, limit in town.limits().items() if not name.startswith("META-")}
    session = town.charge("SECOND")
    town.platform.sync()

    assert report.status == "succeeded"
    assert in_platform(town) == {
        "TAG0001": ["C-1", True, "backfill-C-1"],
        "TAG0002": ["C-2", True, "backfill-C-2"],
        "TAG0003": ["C-3", True, "backfill-C-3"],
        "SECOND": ["C-2", True, "backfill-C-2"],
    }
    assert set(open_cards.values()) == {-1}
    assert [event[:2] for event in town.events()] == [(f"steve_tx_{session}_final", "backfill-C-2")]
    assert divergences(run_of(report)) == []


def test_a_revert_takes_all_back_and_the_next_sync_re_makes_nothing(town: Town) -> None:
    before = town.rows("select count(*) from users"), town.rows("select count(*) from user_mappings")
    run = run_of(imported([*rows(3), row(2, id_tag="SECOND")]))
    town.platform.sync()

    undone = reverted(run)
    town.platform.sync()

    assert (undone.plan.active, undone.status) == ({}, "reverted")
    assert (
        town.rows("select count(*) from users"),
        town.rows("select count(*) from user_mappings"),
    ) == before
    assert set(town.limits().values()) <= {0}
    assert {state for state, _ in states(run, "platform_user")} == {"removed", "shared"}


def test_the_dry_run_says_what_would_be_made(town: Town) -> None:
    report = planned(rows(1))

    assert report.status == "would_succeed" or report.is_well
