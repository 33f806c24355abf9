"""A run of 1.0, which knew nothing of a platform, and the platform that stands beside it today."""

import pytest

from tests.customers.backfill.platform.world import in_platform, open_tags, people
from tests.rehearsal.platform.rows import add_mapping, add_user
from tests.rehearsal.platform.town import Town
from tests.upgrades.conftest import Upgraded
from tests.upgrades.test_from_1_0 import is_unbilled, live

CARDS = {"ATAG001", "ATAG002", "ATAG003", "ATAG004", "ATAG101"}
DOTTED = "10423.0"
CUSTOMERS = ["A-1", "A-2", DOTTED, "A-4"]
STOPPED = "the run did not make it; it stays, inactive"


def revert(beside: Upgraded, *options: str) -> tuple[int, str]:
    run_id = beside.run_id("succeeded")
    answer = beside.manage("backfill_revert", "--run-id", run_id, "--noinput", *options)
    return answer.code, answer.out + answer.err


def active(town: Town) -> list[str]:
    """Cards and parents that are in use, of the customers of the file; Lago has those of other runs too."""
    query = (
        "select steve_ocpp_id_tag from user_mappings"
        " where is_active and lago_customer_external_id = any(%s) order by 1"
    )
    return [id_tag for (id_tag,) in town.rows(query, CUSTOMERS)]


def known(town: Town) -> set[tuple[str, str | None]]:
    """Whom of the file the platform has, with which address."""
    return {(external_id, email) for external_id, email in people(town) if external_id in CUSTOMERS}


def link(town: Town, external_id: str, id_tag: str, subscription: str) -> int:
    """Link a card as the platform's staff does, to whom its sync made of the Lago customer."""
    ((user,),) = town.rows("select id from users where lago_customer_external_id = %s", external_id)
    return add_mapping(
        town.database, user, town.tag(id_tag)["ocppTagPk"], steve_ocpp_id_tag=id_tag, is_active=True,
        lago_customer_external_id=external_id, lago_subscription_external_id=subscription,
    )  # fmt: skip


# --- Completed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_synced", [False, True], ids=["before a sync", "after a sync"])
@pytest.mark.matrix
def test_the_same_file_completes_a_run_and_its_cards_open(
    beside: Upgraded, town: Town, has_synced: bool
) -> None:
    if has_synced:
        town.platform.sync()
        assert open_tags(town) == set()

    without = beside.again("succeeded", "--dry-run") if has_synced else None
    answer = beside.again("succeeded", "--skip-existing")
    run_id = beside.run_id("succeeded")
    reconciled = beside.manage("backfill_reconcile", "--run-id", run_id)
    verified = beside.manage("backfill_verify", "--run-id", run_id)

    assert without is None or without.code == 1
    assert answer.code == 0, answer.out + answer.err
    assert "all cards are as they should be" in " ".join(answer.out.split())
    assert open_tags(town) >= CARDS
    assert {one[:2] for one in in_platform(town).values()} == {
        ("A-1", True), ("A-2", True), (DOTTED, True), ("A-4", True),
    }  # fmt: skip
    assert known(town) == {
        ("A-1", "a1@example.com"),
        ("A-2", "anna.capital@example.com"),
        (DOTTED, "a3@example.com"),
        ("A-4", "a4@example.com"),
    }
    assert (reconciled.code, verified.code) == (0, 0)
    assert is_unbilled(beside)


@pytest.mark.matrix
def test_a_completed_run_and_the_one_that_completed_it_are_taken_back(beside: Upgraded, town: Town) -> None:
    first = beside.run_id("succeeded")
    beside.again("succeeded", "--skip-existing")
    second = beside.run_id("succeeded")

    answers = [
        beside.manage("backfill_revert", "--run-id", run_id, "--noinput") for run_id in (second, first)
    ]
    town.platform.sync()

    assert first != second
    assert [answer.code for answer in answers] == [0, 0], answers
    assert (in_platform(town), open_tags(town)) == ({}, set())
    assert known(town) == {("A-4", "a4@example.com")}  # made by the sync: Lago had the customer before
    assert live(beside, "A") == ["A-4"]


# --- Taken back --------------------------------------------------------------------------------------


def test_a_run_of_whom_the_platform_knows_nothing_is_simply_taken_back(beside: Upgraded, town: Town) -> None:
    code, said = revert(beside)
    town.platform.sync()

    assert code == 0, said
    assert STOPPED not in said
    assert live(beside, "A") == ["A-4"]
    assert (in_platform(town), open_tags(town)) == ({}, set())
    assert is_unbilled(beside)


@pytest.mark.matrix
def test_cards_that_staff_linked_stop_before_anything_ends(beside: Upgraded, town: Town) -> None:
    town.platform.sync()
    link(town, "A-1", "ATAG001", "backfill-A-1")
    link(town, "A-1", "ATAG101", "backfill-A-1")
    before = active(town)
    beside.lago.fault("500,method=DELETE,times=100")

    code, said = revert(beside)

    assert (before, code) == (["ATAG001", "ATAG101"], 1), said
    assert active(town) == []
    assert live(beside, "A")[0] == "A-1"


@pytest.mark.matrix
def test_what_the_platform_and_its_staff_made_is_stopped_and_nothing_opens_again(
    beside: Upgraded, town: Town
) -> None:
    """One card was charged with, so SteVe keeps it: an active row or parent there would open it again."""
    town.platform.sync()
    for id_tag in ("ATAG001", "ATAG101"):
        link(town, "A-1", id_tag, "backfill-A-1")
    town.platform.make_metas()
    town.platform.sync()
    opened, in_use = open_tags(town), active(town)
    town.charge("ATAG001")
    town.platform.sync()

    asked, said = revert(beside)
    code, told = revert(beside, "--discard-activity")
    town.platform.sync()

    assert {"ATAG001", "ATAG101"} < opened
    assert len(in_use) == 2 + len(CUSTOMERS)  # with a parent each
    assert (asked, "charged since" in said) == (2, True)
    assert code == 0, told
    assert active(town) == []
    assert not {"ATAG001", "ATAG101"} & open_tags(town)
    assert ("A-1", "a1@example.com") in known(town)
    assert live(beside, "A") == ["A-4"]


@pytest.mark.matrix
def test_a_parent_alone_is_stopped_too(beside: Upgraded, town: Town) -> None:
    """The platform's webhooks were on in that time: without a user they made in_use, and opened them."""
    parent = add_mapping(
        town.database, None, town.add_tag("OCPP-A-1"), steve_ocpp_id_tag="OCPP-A-1", tag_type="meta",
        lago_customer_external_id="A-1", lago_subscription_external_id="backfill-A-1", is_active=True,
    )  # fmt: skip

    code, said = revert(beside)

    assert code == 0, said
    assert town.rows("select is_active from user_mappings where id = %s", parent) == [(False,)]


@pytest.mark.matrix
def test_whoever_signed_in_at_the_platform_is_asked_about(beside: Upgraded, town: Town) -> None:
    town.platform.sync()
    ((user,),) = town.rows("select id from users where lago_customer_external_id = 'A-1'")
    town.database.execute(
        "insert into sessions (id, user_id, token, expires_at) values ('s', %s, 't', now())", [user]
    )

    code, said = revert(beside)

    assert (code, "signed in at the platform" in said) == (2, True)
    assert len(live(beside, "A")) == 3


def test_a_dry_run_says_what_stays_at_the_platform(beside: Upgraded, town: Town) -> None:
    town.platform.sync()
    link(town, "A-1", "ATAG001", "backfill-A-1")
    run_id = beside.run_id("succeeded")

    answer = beside.manage("backfill_revert", "--run-id", run_id, "--dry-run", "--format", "json")

    (row,) = (row for row in answer.json["rows"] if row["line"] == 2)
    assert row["keep"]["platform_mapping"] == STOPPED
    assert "platform_user" in row["keep"]
    assert active(town) == ["ATAG001"]


def test_without_the_platform_nothing_of_it_is_touched(beside: Upgraded, town: Town) -> None:
    town.platform.sync()
    link(town, "A-1", "ATAG001", "backfill-A-1")

    code, said = revert(beside, "--without", "polaris")

    assert code == 0, said
    assert active(town) == ["ATAG001"]


@pytest.mark.matrix
def test_a_user_who_stays_there_is_adopted_by_the_next_import(beside: Upgraded, town: Town) -> None:
    town.platform.sync()
    link(town, "A-1", "ATAG001", "backfill-A-1")
    revert(beside)

    answer = beside.again("succeeded", "--skip-existing", "--allow-partial")

    assert "value_damaged" in answer.out  # of the key 10423.0, which nothing holds any more
    assert open_tags(town) >= CARDS - {"ATAG003"}


@pytest.mark.matrix
def test_an_address_is_not_needed_to_take_a_run_back(beside: Upgraded, town: Town) -> None:
    add_user(town.database, "A-2", email=None)

    code, said = revert(beside)

    assert code == 0, said
    assert ("A-2", None) in known(town)
