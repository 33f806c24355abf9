"""What people did at the platform since a run: a revert names it, and goes on only as it is told to."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.customers.backfill.platform import world
from tests.customers.backfill.platform.world import mapping_of, user_of
from tests.customers.backfill.steve.world import manage, planned_revert, reverted
from tests.customers.factories import row, rows
from tests.rehearsal.platform.rows import add_mapping, add_user, insert
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
SIGNED_IN = "signed in at the platform"


def change(column: str, value: str) -> Callable[[Town], object]:
    return lambda town: town.database.execute(
        f"update users set {column} = {value} where lago_customer_external_id = 'C-1'"  # type: ignore[arg-type]
    )


def session(town: Town) -> None:
    insert(
        town.database, "sessions", id="s", user_id=user_of(town), token=str(uuid4()), expires_at="2020-01-01",
    )  # fmt: skip


def device(town: Town) -> None:
    insert(town.database, "devices", id=str(uuid4()), owner_user_id=user_of(town))


def audit(event: str) -> Callable[[Town], object]:
    return lambda town: insert(town.database, "auth_audit", event=event, user_id=user_of(town))


def reservation(town: Town) -> None:
    tag = town.tag("TAG0001")
    insert(
        town.database, "reservations", charge_box_id="TEST-1", connector_id=1,
        steve_ocpp_tag_pk=tag["ocppTagPk"], steve_ocpp_id_tag="TAG0001", duration_minutes=60,
        start_at="2030-01-01 10:00Z", end_at="2030-01-01 11:00Z",
    )  # fmt: skip


def another_card(town: Town) -> None:
    add_mapping(town.database, user_of(town), town.add_tag("OTHER"), lago_customer_external_id="C-1")


SIGNS = {
    "a link was followed": (change("email_verified", "true"), SIGNED_IN),
    "the tour was finished": (change("onboarded_at", "now()"), SIGNED_IN),
    "a session that has ended": (session, SIGNED_IN),
    "a telephone": (device, SIGNED_IN),
    "a scan": (audit("scan.login_success"), SIGNED_IN),
    "a telephone once": (audit("device.registered"), SIGNED_IN),
    "something done": (audit("customer.action"), SIGNED_IN),
    "a session once": (audit("session.expired_customer_ttl"), SIGNED_IN),
    "a card issued": (lambda town: world.issue(town, mapping_of(town)), "cards issued at the platform: 1"),
    "a reservation": (reservation, "reservations at the platform: 1"),
    "another card": (another_card, "other cards at the platform: 1"),
}


@pytest.mark.parametrize(("act", "named"), SIGNS.values(), ids=SIGNS)
def test_what_somebody_did_there_is_named(town: Town, act: Callable[[Town], object], named: str) -> None:
    run = world.imported_beside(town, rows(2))
    act(town)

    plan = planned_revert(run)

    assert plan.active == {"C-1": [named]}


def test_a_billed_session_is_named(town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    world.bill(town)

    active = planned_revert(run).active

    assert list(active) == ["C-1"]
    assert "billed at the platform: 1" in active["C-1"]


@pytest.mark.parametrize("event", ["magic_link.consumed", "magic_link.sent"])
def test_an_event_that_anybody_can_cause_is_no_sign(town: Town, event: str) -> None:
    run = world.imported_beside(town, rows(1))
    audit(event)(town)

    assert planned_revert(run).active == {}


def test_cards_that_an_adopted_customer_had_before_are_no_activity(town: Town) -> None:
    user = add_user(town.database, "C-1", email="customer1@example.com", created_at="2025-01-01")
    add_mapping(
        town.database, user, town.add_tag("OTHER"), lago_customer_external_id="C-1", created_at="2025-01-01"
    )
    run = world.imported_beside(town, rows(1), skip_existing=True)

    before = planned_revert(run).active
    add_mapping(
        town.database, user, town.add_tag("NEW"), steve_ocpp_id_tag="NEW", lago_customer_external_id="C-1"
    )

    assert before == {}
    assert planned_revert(run).active == {"C-1": ["other cards at the platform: 1"]}


def test_an_adopted_user_counts_as_active_only_by_what_came_after_the_run(town: Town) -> None:
    add_user(town.database, "C-1", email="customer1@example.com", email_verified=True)
    run = world.imported_beside(town, rows(1), skip_existing=True)

    before = planned_revert(run).active
    session(town)

    assert before == {}
    assert planned_revert(run).active == {"C-1": [SIGNED_IN]}


def test_a_revert_begins_only_when_it_was_told_what_to_do(town: Town) -> None:
    run = world.imported_beside(town, rows(2))
    session(town)

    code, out, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")
    refused = reverted(run)

    assert (code, refused.status) == (1, "refused")
    assert "C-1" in out
    assert SIGNED_IN in out
    assert len(world.people(town)) == 2


def test_who_is_kept_goes_on_to_charge_and_the_others_go(town: Town) -> None:
    run = world.imported_beside(town, [*rows(2), row(1, id_tag="SECOND")], parents=True)
    session(town)

    reverted(run, keep_active=True)
    town.platform.sync()
    world.bill(town, "SECOND")

    assert world.in_platform(town) == {
        "TAG0001": ("C-1", True, "backfill-C-1"),
        "SECOND": ("C-1", True, "backfill-C-1"),
    }
    assert {"TAG0001", "SECOND"} <= world.open_tags(town)
    assert "TAG0002" not in world.open_tags(town)
    assert len(town.events()) == 1


def test_who_is_discarded_goes_with_all_they_added(town: Town) -> None:
    run = world.imported_beside(town, rows(1))
    for act in (session, device, reservation):
        act(town)

    reverted(run, discard_activity=True)
    town.platform.sync()

    left = [*town.rows("select id from users"), *town.rows("select user_id from sessions")]
    assert left == []
    assert world.in_platform(town) == {}
    assert world.open_tags(town) == set()
