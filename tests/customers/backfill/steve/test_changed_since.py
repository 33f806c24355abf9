"""What an administrator changed in SteVe since a run: named beforehand, and kept unless told otherwise."""

import json
from datetime import timedelta
from typing import Any

import pytest

from customers.backfill.reconcile import reconcile
from customers.backfill.systems import connect
from customers.models import BackfillRun, BackfillStep, IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charged
from tests.customers.backfill.steve.world import (
    charge,
    divergences,
    manage,
    manifest,
    planned_revert,
    reverted,
    run_of,
    states,
    tags,
)
from tests.customers.factories import do_not_sleep, imported, row, rows

pytestmark = pytest.mark.django_db

TAG = "TAG0001"
META = "META-K7M2P9QX"
CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "note": ({"note": "stolen"}, "changed in SteVe: note"),
    "limit": ({"max_active_transaction_count": 2}, "changed in SteVe: limit 2"),
    "expiry": ({"expiry_date": NEXT_YEAR}, "changed in SteVe: expiry"),
    "user": ({"user_pk": 7}, "changed in SteVe: user"),
    "parent": ({"parent_id_tag": "FLEET"}, "changed in SteVe: parent"),
    "platform's parent": ({"parent_id_tag": META}, "changed in SteVe: parent"),
    "blocked": ({"max_active_transaction_count": 0}, "changed in SteVe: blocked"),
}
changed = pytest.mark.parametrize(("change", "words"), CHANGES.values(), ids=CHANGES)


@pytest.fixture(autouse=True)
def parents(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    steve.world.add_tag(META)


def change_tag(steve: SteveSandbox, change: dict[str, Any], id_tag: str = TAG) -> None:
    tag = steve.world.tag(id_tag)
    assert tag is not None
    for name, value in change.items():
        setattr(tag, name, value)


@changed
def test_it_is_named_and_nothing_is_removed_without_a_choice(
    steve: SteveSandbox, change: dict[str, Any], words: str
) -> None:
    run = run_of(imported(rows(2)))
    change_tag(steve, change)
    before = tags(steve)

    plan, report = planned_revert(run), reverted(run)

    assert plan.active == {"C-1": [words]}
    assert (report.status, tags(steve)) == ("refused", before)


@changed
def test_the_customer_is_kept_whole(
    steve: SteveSandbox, lago: Sandbox, change: dict[str, Any], words: str
) -> None:
    run = run_of(imported(rows(2)))
    change_tag(steve, change)
    before = tags(steve)[TAG]

    report = reverted(run, keep_active=True)

    assert report.status == "reverted"
    assert {name: tag for name, tag in tags(steve).items() if name.startswith("TAG")} == {TAG: before}
    assert [one["external_id"] for one in lago.state(live=True)["customers"]] == ["C-1"]


@changed
def test_it_can_be_discarded_but_not_what_another_customer_has(
    steve: SteveSandbox, change: dict[str, Any], words: str
) -> None:
    run = run_of(imported(rows(2)))
    change_tag(steve, change)

    report = reverted(run, discard_activity=True)

    left = {name: tag["blocked"] for name, tag in tags(steve).items() if name.startswith("TAG")}
    assert report.status == "reverted"
    assert left == ({TAG: True} if change.get("parent_id_tag") == META else {})


def test_one_that_the_run_unblocked_and_that_got_a_limit_since_is_asked_about(steve: SteveSandbox) -> None:
    steve.world.add_tag(TAG, max_active_transaction_count=0, note="van 7")
    run = run_of(imported(rows(1), skip_existing=True))
    change_tag(steve, {"max_active_transaction_count": 2})

    plan = planned_revert(run)
    kept = reverted(run, keep_active=True)
    limit = tags(steve)[TAG]["maxActiveTransactionCount"]
    discarded = reverted(run, discard_activity=True)

    assert plan.active == {"C-1": ["changed in SteVe: limit 2"]}
    assert (kept.status, limit) == ("reverted", 2)
    assert (discarded.status, tags(steve)[TAG]["blocked"], tags(steve)[TAG]["note"]) == (
        "reverted",
        True,
        "van 7",
    )


def test_what_the_run_only_adopted_may_change_as_it_likes(steve: SteveSandbox) -> None:
    steve.world.add_tag(TAG, max_active_transaction_count=1)
    run = run_of(imported(rows(1), skip_existing=True))
    change_tag(steve, {"note": "theirs", "max_active_transaction_count": 3, "parent_id_tag": "FLEET"})
    before = tags(steve)

    plan, report = planned_revert(run), reverted(run)

    assert (plan.active, report.status, tags(steve)) == ({}, "reverted", before)


def test_a_parent_is_named_and_where_it_is_reverted_kept_and_blocked(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    steve.world.add_tag("CHILD-1", parent_id_tag=TAG)

    plan = planned_revert(run)
    report = reverted(run, discard_activity=True)

    assert plan.active == {"C-1": ["other idTags stand under it in SteVe: 1"]}
    assert report.status == "reverted"
    assert tags(steve)[TAG]["blocked"]
    assert "other idTags stand under it" in next(
        line for line in manifest(report) if "external_id=C-1 " in line
    )
    assert [state for state, _ in states(run)] == ["kept", "removed"]


def test_one_that_is_its_own_parent_goes_as_no_other_stands_under_it(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(1)))
    change_tag(steve, {"parent_id_tag": TAG})

    plan, report = planned_revert(run), reverted(run, discard_activity=True)

    assert plan.active == {"C-1": ["changed in SteVe: parent"]}
    assert (report.status, TAG in tags(steve)) == ("reverted", False)


def test_one_that_version_1_0_unblocked_is_asked_about_under_another_customer(steve: SteveSandbox) -> None:
    steve.world.add_tag(TAG, max_active_transaction_count=0)
    run = run_of(imported(rows(1), skip_existing=True))
    BackfillStep.objects.filter(row__run=run, name="steve_id_tag").update(undo={"unblocked": True})
    change_tag(steve, {"parent_id_tag": META})

    assert planned_revert(run).active == {"C-1": ["changed in SteVe: parent"]}


@pytest.mark.parametrize("since", ["our mapping has gone", "SteVe has another under its number"])
def test_what_cannot_be_told_to_be_ours_is_counted_as_kept_beforehand(
    steve: SteveSandbox, since: str
) -> None:
    run = run_of(imported(rows(2)))
    if since == "our mapping has gone":
        IdTagMapping.objects.filter(id_tag=TAG).delete()
    else:
        change_tag(steve, {"id_tag": "ANOTHER"})

    _, document, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")
    reverted(run)

    assert (json.loads(document)["remove"]["steve_id_tag"], json.loads(document)["keep"]) == (
        1,
        {"steve_id_tag": 1},
    )
    assert [state for state, _ in states(run)] == ["kept", "removed"]


def test_an_expired_one_that_is_kept_is_not_said_to_be_blocked(steve: SteveSandbox) -> None:
    steve.world.add_tag(TAG, max_active_transaction_count=0)
    run = run_of(imported(rows(2), skip_existing=True))
    steve.world.add_tag("CHILD-1", parent_id_tag="TAG0002")
    for id_tag in (TAG, "TAG0002"):
        change_tag(steve, {"expiry_date": LAST_YEAR}, id_tag)

    lines = manifest(reverted(run, discard_activity=True))

    assert [tags(steve)[id_tag]["blocked"] for id_tag in (TAG, "TAG0002")] == [False, False]
    assert ["SteVe blocks no such idTag" in line and "is blocked" not in line for line in lines] == [
        True,
        True,
    ]


def test_a_revert_that_failed_half_way_does_not_say_that_the_rest_is_unchanged(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(1)))
    steve.fault("500,method=DELETE,times=forever")

    code, text, _ = manage("backfill_revert", "--run-id", run.run_id, "--noinput")

    assert (code, tags(steve)[TAG]["blocked"]) == (1, True)
    assert "cards that were stopped already stay so" in text


def test_what_the_platform_wrote_into_notes_is_no_change(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    change_tag(steve, {"note": "Linked to Customer 1\nLast synced on 2026-11-28T10:00:00Z"})

    assert planned_revert(run).active == {}
    assert reverted(run).status == "reverted"


def test_the_dry_run_names_it_at_the_terminal_and_in_json(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(1)))
    change_tag(steve, {"note": "stolen", "user_pk": 7})

    code, text, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run")
    _, document, _ = manage("backfill_revert", "--run-id", run.run_id, "--dry-run", "--format", "json")

    assert code == 1
    assert "changed in SteVe: note, user" in text
    assert json.loads(document)["active"] == {"C-1": ["changed in SteVe: note, user"]}


@pytest.mark.parametrize(("energy_wh", "active"), [(0, {}), (5000, {"C-1": ["charged since"]})])
def test_a_session_that_ended_shortly_before_the_run_counts_if_it_charged(
    steve: SteveSandbox, energy_wh: int, active: dict[str, list[str]]
) -> None:
    session, _ = steve.world.start("TEST-1", 1, TAG, 0, LAST_YEAR)
    steve.world.stop(session.pk, energy_wh, LAST_YEAR, "Local")
    run = run_of(imported(rows(1), skip_existing=True))
    session.started_at = session.stopped_at = run.started_at - timedelta(seconds=40)

    assert planned_revert(run).active == active


def test_any_session_on_what_the_run_made_is_of_its_time_whatever_the_clocks_say(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(1)))
    pk = charged(steve, TAG)
    session = steve.world.sessions[pk]
    session.started_at, session.stopped_at = (
        instant and instant - (session.stopped_at - session.started_at) * 2
        for instant in (session.started_at, session.stopped_at)
    )

    assert planned_revert(run).active == {"C-1": ["charged since"]}


def test_sessions_in_another_spelling_are_told_as_billed_by_nobody(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    charge(steve, TAG.lower())
    charge(steve, "TAG0002")

    assert divergences(run) == [("steve_id_tag", "sessions_misspelt")]


def test_nothing_is_ended_that_pays_for_a_card_which_could_not_be_blocked(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_of(imported([row(1), row(2), row(1, id_tag="SECOND")]))
    steve.fault(f"reset_before,method=PUT,path=.*ocppTags/{tags(steve)['SECOND']['ocppTagPk']},times=forever")

    report = reverted(run)
    left = [one["external_id"] for one in lago.state(live=True)["subscriptions"]]
    steve.steer("POST", "faults/clear")
    again = reverted(run)

    assert (report.status, left) == ("failed", ["backfill-C-1"])
    assert (again.status, [name for name in tags(steve) if name not in ("FLEET", META)]) == ("reverted", [])


def test_what_stays_in_use_is_named_at_the_terminal_and_in_json(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    change_tag(steve, {"note": "van 7"})
    IdTagMapping.objects.filter(id_tag=TAG).delete()

    code, out, _ = manage("backfill_revert", "--run-id", run.run_id, "--discard-activity", "--noinput")

    assert code == 0
    assert "These stay and may be used" in out
    assert "line 2 C-1 steve_id_tag: our mapping of it has gone, and it changed in SteVe" in out


def test_reconcile_in_the_middle_of_a_revert_advises_to_finish_it(steve: SteveSandbox) -> None:
    run = run_of(imported(rows(2)))
    steve.fault("reset_before,method=DELETE,path=.*ocppTags,times=forever")
    reverted(run)

    with connect(sleep=do_not_sleep) as systems:
        found = reconcile(BackfillRun.objects.get(pk=run.pk), systems).found

    assert found
    assert {one.divergence.remedy for one in found} == {
        f"Finish the revert: python manage.py backfill_revert --run-id {run.run_id}"
    }
