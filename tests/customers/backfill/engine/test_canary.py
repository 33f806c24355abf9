"""The first customers of a file go in whole, and the others wait for somebody's word."""

from collections.abc import Iterable
from typing import Any

import pytest

from auditlog.models import AuditEntry
from customers.backfill.engine.canary import canary_of
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.report import Report
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.runs import describe
from customers.backfill.ledger.standing import standing_of
from customers.backfill.refused import Refused
from customers.models import BackfillRun, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers import factories
from tests.customers.factories import Row, actions, imported, lago_customer, lago_subscription, planned, row
from tests.customers.undoing import divergences, latest_run, reconciled, reverted

pytestmark = pytest.mark.django_db

FIRST = ["C-1", "C-2", "C-3", "C-4", "C-5"]


def five_hundred() -> list[Row]:
    """497 customers: the second has a further card in the middle of the file, the fourth two at its end."""
    given = factories.rows(500)
    for number, owner in ((250, 2), (499, 4), (500, 4)):
        given[number - 1] = row(owner, id_tag=f"TAG{number:04}")
    return given


def twenty() -> list[Row]:
    """The same, of 18 customers."""
    given = factories.rows(20)
    for number, owner in ((10, 2), (20, 4)):
        given[number - 1] = row(owner, id_tag=f"TAG{number:04}")
    return given


def people() -> list[str]:
    return sorted(User.objects.filter(role="customer").values_list("external_id", flat=True))


def in_lago(lago: Sandbox) -> int:
    return len(lago.state(live=True)["subscriptions"])


class AfterRows(Progress):
    """Somebody presses Ctrl-C after some rows."""

    def __init__(self, rows: int) -> None:
        self.stop, self._left = Stop(), rows

    def advance(self, number: int) -> None:
        self._left -= number
        if self._left <= 0:
            self.stop.request("SIGINT", interrupted=True)


def interrupted(given: Iterable[Row], rows: int, **options: Any) -> Report:
    progress = AfterRows(rows)
    report = imported(given, stop=progress.stop, progress=progress, batch_size=2, concurrency=1, **options)
    assert report.status == "interrupted"
    return report


# --- the night of 500 rows ---------------------------------------------------------------------------


def test_five_of_five_hundred_go_in_whole_are_looked_at_and_the_rest_follows_in_the_same_run(
    lago: Sandbox,
) -> None:
    first = imported(five_hundred(), first=5)

    assert (first.status, first.is_well, first.interrupted) == ("canary", True, False)
    assert people() == FIRST
    assert set(IdTagMapping.objects.filter(user__external_id="C-4").values_list("id_tag", flat=True)) == {
        "TAG0004", "TAG0499", "TAG0500",
    }  # fmt: skip
    assert lago.counts()["POST /customers"] == lago.counts()["POST /subscriptions"] == 5
    assert actions(first).count("created") == 8
    assert actions(first).count("waiting") == 492
    seen = reconciled()
    assert (seen.status, seen.found, dict(seen.rows)) == ("agrees", [], {"created": 8})
    assert seen.standing.waiting == 492

    rest = imported(five_hundred())

    assert (rest.status, rest.run) == ("succeeded", first.run)
    assert lago.counts()["POST /customers"] == lago.counts()["POST /subscriptions"] == 497
    assert (len(people()), IdTagMapping.objects.filter(is_active=True).count()) == (497, 500)
    assert reconciled().status == "agrees"
    assert BackfillRun.objects.count() == 1
    told = [entry.action for entry in AuditEntry.objects.filter(action__startswith="run.").order_by("pk")]
    assert told == ["run.started", "run.canary", "run.continued", "run.succeeded"]


# --- who is first ------------------------------------------------------------------------------------


def test_customers_who_are_in_already_are_not_among_the_first(lago: Sandbox) -> None:
    imported(factories.rows(3))

    report = imported(factories.rows(9), first=2, skip_existing=True)

    assert (report.status, people()) == ("canary", FIRST)
    assert describe(latest_run()).counts["created"] == 2


def test_a_customer_of_whom_one_card_is_in_comes_whole(lago: Sandbox) -> None:
    imported([row(1)])

    report = imported([row(1), row(2), row(1, id_tag="SECOND1"), row(3)], first=1, skip_existing=True)

    assert actions(report) == ["skipped", "waiting", "completed", "waiting"]


def test_more_customers_than_there_are_is_a_whole_run(lago: Sandbox) -> None:
    report = imported(factories.rows(3), first=3)

    assert (report.status, report.canary, len(people())) == ("succeeded", None, 3)


def test_a_dry_run_names_who_would_go_first_and_writes_nothing(lago: Sandbox) -> None:
    still = factories.unchanged(lago)

    report = planned(twenty(), first=2)

    assert report.canary is not None
    assert report.canary.lines == {"C-1": [2], "C-2": [3, 11]}
    assert (report.canary.waiting_customers, report.canary.waiting_rows) == (16, 17)
    assert set(actions(report)) == {"create"}
    assert still()


def test_who_has_begun_counts_and_stays(lago: Sandbox) -> None:
    plan = planned(factories.rows(6)).plan

    chosen = [canary_of(plan, first, {"C-4"}) for first in (1, 3, 6)]

    assert [list(one.lines) if one else None for one in chosen] == [["C-4"], ["C-1", "C-2", "C-4"], None]


def test_one_row_that_would_fail_anywhere_in_the_file_keeps_the_first_ones_out(lago: Sandbox) -> None:
    report = imported([*factories.rows(4), row(5, plan_code="gold")], first=1)

    assert (report.status, people()) == ("would_fail", [])


def test_bad_rows_further_down_wait_like_the_good_ones(lago: Sandbox) -> None:
    given = [row(1, plan_code="gold"), row(2), row(3), row(4, plan_code="gold")]

    report = imported(given, first=1, allow_partial=True)

    assert (report.status, actions(report)) == ("canary", ["waiting", "created", "waiting", "waiting"])
    assert reconciled().status == "agrees"
    assert (imported(given, allow_partial=True).status, people()) == ("partial", ["C-2", "C-3"])


# --- going on ----------------------------------------------------------------------------------------


def test_the_same_again_lets_nobody_else_in(lago: Sandbox) -> None:
    imported(twenty(), first=5)

    again = imported(twenty(), first=5)

    assert (again.status, people(), in_lago(lago)) == ("canary", FIRST, 5)


def test_a_larger_number_lets_in_so_many_in_all(lago: Sandbox) -> None:
    imported(twenty(), first=2)

    assert (imported(twenty(), first=5).status, people()) == ("canary", FIRST)


def test_a_smaller_number_than_has_begun_is_refused(lago: Sandbox) -> None:
    imported(twenty(), first=5)

    with pytest.raises(Refused, match=r"is for 5 customers already \(7 of its 7 rows are in\), so it cannot"):
        imported(twenty(), first=2)


def test_a_run_that_was_begun_with_everybody_cannot_stop_at_the_first(lago: Sandbox) -> None:
    interrupted(twenty(), 4)

    with pytest.raises(Refused, match=r"is for 18 customers already \(\d+ of its 20 rows are in\)"):
        imported(twenty(), first=5)
    assert latest_run().status == "interrupted"


def test_one_that_is_interrupted_goes_on_with_the_same_first_ones(lago: Sandbox) -> None:
    interrupted(twenty(), 2, first=5)
    stopped_with = standing_of(latest_run())

    again = imported(twenty(), first=5)

    assert (stopped_with.gaps[0], stopped_with.waiting) == ("it was interrupted", 13)
    assert (again.status, people(), in_lago(lago)) == ("canary", FIRST, 5)


def test_an_edited_file_is_another_run_and_the_first_ones_of_this_one_wait_on(lago: Sandbox) -> None:
    imported(twenty(), first=5)

    edited = imported([*twenty(), row(99)], first=1, skip_existing=True)

    assert (edited.status, people()) == ("canary", sorted([*FIRST, "C-6"]))
    assert [run.status for run in BackfillRun.objects.all()] == ["canary", "canary"]


def test_a_failed_row_among_the_first_is_told_and_nobody_else_goes_in(lago: Sandbox) -> None:
    lago.fault("500,method=POST,path=/subscriptions,times=5")

    report = imported(twenty(), first=3, concurrency=1)

    assert (report.status, report.is_well, people()) == ("partial", False, FIRST[:3])
    assert standing_of(latest_run()).waiting == 16
    again = imported(twenty(), first=3)
    assert (again.status, people()) == ("canary", FIRST[:3])


def test_the_rest_is_planned_anew_with_its_guards(lago: Sandbox) -> None:
    imported(twenty(), first=2)
    lago_customer(lago, 9)
    lago_subscription(lago, 9, external_id="theirs", plan_code="fleet")

    rest = imported(twenty())

    assert (rest.status, people()) == ("would_fail", ["C-1", "C-2"])
    assert latest_run().status == "canary"


def test_a_new_run_leaves_the_first_ones_of_the_old_one(lago: Sandbox) -> None:
    imported(twenty(), first=2)

    report = imported(twenty(), first=2, new_run=True, skip_existing=True)

    assert (report.status, people()) == ("canary", FIRST[:4])
    assert [run.status for run in BackfillRun.objects.order_by("pk")] == ["abandoned", "canary"]


# --- what is said of it ------------------------------------------------------------------------------


def test_rows_that_wait_are_no_gap_and_a_divergence_among_the_first_is_one(lago: Sandbox) -> None:
    imported(twenty(), first=2)
    IdTagMapping.objects.filter(id_tag="TAG0001").delete()

    standing = standing_of(latest_run())

    assert (standing.gaps, standing.waiting, standing.rows) == ((), 17, "3 of 20 rows")
    assert divergences() == {("C-1", "id_tag_mapping", "missing")}


def test_the_commands_that_make_sense_come_in_their_order(lago: Sandbox) -> None:
    imported(twenty(), first=2, skip_existing=True)
    run = latest_run()

    assert list(describe(run).next) == [
        f"backfill_reconcile --run-id {run.run_id}",
        f"backfill_verify --run-id {run.run_id}",
        f"backfill_welcome --run-id {run.run_id}",
        "backfill_customers --input customers.csv --skip-existing",
        f"backfill_revert --run-id {run.run_id} --dry-run",
    ]


# --- taking it back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["interrupted at first", "waiting", "interrupted later", "finished"])
def test_in_each_state_it_is_taken_back_without_a_trace_and_the_file_begins_anew(
    lago: Sandbox, state: str
) -> None:
    if state == "interrupted at first":
        interrupted(twenty(), 2, first=5)
    else:
        imported(twenty(), first=5)
    if state == "interrupted later":
        interrupted(twenty(), 4)
    elif state == "finished":
        imported(twenty())

    report = reverted()

    assert (report.status, people(), in_lago(lago)) == ("reverted", [], 0)
    assert lago.journal() == {"invoices": [], "credit_notes": []}
    anew = imported(twenty(), first=1)
    assert (anew.status, people(), BackfillRun.objects.count()) == ("canary", ["C-1"], 2)
