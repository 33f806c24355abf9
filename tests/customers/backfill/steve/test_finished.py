"""idTags that a run had finished with, or had not: whose they are when the file runs again."""

import pytest

from customers.models import IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR
from tests.customers.backfill.steve.world import (
    divergences,
    reverted,
    run_of,
    states,
    tags,
)
from tests.customers.factories import actions, imported, planned, row, rows, warnings

pytestmark = pytest.mark.django_db

TAG = "TAG0001"


@pytest.fixture(autouse=True)
def fleet(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")


# --- After a run has finished with them ---------------------------------------------------------------


def test_a_card_that_was_blocked_since_stays_blocked_when_the_file_runs_again(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(1)))
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0)

    again = imported(rows(1), skip_existing=True)

    assert (actions(again), warnings(again)) == (["skipped"], ["steve_id_tag_blocked_since"])
    assert tags(steve)[TAG]["blocked"]
    assert divergences(run) == [("steve_id_tag", "blocked")]


def test_a_mapping_that_was_switched_off_since_stays_off_with_its_card(steve: SteveSandbox) -> None:
    """The platform's sync blocks every idTag without an active mapping."""
    imported(rows(1))
    IdTagMapping.objects.update(is_active=False)
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0)

    again = imported(rows(1), skip_existing=True)

    assert actions(again) == ["skipped"]
    assert (IdTagMapping.objects.get().is_active, tags(steve)[TAG]["blocked"]) == (False, True)


@pytest.mark.parametrize(
    ("since", "told"),
    [
        ({"expiry_date": LAST_YEAR.isoformat()}, ["steve_id_tag_expired_since"]),
        ({"parent_id_tag": "META-K7M2P9QX"}, []),
    ],
    ids=["expired", "gathered under the customer by the platform"],
)
def test_what_happened_to_a_finished_card_does_not_stop_the_file(
    steve: SteveSandbox, since: dict[str, str], told: list[str]
) -> None:
    imported(rows(1))
    steve.world.add_tag("META-K7M2P9QX")
    steve.steer("POST", "id-tags", id_tag=TAG, **since)

    again = planned([row(1), row(2)], skip_existing=True)

    assert (actions(again), warnings(again)) == (["skip", "create"], told)


def test_a_mapping_that_was_deleted_since_is_made_again_and_its_card_unblocked(steve: SteveSandbox) -> None:
    imported(rows(1))
    IdTagMapping.objects.all().delete()
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0)

    again = imported(rows(1), skip_existing=True)

    assert (actions(again), tags(steve)[TAG]["blocked"]) == (["completed"], False)
    assert IdTagMapping.objects.get().is_active


def test_numbers_of_a_steve_that_was_set_up_anew_are_no_obstacle(steve: SteveSandbox, lago: Sandbox) -> None:
    imported(rows(2))
    for pk in list(steve.world.tags):
        steve.world.delete_tag(pk)
    IdTagMapping.objects.filter(id_tag="TAG0002").update(steve_ocpp_tag_pk=4)  # the next that SteVe gives

    report = imported([row(3)])

    assert report.status == "succeeded"
    numbers = dict(IdTagMapping.objects.values_list("id_tag", "steve_ocpp_tag_pk"))
    assert (numbers["TAG0003"], numbers["TAG0002"]) == (4, None)


def test_ours_that_the_sync_blocked_before_its_row_was_whole_is_unblocked_and_stays_ours(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    lago.fault("500,method=POST,path=/customers,times=5")
    imported(rows(1))
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0, note="Last synced on")

    report = imported(rows(1))

    assert (report.status, tags(steve)[TAG]["blocked"]) == ("succeeded", False)
    assert [state for state, _ in states(run_of(report))] == ["created"]
    reverted(run_of(report))
    assert TAG not in tags(steve)


@pytest.mark.parametrize("again", [True, False], ids=["run again", "undone at once"])
@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_ours_stays_ours_when_the_answer_to_unblocking_it_is_lost(
    steve: SteveSandbox, lago: Sandbox, kind: str, again: bool
) -> None:
    lago.fault("500,method=POST,path=/customers,times=5")
    imported(rows(1))
    steve.steer("POST", "id-tags", id_tag=TAG, max_active_transaction_count=0, note="Last synced on")
    steve.fault(f"{kind},method=PUT,times=3")

    report = imported(rows(1))
    unsettled = states(run_of(report))
    if again:
        report = imported(rows(1))

    assert [state for state, _ in unsettled] == ["intended"]
    assert [state for state, _ in states(run_of(report))] == (["created"] if again else ["intended"])
    assert reverted(run_of(report)).status == "reverted"
    assert list(tags(steve)) == ["FLEET"]
