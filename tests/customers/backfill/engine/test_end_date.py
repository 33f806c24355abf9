"""Who has given notice: Lago ends the subscription by itself, and everybody knows of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from rehearsal.lago import Sandbox
from tests.customers.factories import (
    actions,
    codes,
    imported,
    lago_customer,
    lago_subscription,
    planned,
    row,
    rows,
    steps,
    warnings,
)
from tests.customers.undoing import divergences, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

END = f"{timezone.now() + timedelta(days=400):%Y-%m-%d}"


def ending(number: int = 1, end: str = END, **changes: str) -> dict[str, str]:
    return row(number, end_date=end, **changes)


def ends(lago: Sandbox) -> list[str | None]:
    return [one["ending_at"] for one in lago.state()["subscriptions"]]


def test_the_subscription_ends_when_the_row_says(lago: Sandbox) -> None:
    report = imported([ending(1), ending(2, end="")])

    assert report.status == "succeeded"
    assert ends(lago) == [f"{END}T00:00:00Z", None]
    assert (warnings(report, 2), warnings(report, 3)) == (["subscription_ends"], [])
    assert divergences() == set()


def test_a_continued_run_finds_what_it_made(lago: Sandbox) -> None:
    lago.fault("500_after,method=POST,path=/subscriptions,times=9")
    assert imported([ending()]).status != "succeeded"
    lago.clear_faults()

    report = imported([ending()])

    assert report.status == "succeeded"
    assert len(ends(lago)) == 1
    assert steps(report)["lago_subscription"] == "done"


def test_further_cards_share_the_end(lago: Sandbox) -> None:
    assert imported([ending(1), ending(1, id_tag="TAG2")]).status == "succeeded"

    assert ends(lago) == [f"{END}T00:00:00Z"]


def test_another_end_in_lago_is_left_alone_and_told(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago)

    report = planned([ending()], skip_existing=True)

    assert codes(report) == []
    assert "lago_subscription_ends_otherwise" in warnings(report)


def test_a_changed_end_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported(rows(2, end_date=END))
    by_hand.put("/subscriptions/backfill-C-2", {"subscription": {"ending_at": None}})

    assert divergences() == {("C-2", "lago_subscription", "other_end")}


def test_one_that_was_ended_before_its_day_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported(rows(2, end_date=END))
    by_hand.delete("/subscriptions/backfill-C-2")

    assert divergences() == {("C-2", "lago_subscription", "terminated")}


def test_one_that_has_ended_on_its_day_diverges_from_nothing(lago: Sandbox) -> None:
    imported(rows(2, end_date=END))

    lago.set_clock(f"{END}T01:00:00Z")

    assert divergences() == set()


def test_a_revert_leaves_no_trace(lago: Sandbox) -> None:
    imported(rows(2, end_date=END))

    reverted()

    assert (lago.state(live=True)["subscriptions"], lago.journal()["invoices"]) == ([], [])


def test_the_same_file_again_has_nothing_to_do(lago: Sandbox) -> None:
    imported(rows(2, end_date=END))

    assert actions(planned(rows(2, end_date=END), skip_existing=True)) == ["skip", "skip"]
