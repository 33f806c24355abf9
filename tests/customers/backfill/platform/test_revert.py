"""A revert beside the platform: it stops first, leaves what has a history, and opens nothing again."""

from typing import Any

import pytest

from charging.charge_point import ChargePointError
from customers.models import BackfillRun
from tests.customers.backfill.platform import world
from tests.customers.backfill.steve.world import manage, reverted, run_of, states
from tests.customers.factories import imported, row, rows
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
SECOND = "SECOND"


def active(town: Town) -> list[str]:
    query = "select steve_ocpp_id_tag from user_mappings where is_active order by 1"
    return [id_tag for (id_tag,) in town.rows(query)]


def test_a_revert_that_leaves_the_platform_out_says_what_its_sync_would_do(town: Town, settings: Any) -> None:
    run = world.imported_beside(town, rows(2))
    settings.POLARIS_DATABASE_URL = "none"

    code, out, err = manage(
        "backfill_revert", "--run-id", run.run_id, "--without", "polaris", "--dry-run", "--noinput"
    )

    said = " ".join((out + err).split())
    assert code == 0
    assert "If that Polaris still syncs, it opens cards for which nobody pays" in said


# --- Stops first -----------------------------------------------------------------------------------------


def test_cards_and_parents_stop_in_one_statement_before_anything_ends(town: Town) -> None:
    run = world.imported_beside(town, [*rows(2), row(2, id_tag=SECOND)], parents=True)
    was_active = active(town)
    town.lago.fault("500,method=DELETE,times=100")

    with world.logged(town) as statements:
        undone = reverted(run)

    assert len(was_active) == 5
    assert undone.status != "reverted"
    assert active(town) == []
    assert statements.count("UPDATE") == 1
    assert len(town.lago.state(live=True)["subscriptions"]) == 2


def test_a_parent_goes_on_whose_subscription_was_there_before(town: Town) -> None:
    town.imported("C-1")
    town.platform.make_metas()
    town.database.execute("update users set email = 'customer1@example.com'")
    run = run_of(imported(rows(1, start_date="2026-01-01"), skip_existing=True))

    undone = reverted(run)
    town.platform.sync()

    assert undone.status == "reverted"
    assert town.metas()[0][1] is True
    assert "TAG0001" not in world.open_tags(town)


def test_a_card_of_a_run_of_before_bills_on_to_a_subscription_that_stays(town: Town, settings: Any) -> None:
    """The run knew of no platform and made the card only; staff linked it to what was there before."""
    town.add_customer("C-1", email="customer1@example.com")
    wanted = {"external_customer_id": "C-1", "external_id": "theirs", "plan_code": "standard"}
    town.lago_call("POST", "subscriptions", {"subscription": wanted})
    url, settings.POLARIS_DATABASE_URL = settings.POLARIS_DATABASE_URL, ""
    run = run_of(imported(rows(1, start_date="2026-01-01"), skip_existing=True))
    settings.POLARIS_DATABASE_URL = url
    user = add_user(town.database, "C-1", email="customer1@example.com")
    add_mapping(
        town.database, user, town.tag("TAG0001")["ocppTagPk"], steve_ocpp_id_tag="TAG0001", is_active=True,
        lago_customer_external_id="C-1", lago_subscription_external_id="theirs",
    )  # fmt: skip

    undone = reverted(run)

    assert undone.status == "reverted"
    assert world.in_platform(town) == {"TAG0001": ("C-1", True, "theirs")}


# --- What goes, and what stays ---------------------------------------------------------------------------


def test_a_card_that_has_billed_stays_inactive_and_without_its_user(town: Town) -> None:
    run = world.imported_beside(town, rows(2), parents=True)
    world.bill(town)

    undone = reverted(run, discard_activity=True)
    town.platform.sync()

    assert undone.status == "reverted"
    assert world.in_platform(town) == {"TAG0001": (None, False, "backfill-C-1")}
    assert [state for state, _ in states(run, "platform_mapping")] == ["kept", "removed"]
    assert world.people(town) == []
    assert world.open_tags(town) == set()


def test_a_card_that_was_issued_stays_and_so_does_the_record(town: Town) -> None:
    run = world.imported_beside(town, rows(1))
    world.issue(town, world.mapping_of(town))

    reverted(run, discard_activity=True)

    assert world.in_platform(town) == {"TAG0001": (None, False, "backfill-C-1")}
    assert town.rows("select count(*) from issued_cards") == [(1,)]


def test_a_kept_card_is_taken_from_under_its_parent(town: Town) -> None:
    run = world.imported_beside(town, rows(1), parents=True)
    world.bill(town)
    before = town.tag("TAG0001")["parentIdTag"]

    reverted(run, discard_activity=True)

    assert before.startswith("META-")
    assert (town.tag("TAG0001")["parentIdTag"], town.limits()["TAG0001"]) == (None, 0)
    assert town.rows("select steve_parent_id_tag from user_mappings where tag_type <> 'meta'") == [(None,)]


def test_a_card_that_is_blocked_already_is_taken_from_under_its_parent_too(town: Town) -> None:
    run = world.imported_beside(town, rows(1), parents=True)
    world.bill(town)
    town.database.execute("update user_mappings set is_active = false")
    town.platform.sync()
    was = town.tag("TAG0001")

    reverted(run, discard_activity=True)

    assert was["maxActiveTransactionCount"] == 0
    assert was["parentIdTag"] is not None
    assert town.tag("TAG0001")["parentIdTag"] is None


def test_parents_go_with_the_user_unless_they_have_billed_or_were_issued(town: Town) -> None:
    run = world.imported_beside(town, rows(3), parents=True)
    world.bill(town)
    ids = [world.mapping_of(town, id_tag) for id_tag, _ in town.metas()]
    town.database.execute("update synced_transaction_events set user_mapping_id = %s", [ids[0]])
    world.issue(town, ids[1])

    reverted(run, discard_activity=True)

    left = town.rows("select id, is_active, user_id from user_mappings where tag_type = 'meta' order by id")
    assert left == [(ids[0], False, None), (ids[1], False, None)]
    assert town.rows("select count(*) from issued_cards") == [(1,)]


def test_a_user_who_is_of_the_staff_by_now_stays_with_the_parent(town: Town) -> None:
    run = world.imported_beside(town, rows(1), parents=True)
    town.database.execute("update users set role = 'admin'")

    reverted(run)

    assert town.rows("select role from users") == [("admin",)]
    assert [active for _, active in town.metas()] == [False]


def test_an_adopted_user_is_kept_and_spelt_as_before(town: Town) -> None:
    add_user(town.database, "C-1", email="Customer1@Example.com")
    run = world.imported_beside(town, rows(1), skip_existing=True)
    meanwhile = world.people(town)

    reverted(run)

    assert meanwhile == [("C-1", "customer1@example.com")]
    assert world.people(town) == [("C-1", "Customer1@Example.com")]
    assert world.in_platform(town) == {}


def test_an_adopted_card_is_again_as_it_was(town: Town) -> None:
    pk = town.add_tag("TAG0001", limit=0)
    user = add_user(town.database, "C-1", email="customer1@example.com")
    add_mapping(
        town.database, user, pk, steve_ocpp_id_tag="TAG0001", lago_customer_external_id="C-1",
        lago_subscription_external_id="old",
    )  # fmt: skip
    run = world.imported_beside(town, rows(1), skip_existing=True)
    meanwhile = world.in_platform(town)

    reverted(run)
    town.platform.sync()

    assert meanwhile == {"TAG0001": ("C-1", True, "backfill-C-1")}
    assert world.in_platform(town) == {"TAG0001": ("C-1", False, "old")}
    assert world.open_tags(town) == set()


@pytest.mark.parametrize(
    "meanwhile",
    ["delete from users where id = %s", "update users set role = 'admin' where id = %s"],
    ids=["deleted", "made staff"],
)
def test_an_adopted_card_whose_user_is_no_customer_by_now_is_given_back_without_one(
    town: Town, meanwhile: str
) -> None:
    for number in (2, 1):
        user = add_user(town.database, f"C-{number}", email=f"customer{number}@example.com")
        id_tag = f"TAG000{number}"
        add_mapping(
            town.database, user, town.add_tag(id_tag, limit=0), steve_ocpp_id_tag=id_tag,
            lago_customer_external_id=f"C-{number}", lago_subscription_external_id="old",
        )  # fmt: skip
    run = world.imported_beside(town, rows(2), skip_existing=True)
    town.database.execute(meanwhile, [user])

    undone = reverted(run)

    assert undone.status == "reverted"
    assert world.in_platform(town) == {"TAG0001": (None, False, "old"), "TAG0002": ("C-2", False, "old")}


def test_an_adopted_card_that_bills_elsewhere_by_now_is_left_alone(town: Town) -> None:
    pk = town.add_tag("TAG0001", limit=0)
    user = add_user(town.database, "C-1", email="customer1@example.com")
    add_mapping(
        town.database, user, pk, steve_ocpp_id_tag="TAG0001", lago_customer_external_id="C-1",
        lago_subscription_external_id="old",
    )  # fmt: skip
    run = world.imported_beside(town, rows(1), skip_existing=True)
    town.database.execute("update user_mappings set lago_subscription_external_id = 'new'")

    reverted(run, discard_activity=True)

    assert world.in_platform(town) == {"TAG0001": ("C-1", True, "new")}


# --- Afterwards ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("webhooks", [False, True], ids=["quiet", "with webhooks"])
def test_the_sync_after_a_revert_opens_nothing_and_makes_nobody(town: Town, webhooks: bool) -> None:
    if webhooks:
        town.send_webhooks()
    run = world.imported_beside(town, [*rows(2), row(2, id_tag=SECOND)], parents=True)
    if webhooks:
        world.wait_for_webhooks(town, 4)
    world.bill(town, SECOND)

    reverted(run, discard_activity=True)
    if webhooks:
        world.wait_for_webhooks(town, 6)
    town.platform.sync()

    assert world.open_tags(town) == set()
    assert world.people(town) == []
    with pytest.raises(ChargePointError):
        town.charge(SECOND)


def test_an_import_over_what_the_revert_left_opens_the_cards_again(town: Town) -> None:
    given = [*rows(2), row(2, id_tag=SECOND)]
    run = world.imported_beside(town, given, parents=True)
    world.bill(town, SECOND)
    reverted(run, discard_activity=True)
    town.platform.sync()

    again = world.imported_beside(town, given, skip_existing=True)
    town.charge("TAG0002")
    town.platform.sync()

    assert again.status == BackfillRun.Status.SUCCEEDED
    assert world.in_platform(town) == {
        "TAG0001": ("C-1", True, "backfill-C-1"),
        "TAG0002": ("C-2", True, "backfill-C-2"),
        SECOND: ("C-2", True, "backfill-C-2"),
    }
    assert {"TAG0001", "TAG0002", SECOND} <= world.open_tags(town)
    assert len(town.events()) == 2
