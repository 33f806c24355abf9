"""Beside a platform: its mappings and users are made again too, and what depends on them is put right."""

import pytest

from customers.models import BackfillRun, IdTagMapping
from tests.customers import factories
from tests.customers.backfill.platform.there import card, cards, user, users
from tests.customers.backfill.platform.world import open_tags
from tests.customers.backfill.repair.world import advised, planned_repair, repaired, to_do
from tests.customers.backfill.steve.world import divergences, manage, reverted, run_of, tags
from tests.customers.factories import imported, rows
from tests.rehearsal.platform.town import Town

pytestmark = pytest.mark.django_db
OF_C1 = "where lago_customer_external_id = 'C-1'"


@pytest.fixture
def run(town: Town) -> BackfillRun:
    """Two customers; the first has two cards."""
    run = run_of(imported([*rows(2), factories.row(1, id_tag="TAG0003")]))
    town.platform.sync()
    return run


def forget_tag(town: Town, id_tag: str = "TAG0001") -> None:
    town.steve.world.delete_tag(tags(town.steve)[id_tag]["ocppTagPk"])


def test_a_mapping_of_the_platform_that_has_gone_is_made_again(town: Town, run: BackfillRun) -> None:
    before = cards(town)
    town.database.execute("delete from user_mappings where steve_ocpp_id_tag = 'TAG0001'")

    assert to_do(planned_repair(run)) == [(2, "platform_mapping", "make again")]
    assert repaired(run).is_well
    assert cards(town) == before
    assert divergences(run) == []


def test_one_out_of_use_is_put_to_use_again_and_its_card_opens(town: Town, run: BackfillRun) -> None:
    town.database.execute("update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0001'")
    town.platform.sync()
    assert "TAG0001" not in open_tags(town)

    assert to_do(planned_repair(run)) == [(2, "platform_mapping", "put to use again")]
    repaired(run)
    town.platform.sync()

    assert "TAG0001" in open_tags(town)
    assert divergences(run) == []


def test_a_card_made_again_in_steve_has_its_new_number_on_the_platform(town: Town, run: BackfillRun) -> None:
    forget_tag(town)

    assert to_do(planned_repair(run)) == [
        (2, "steve_id_tag", "make again"), (2, "platform_mapping", "put right"),
    ]  # fmt: skip
    repaired(run)

    number = tags(town.steve)["TAG0001"]["ocppTagPk"]
    assert number in {pk for _, pk, *_ in cards(town)}
    assert IdTagMapping.objects.get(id_tag="TAG0001").steve_ocpp_tag_pk == number
    assert divergences(run) == []


def test_a_user_that_has_gone_is_made_again_and_owns_all_their_cards(town: Town, run: BackfillRun) -> None:
    before = cards(town), users(town)
    town.database.execute(f"delete from users {OF_C1}".encode())

    assert to_do(planned_repair(run)) == [
        (2, "platform_user", "make again"), (2, "platform_mapping", "put right"),
        (4, "platform_mapping", "put right"),
    ]  # fmt: skip
    assert repaired(run).is_well
    assert (cards(town), users(town)) == before
    assert divergences(run) == []


@pytest.mark.parametrize("line", [2, 4])
def test_cards_that_share_what_is_made_are_left_out_together(town: Town, run: BackfillRun, line: int) -> None:
    town.database.execute(f"delete from users {OF_C1}".encode())
    before = cards(town)
    plan = planned_repair(run)

    unknown = plan.leave_out([line])
    report = repaired(run, leave_out=[line])

    assert (unknown, to_do(plan), [row.planned.line for row in plan.left_out]) == ([], [], [2, 4])
    assert (report.status, report.is_well) == ("nothing", False)
    assert cards(town) == before


def test_a_card_of_which_only_the_platform_knows_is_made_again_everywhere(
    town: Town, run: BackfillRun
) -> None:
    IdTagMapping.objects.filter(id_tag="TAG0001").delete()
    forget_tag(town)

    assert repaired(run).is_well
    assert divergences(run) == []
    assert "TAG0001" in tags(town.steve)


def test_a_user_who_signed_up_anew_is_left_to_people(town: Town, run: BackfillRun) -> None:
    town.database.execute(
        "update users set lago_customer_external_id = null where lago_customer_external_id = 'C-1'"
    )

    assert repaired(run).status == "nothing"


def test_a_card_that_was_given_away_is_left_to_people(town: Town, run: BackfillRun) -> None:
    another = user(town, "C-9", "another@example.com")
    town.database.execute(
        "update user_mappings set user_id = %s, lago_customer_external_id = 'C-9', is_active = false"
        " where steve_ocpp_id_tag = 'TAG0001'",
        [another],
    )

    report = repaired(run)

    assert report.status == "nothing"
    assert ("platform_mapping", "other_owner") in advised(report.plan)


def test_what_was_made_again_goes_with_the_run_and_leaves_no_trace(town: Town, run: BackfillRun) -> None:
    town.database.execute(f"delete from users {OF_C1}".encode())
    town.database.execute("delete from user_mappings where steve_ocpp_id_tag = 'TAG0002'")
    forget_tag(town)
    IdTagMapping.objects.filter(id_tag="TAG0003").delete()
    repaired(run)

    assert reverted(run, discard_activity=True).status == "reverted"

    assert (cards(town), users(town), tags(town.steve)) == ([], [], {})
    assert not IdTagMapping.objects.exists()


def test_what_was_adopted_is_given_back_as_it_was_before_the_run_and_not_before_the_repair(
    town: Town,
) -> None:
    pk = town.add_tag("TAG0001")
    card(town, user(town), pk, is_active=False, lago_subscription_external_id=None)
    run = run_of(imported(rows(1), skip_existing=True))
    town.database.execute("update user_mappings set is_active = false")
    repaired(run)
    assert cards(town)[0][3:] == (True, "backfill-C-1")

    reverted(run, discard_activity=True)

    assert cards(town)[0][3:] == (False, None)


def test_the_command_repairs_and_waits_for_the_sync(town: Town, run: BackfillRun) -> None:
    town.database.execute("update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0001'")

    looked = manage("backfill_repair", "--run-id", run.run_id, "--dry-run")
    done = manage("backfill_repair", "--run-id", run.run_id, "--noinput")

    assert (looked[0], "put to use again" in looked[1]) == (1, True)
    assert done[0] == 0, done
    assert "TAG0001" in open_tags(town)


def test_cards_that_were_just_repaired_wait_for_the_sync_and_for_nobody(town: Town, run: BackfillRun) -> None:
    town.database.execute("update user_mappings set is_active = false where steve_ocpp_id_tag = 'TAG0001'")
    town.platform.sync()
    repair_it = ("backfill_repair", "--run-id", run.run_id, "--noinput", "--no-wait")
    waits = "1 card blocked in SteVe waits for the platform's sync, which opens it (C-1)."

    looked = planned_repair(run)
    done = repaired(run)
    again = manage(*repair_it)
    later = planned_repair(run)
    town.platform.sync()

    assert (looked.advice, looked.waiting_sentence) == ([], waits)
    assert (done.status, done.is_well, again[0]) == ("repaired", True, 0)
    assert waits in again[1]
    assert "somebody has to decide" not in again[1]
    assert (later.is_well, [one.line for one in later.waiting]) == (True, [2])
    assert (planned_repair(run).waiting, divergences(run)) == ([], [])


def test_one_that_a_sync_has_left_blocked_is_for_somebody_to_decide(town: Town, run: BackfillRun) -> None:
    blocked = {"idTag": "TAG0001", "maxActiveTransactionCount": 0}
    town.steve_call("PUT", f"ocppTags/{town.tag('TAG0001')['ocppTagPk']}", blocked)

    plan = planned_repair(run)

    assert (advised(plan), plan.waiting) == ({("steve_id_tag", "blocked")}, [])


REFUSED = """
create function refuse() returns trigger language plpgsql as
  $$ begin if old.steve_ocpp_id_tag = 'TAG0003' and new.user_id is not null then raise exception 'no'; end if;
  return new; end $$;
create trigger refuse before update on user_mappings for each row execute function refuse();
"""


def test_a_repair_that_does_not_come_to_the_second_card_goes_on_with_it(town: Town, run: BackfillRun) -> None:
    before = cards(town), users(town)
    town.database.execute(f"delete from users {OF_C1}".encode())
    town.database.execute(REFUSED.encode())
    try:
        failed = repaired(run, batch_size=1)
        meanwhile = divergences(run)
    finally:
        town.database.execute("drop trigger refuse on user_mappings; drop function refuse")

    again = repaired(run)

    assert (failed.status, failed.counts) == ("failed", {"repaired": 1, "failed": 1})
    assert meanwhile == [("platform_mapping", "unrepaired")]
    assert again.is_well
    assert (cards(town), users(town)) == before
    assert divergences(run) == []
