"""Carrying out a plan: what goes wrong on the way, and what is left of it."""

from collections.abc import Callable
from typing import Any

import pytest

from customers.backfill.engine.breaker import Breaker
from customers.backfill.engine.progress import Progress
from customers.backfill.engine.stop import Stop
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.factories import (
    actions,
    all_steps,
    codes,
    customer,
    imported,
    lago_customer,
    lago_subscription,
    mapping,
    row,
    rows,
    set_wrong,
    staff,
    steps,
    told,
)
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

FAILING = "500,method=POST,path={path},nth={nth},times=5"  # as often as a call is tried


class Meanwhile(Progress):
    """Does something at the exact point between plan and first batch."""

    def __init__(self, change: Callable[[], Any]) -> None:
        self._change = change

    def start(self, what: str, total: int) -> None:
        self._change()


class AfterRows(Progress):
    """Does something once so many rows are settled."""

    def __init__(self, number: int, change: Callable[[], Any]) -> None:
        self._left = number
        self._change = change

    def advance(self, number: int) -> None:
        self._left -= number
        if self._left <= 0:
            self._change()


def stands(lago: Sandbox, number: int) -> None:
    """Everything of so many rows is there, and there once."""
    state = lago.state()
    assert len(state["customers"]) == len(state["subscriptions"]) == number
    assert User.objects.count() == IdTagMapping.objects.filter(is_active=True).count() == number
    assert lago.journal() == {"invoices": [], "credit_notes": []}


# --- All well ----------------------------------------------------------------------------------------


def test_an_address_with_capitals_is_made_in_lower_case_here_and_in_lago(lago: Sandbox) -> None:
    given = [row(1, email="Customer1@EXAMPLE.com"), row(1, email="customer1@example.com", id_tag="SECOND")]

    report = imported(given)

    (in_lago,) = lago.state()["customers"]
    assert report.status == "succeeded"
    assert [one["problems"] + one["warnings"] for one in told(report).values()] == [[], []]
    assert User.objects.get().email == in_lago["columns"]["email"] == "customer1@example.com"
    assert actions(imported(given, skip_existing=True)) == ["skipped", "skipped"]


def test_a_row_ends_with_an_active_mapping_that_is_billed(lago: Sandbox) -> None:
    report = imported(rows(1))

    user, mapped = User.objects.get(), IdTagMapping.objects.get()
    assert (report.status, actions(report), steps(report)) == ("succeeded", ["created"], all_steps("created"))
    assert (user.email, user.external_id, user.has_usable_password()) == (
        "customer1@example.com",
        "C-1",
        False,
    )
    assert (mapped.user, mapped.id_tag, mapped.is_active) == (user, "TAG0001", True)
    assert mapped.lago_subscription_external_id == "backfill-C-1"
    assert lago.state()["subscriptions"][0]["external_id"] == "backfill-C-1"
    assert lago.state()["subscriptions"][0]["subscription_at"] == "2024-01-01T00:00:00Z"


def test_a_start_is_midnight_where_lago_bills(lago: Sandbox) -> None:
    lago.set_organization(billing_entity_timezone="Europe/Berlin")

    imported([row(1, start_date="2024-07-01")])

    assert lago.state()["subscriptions"][0]["subscription_at"] == "2024-06-30T22:00:00Z"


def test_a_subscription_that_was_adopted_is_what_the_mapping_bills_to(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, external_id="sub-1")

    imported(rows(1), skip_existing=True)

    assert IdTagMapping.objects.get().lago_subscription_external_id == "sub-1"
    assert lago.counts().get("POST /subscriptions") == 1  # our own, in the arrangement


def test_a_lago_customer_that_was_there_is_never_written_to(lago: Sandbox) -> None:
    lago_customer(lago, name="Known By Another Name", email="else@example.com")
    (before,) = lago.state(volatile=True)["customers"]

    report = imported(rows(1), skip_existing=True)

    (after,) = lago.state(volatile=True)["customers"]
    assert report.status == "succeeded"
    assert (after["columns"]["name"], after["columns"]["email"]) == (
        "Known By Another Name",
        "else@example.com",
    )
    assert after["updated_at"] == before["updated_at"]


def test_an_adopted_mapping_keeps_its_spelling(lago: Sandbox) -> None:
    mapping(customer(), id_tag="tag0001")

    imported(rows(1), skip_existing=True)

    assert IdTagMapping.objects.get().id_tag == "tag0001"


def test_several_cards_are_one_customer_with_a_mapping_each(lago: Sandbox) -> None:
    report = imported([row(), row(id_tag="CARD2"), row(id_tag="CARD3")], batch_size=1)

    assert actions(report) == ["created"] * 3
    assert User.objects.count() == 1
    assert set(IdTagMapping.objects.values_list("is_active", "lago_subscription_external_id")) == {
        (True, "backfill-C-1")
    }
    assert IdTagMapping.objects.count() == 3
    assert len(lago.state()["subscriptions"]) == len(lago.state()["customers"]) == 1


# --- The world changed between plan and first batch --------------------------------------------------


def test_an_address_taken_meanwhile_stops_its_row_and_no_other(lago: Sandbox) -> None:
    report = imported(rows(3), progress=Meanwhile(lambda: customer(2, external_id=None)))

    assert (report.status, actions(report)) == ("partial", ["created", "failed", "created"])
    assert codes(report, 3) == ["email_exists"]
    assert BackfillRow.objects.get(line=3).outcome == "failed"
    assert {one["external_id"] for one in lago.state()["customers"]} == {"C-1", "C-3"}


def test_an_id_tag_taken_meanwhile_stops_its_row_and_no_other(lago: Sandbox) -> None:
    report = imported(rows(2), progress=Meanwhile(lambda: mapping(staff(), 1)))

    assert (actions(report), codes(report)) == (["failed", "created"], ["id_tag_exists"])
    assert not User.objects.filter(external_id="C-1").exists()


def test_an_external_id_taken_meanwhile_in_other_capitals_stops_its_row(lago: Sandbox) -> None:
    def change() -> None:
        customer(1, email="other@example.com", external_id="c-1")

    report = imported(rows(2), progress=Meanwhile(change))

    assert (actions(report), codes(report)) == (["failed", "created"], ["external_id_exists"])


def test_the_same_customer_made_meanwhile_is_a_problem_or_adopted(lago: Sandbox) -> None:
    refused = imported(rows(1), progress=Meanwhile(customer))
    adopted = imported(rows(2)[1:], progress=Meanwhile(lambda: customer(2)), skip_existing=True)

    assert codes(refused) == ["email_exists", "external_id_exists"]
    assert (actions(adopted), steps(adopted)["user"]) == (["created"], "adopted")


def test_further_cards_are_refused_with_the_row_that_makes_their_customer(lago: Sandbox) -> None:
    given = [row(1), row(1, id_tag="CARD2"), row(2), row(1, id_tag="CARD3")]

    report = imported(
        given, batch_size=2, concurrency=1, progress=Meanwhile(lambda: customer(1, external_id=None))
    )

    assert actions(report) == ["failed", "failed", "created", "failed"]
    assert [codes(report, line) for line in (2, 3, 5)] == [["email_exists"]] * 3
    assert "line 2" in told(report)[5]["problems"][0]["message"]
    assert [one.user.external_id for one in IdTagMapping.objects.all()] == ["C-2"]


def test_further_cards_go_to_the_same_customer_made_meanwhile(lago: Sandbox) -> None:
    given = [row(1), row(1, id_tag="CARD2")]

    report = imported(given, batch_size=1, progress=Meanwhile(customer), skip_existing=True)

    assert actions(report) == ["created", "created"]
    assert User.objects.get().id_tag_mappings.filter(is_active=True).count() == 2


def test_a_lago_customer_and_subscription_made_meanwhile_are_not_made_twice(lago: Sandbox) -> None:
    def change() -> None:
        lago_customer(lago)
        lago_subscription(lago, external_id="sub-1")

    given = [row(1), row(1, id_tag="CARD2")]
    report = imported(given, progress=Meanwhile(change))

    assert (steps(report)["lago_customer"], steps(report)["lago_subscription"]) == ("adopted", "adopted")
    assert [one["external_id"] for one in lago.state()["subscriptions"]] == ["sub-1"]
    assert set(IdTagMapping.objects.values_list("lago_subscription_external_id", flat=True)) == {"sub-1"}


def test_a_subscription_on_another_plan_made_meanwhile_is_left_alone(lago: Sandbox) -> None:
    def change() -> None:
        lago_customer(lago)
        lago_subscription(lago, plan_code="fleet")

    report = imported(rows(1), progress=Meanwhile(change))

    assert (actions(report), codes(report)) == (["failed"], ["lago_subscription_conflict"])
    assert [one["plan_code"] for one in lago.state()["subscriptions"]] == ["fleet"]
    assert lago.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.parametrize("hours", [-30, -3, 0, 3, 30])
@pytest.mark.parametrize("other", [{"phone": "+49 30 1"}, {"name": "Somebody else"}])
def test_a_lago_customer_made_meanwhile_is_adopted_whatever_the_clock_says(
    lago: Sandbox, by_hand: Caller, hours: int, other: dict[str, str]
) -> None:
    set_wrong(lago, hours)

    def change() -> None:
        theirs = {"external_id": "C-1", "name": "Customer 1", "email": "customer1@example.com"}
        by_hand.post("/customers", {"customer": theirs | other})
        lago.advance_clock(5)

    report = imported(rows(2), progress=Meanwhile(change))

    assert [steps(report, line)["lago_customer"] for line in (2, 3)] == ["adopted", "created"]


# --- One row fails -----------------------------------------------------------------------------------


def test_a_refused_call_fails_its_row_and_keeps_its_mapping_inactive(lago: Sandbox) -> None:
    report = imported(rows(3), progress=Meanwhile(lambda: lago_customer(lago, 2, currency="USD")))

    assert (report.status, actions(report)) == ("partial", ["created", "failed", "created"])
    assert codes(report, 3) == ["lago_refused"]
    changed = {"lago_customer": "adopted", "lago_subscription": "failed"}
    assert steps(report, 3) == all_steps("created") | changed
    assert not IdTagMapping.objects.get(id_tag="TAG0002").is_active


def test_a_failed_customer_leaves_the_subscription_uncalled(lago: Sandbox) -> None:
    lago.fault(FAILING.format(path="/customers", nth=1))

    report = imported(rows(1))

    assert steps(report) == all_steps("created") | {
        "lago_customer": "intended",
        "lago_subscription": "planned",
    }
    assert "POST /subscriptions" not in lago.counts()


def test_further_cards_wait_for_the_billing_of_their_customer(lago: Sandbox) -> None:
    lago.fault(FAILING.format(path="/subscriptions", nth=1))

    report = imported([row(1), row(1, id_tag="CARD2"), row(2)], batch_size=1, concurrency=1)

    assert actions(report) == ["failed", "failed", "created"]
    assert not IdTagMapping.objects.filter(user__external_id="C-1", is_active=True).exists()


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_after", "500", "500_after", "502_html", "truncated"]
)
@pytest.mark.parametrize("path", ["/customers", "/subscriptions"])
def test_whatever_happens_to_an_answer_a_second_run_completes_it_once(
    lago: Sandbox, fault: str, path: str
) -> None:
    lago.fault(f"{fault},method=POST,path={path},times=5")
    first = imported(rows(3), concurrency=1)
    lago.clear_faults()

    second = imported(rows(3))

    assert (first.status, second.status) == ("partial", "succeeded")
    assert actions(second) == ["completed", "skipped", "skipped"]
    stands(lago, 3)


@pytest.mark.parametrize("fault", ["reset_after", "500_after", "429", "truncated"])
def test_an_answer_lost_once_is_asked_for_again_at_once(lago: Sandbox, fault: str) -> None:
    lago.fault(f"{fault},method=POST,nth=2")

    report = imported(rows(3))

    assert (report.status, actions(report)) == ("succeeded", ["created"] * 3)
    stands(lago, 3)


# --- The breaker -------------------------------------------------------------------------------------


def test_a_dead_lago_stops_the_run_and_it_can_be_continued(lago: Sandbox) -> None:
    lago.fault("500,method=POST,times=forever")
    first = imported(rows(40), max_failures=3, concurrency=2, batch_size=5)
    lago.clear_faults()

    second = imported(rows(40))

    assert (first.status, first.interrupted) == ("failed", False)
    assert "3 rows in a row failed" in first.reason
    assert actions(first).count("failed") in (3, 4)
    assert actions(first).count("pending") >= 36
    assert second.status == "succeeded"
    stands(lago, 40)


def test_further_cards_do_not_hide_a_dead_lago(lago: Sandbox) -> None:
    lago.fault("500,method=POST,times=forever")
    given = [row(number, id_tag=f"C{number}X{card}") for number in range(1, 21) for card in (1, 2)]

    report = imported(given, max_failures=3, concurrency=1, batch_size=4)

    assert report.status == "failed"
    assert lago.counts()["POST /customers"] == 3 * 5


def test_failures_with_successes_between_them_do_not_stop_a_run(lago: Sandbox) -> None:
    for nth in (1, 7):
        lago.fault(FAILING.format(path="/customers", nth=nth))

    report = imported(rows(4), max_failures=2, concurrency=1)

    assert actions(report) == ["failed", "created", "failed", "created"]


def test_the_breaker_counts_only_failures_in_a_row() -> None:
    stop = Stop()
    breaker = Breaker(stop, 2)

    for failed in (True, False, True):
        breaker.note(failed)
    before = stop.requested
    breaker.note(True)

    assert (before, stop.requested, stop.interrupted) == (False, True, False)


# --- Stopped -----------------------------------------------------------------------------------------


def test_a_run_that_is_stopped_keeps_what_was_done_and_is_continued(lago: Sandbox) -> None:
    stop = Stop()
    halt = AfterRows(4, lambda: stop.request("SIGINT", interrupted=True))
    first = imported(rows(30), stop=stop, progress=halt, batch_size=2, concurrency=2)
    done = actions(first).count("created")

    second = imported(rows(30))

    assert (first.status, first.interrupted, first.reason) == ("interrupted", True, "SIGINT")
    assert 4 <= done < 30
    assert actions(first).count("pending") == 30 - done
    assert (second.status, actions(second).count("skipped")) == ("succeeded", done)
    stands(lago, 30)


def test_a_run_can_be_stopped_from_the_admin(lago: Sandbox) -> None:
    halt = AfterRows(1, lambda: BackfillRun.objects.update(stop_requested=True, asked_by="cli:root"))

    report = imported(rows(30), progress=halt, batch_size=1, concurrency=1)

    assert (report.status, report.reason) == ("interrupted", "stopped by cli:root")
    assert not BackfillStep.objects.filter(state="intended").exists()


def test_a_stop_before_the_first_row_writes_nothing(lago: Sandbox) -> None:
    stop = Stop()
    stop.request("SIGINT", interrupted=True)

    report = imported(rows(1), stop=stop)

    assert (report.status, report.run, report.interrupted) == ("interrupted", None, True)
    assert BackfillRun.objects.count() == 0


def test_a_plan_that_becomes_dearer_on_the_way_stops_the_run_and_says_so(lago: Sandbox) -> None:
    dearer = AfterRows(2, lambda: lago.put_plans("standard:9900"))

    report = imported(rows(40), progress=dearer, batch_size=2, concurrency=1, max_failures=3)

    assert report.status in ("failed", "partial")
    failed = [line for line, one in told(report).items() if one["action"] == "failed"]
    assert failed
    assert codes(report, failed[0]) == ["lago_unexpected"]
    assert "9900 instead of 1000 cents" in told(report)[failed[0]]["problems"][0]["message"]
    assert "pending" in actions(report)


def test_who_continues_it_has_seen_the_new_price(lago: Sandbox) -> None:
    dearer = AfterRows(2, lambda: lago.put_plans("standard:9900"))
    imported(rows(12), progress=dearer, batch_size=2, concurrency=1, max_failures=3)

    report = imported(rows(12))

    assert report.status == "succeeded"
    stands(lago, 12)
