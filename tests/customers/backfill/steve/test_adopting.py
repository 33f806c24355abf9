"""idTags that SteVe has already: what the plan says of them, and what is left after run and revert."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers.models import IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charged, charging
from tests.customers.backfill.notations import WRITTEN, file_of_cards, likenesses
from tests.customers.backfill.steve.world import (
    charge,
    divergences,
    manifest,
    planned_revert,
    reverted,
    run_of,
    tags,
)
from tests.customers.factories import actions, codes, imported, planned, row, rows, steps, told, warnings

pytestmark = pytest.mark.django_db

TAG = "TAG0001"
ADOPTED = {
    "free": {},
    "limited to one session": {"max_active_transaction_count": 1},
    "with parent, expiry and note": {"parent_id_tag": "FLEET", "expiry_date": NEXT_YEAR, "note": "van 7"},
    "of a user of SteVe": {"user_pk": 7},
}
BLOCKED: dict[str, Any] = {
    "max_active_transaction_count": 0,
    "parent_id_tag": "FLEET",
    "note": "lost, said on the phone",
}


@pytest.fixture(autouse=True)
def fleet(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")


@pytest.mark.parametrize("there", ADOPTED.values(), ids=ADOPTED)
def test_one_that_may_charge_needs_skip_existing_and_is_left_as_it_is(
    steve: SteveSandbox, there: dict[str, Any]
) -> None:
    steve.world.add_tag(TAG, **there)
    before = tags(steve)

    refused, plan = planned(rows(1)), planned(rows(1), skip_existing=True)
    report = imported(rows(1), skip_existing=True)

    assert codes(refused) == ["steve_id_tag_exists"]
    assert (steps(plan)["steve_id_tag"], steps(report)["steve_id_tag"]) == ("adopt", "adopted")
    assert tags(steve) == before
    assert IdTagMapping.objects.get().steve_ocpp_tag_pk == before[TAG]["ocppTagPk"]
    assert divergences(run_of(report)) == []
    reverted(run_of(report))
    assert tags(steve) == before


def test_one_that_somebody_blocked_is_unblocked_and_blocked_again(steve: SteveSandbox) -> None:
    steve.world.add_tag(TAG, **BLOCKED)
    before = tags(steve)

    refused, plan = planned(rows(1)), planned(rows(1), skip_existing=True)
    report = imported(rows(1), skip_existing=True)
    during = tags(steve)[TAG]

    assert codes(refused) == ["steve_id_tag_exists"]
    assert (steps(plan)["steve_id_tag"], warnings(plan)) == ("adopt", ["steve_id_tag_unblocked"])
    assert during == before[TAG] | {"blocked": False, "maxActiveTransactionCount": -1}
    assert charge(steve, TAG).authorised == "Accepted"
    steve.world.sessions.clear()
    assert "steve_id_tag" not in planned_revert(run_of(report)).rows[0].goes
    undone = reverted(run_of(report))
    assert ("outcome=kept" in manifest(undone)[0], tags(steve)) == (True, before)


def test_one_that_steve_inserted_itself_needs_no_skip_existing(steve: SteveSandbox) -> None:
    charged(steve, TAG, started_at=LAST_YEAR)
    before = tags(steve)

    plan, report = planned(rows(1)), imported(rows(1))

    assert (actions(plan), warnings(plan)) == (["create"], ["steve_id_tag_unblocked"])
    assert (report.status, steps(report)["steve_id_tag"]) == ("succeeded", "adopted")
    assert tags(steve)[TAG] == before[TAG] | {"blocked": False, "maxActiveTransactionCount": -1}
    assert planned_revert(run_of(report)).active == {}
    assert reverted(run_of(report)).status == "reverted"
    assert (tags(steve), len(steve.state()["transactions"])) == (before, 1)


def test_unblocking_costs_no_further_calls_to_lago(steve: SteveSandbox, lago: Sandbox) -> None:
    for number in range(1, 21):
        steve.world.add_tag(f"TAG{number:04}", max_active_transaction_count=0)
    lago.reset_requests()

    imported(rows(20), skip_existing=True)

    assert lago.requests()["total"] <= 2 * 20 + 7  # 4 to get to know Lago, the plan, 2 look-ups


def test_a_session_that_ended_before_the_run_does_not_hold_up_a_revert(steve: SteveSandbox) -> None:
    charged(steve, TAG, started_at=datetime.now(UTC) - timedelta(hours=3))

    report = imported(rows(1))

    assert planned_revert(run_of(report)).active == {}


def test_one_in_a_running_session_is_taken_up_and_the_session_goes_on(steve: SteveSandbox) -> None:
    pk = charging(steve, TAG)

    plan, report = planned(rows(1)), imported(rows(1))

    assert warnings(plan) == ["steve_id_tag_unblocked", "steve_id_tag_in_transaction"]
    assert report.status == "succeeded"
    assert steve.world.sessions[pk].is_running
    assert planned_revert(run_of(report)).active == {"C-1": ["charged since"]}


@pytest.mark.parametrize("skip_existing", [False, True])
def test_one_that_has_expired_stops_the_row_and_stays_as_it_is(
    steve: SteveSandbox, skip_existing: bool
) -> None:
    steve.world.add_tag(TAG, expiry_date=LAST_YEAR)
    before = tags(steve)

    report = imported(rows(1), skip_existing=skip_existing)

    assert codes(report) == ["steve_id_tag_expired"] + ["steve_id_tag_exists"] * (not skip_existing)
    assert (report.status, tags(steve)) == ("would_fail", before)


@pytest.mark.parametrize("skip_existing", [False, True])
def test_one_of_another_customer_of_the_platform_stops_the_row(
    steve: SteveSandbox, skip_existing: bool
) -> None:
    steve.world.add_tag("META-K7M2P9QX")
    steve.world.add_tag(TAG, parent_id_tag="META-K7M2P9QX", max_active_transaction_count=0)
    before = tags(steve)

    report = imported([row(1), row(2)], skip_existing=skip_existing, allow_partial=True)

    assert "steve_id_tag_taken" in codes(report)
    assert (report.status, tags(steve)[TAG], "TAG0002" in tags(steve)) == ("partial", before[TAG], True)


def test_the_spelling_of_steve_is_the_one_that_is_billed(steve: SteveSandbox) -> None:
    steve.world.add_tag("tAg0001")

    plan, report = planned(rows(1), skip_existing=True), imported(rows(1), skip_existing=True)
    again, restarted = planned(rows(1), skip_existing=True), planned(rows(1))

    assert warnings(plan) == ["steve_id_tag_spelling"]
    assert IdTagMapping.objects.get().id_tag == "tAg0001"
    assert divergences(run_of(report)) == []
    assert (actions(again), warnings(again)) == (["skip"], ["steve_id_tag_spelling"])
    assert "id_tag_exists" in codes(restarted)
    assert reverted(run_of(report)).status == "reverted"
    assert list(tags(steve)) == ["FLEET", "tAg0001"]


def test_a_spelling_that_appears_only_at_the_call_is_stored_too(steve: SteveSandbox) -> None:
    steve.fault("pause_before,method=POST,path=.*ocppTags")

    def meanwhile() -> None:
        steve.wait_held()
        charged(steve, "tag0001", started_at=LAST_YEAR)
        steve.release()

    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(meanwhile)
        report = imported(rows(1))
        done.result()

    assert (report.status, steps(report)["steve_id_tag"]) == ("succeeded", "adopted")
    assert IdTagMapping.objects.get().id_tag == "tag0001"
    assert divergences(run_of(report)) == []


# --- The plan tells the truth --------------------------------------------------------------------------


@pytest.mark.parametrize("skip_existing", [False, True])
def test_what_the_plan_says_of_each_kind_of_id_tag_is_what_the_run_does(
    steve: SteveSandbox, skip_existing: bool
) -> None:
    steve.world.add_tag("META-K7M2P9QX")
    for number, there in enumerate((*ADOPTED.values(), BLOCKED, {"expiry_date": LAST_YEAR}), start=1):
        steve.world.add_tag(f"TAG{number:04}", **there)
    steve.world.add_tag("TAG0007", parent_id_tag="META-K7M2P9QX")
    steve.world.add_tag("tag0008")
    charged(steve, "TAG0009", started_at=LAST_YEAR)
    charging(steve, "tag0010")
    before = tags(steve)

    plan = planned(rows(11), skip_existing=skip_existing)
    report = imported(rows(11), skip_existing=skip_existing, allow_partial=True)
    undone = reverted(run_of(report), discard_activity=True)

    done = {"create": "created", "adopt": "adopted", "fail": "failed"}
    for line in range(2, 13):
        was, told_before = told(report)[line], told(plan)[line]
        assert was["action"] == done[told_before["action"]]
        assert was["steps"] == {name: done[word] for name, word in told_before["steps"].items()}
        assert (was["problems"], was["warnings"]) == (told_before["problems"], told_before["warnings"])
    assert [row["action"] for row in told(plan).values()].count("fail") == (2 if skip_existing else 8)
    assert (undone.status, tags(steve)) == ("reverted", before)


# --- The same card in another notation ---------------------------------------------------------------


def test_a_card_that_steve_writes_otherwise_is_named_and_not_taken_for_it(steve: SteveSandbox) -> None:
    for written in WRITTEN.values():
        steve.world.add_tag(written)

    plan = planned(file_of_cards())

    found = likenesses(plan)
    assert sorted(found) == list(range(2, 2 + len(WRITTEN)))  # all but the last, whose card is nowhere
    assert all("in SteVe (number " in message for message in found.values())
    assert {of_row["steps"]["steve_id_tag"] for of_row in told(plan).values()} == {"create"}
