"""Coupons: there before the first bill, once, and taken away again without a trace on any invoice."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.backfill.prepaid.given import (
    FREE,
    bills,
    coupons,
    give_coupon,
    next_month,
    owed,
    wallets,
    with_coupon,
)
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
    unchanged,
    warnings,
)
from tests.customers.undoing import divergences, latest_run, revert_planned, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def free(lago: Sandbox) -> None:
    lago.put_coupons(FREE, "half:50%:once", "welcome:500EUR:once", "year:10%:12", "bucks:500USD")


def today() -> str:
    return datetime.now(UTC).date().isoformat()


# --- Import ----------------------------------------------------------------------------------------------


def test_the_customer_has_the_coupon_and_pays_nothing(lago: Sandbox) -> None:
    report = imported([with_coupon(), row(2)])
    next_month(lago)

    assert report.status == "succeeded"
    assert coupons(lago) == [("C-1", "free")]
    assert sorted(bills(lago)) == [("C-1", 1000, 1000, 0), ("C-2", 1000, 0, 0)]
    assert (warnings(report), divergences()) == ([], set())


def test_the_coupon_is_there_before_an_invoice_at_once(lago: Sandbox) -> None:
    lago.put_plans("ahead:900:EUR:monthly:advance")

    imported([with_coupon(plan_code="ahead", start_date=today())], billing_time="anniversary")

    assert bills(lago) == [("C-1", 900, 900, 0)]


def test_coupon_and_balance_go_together(lago: Sandbox) -> None:
    imported([owed(amount="50.00", coupon="half")])
    next_month(lago)

    assert bills(lago) == [("C-1", 1000, 500, 500)]
    assert wallets(lago) == [("C-1", "45.0", "EUR")]
    assert divergences() == set()  # the coupon is used up, as it was meant


def test_each_new_coupon_costs_one_call(lago: Sandbox) -> None:
    lago.reset_requests()
    imported(rows(5))
    without = lago.requests()["total"]
    lago.reset()
    lago.put_coupons(FREE)

    lago.reset_requests()
    imported([with_coupon(number, id_tag=f"OTHER{number}") for number in range(6, 11)])

    assert lago.requests()["total"] == without + 2 + 5  # what there is, and who has what


def test_several_cards_share_one_coupon(lago: Sandbox) -> None:
    report = imported([with_coupon(1), with_coupon(1, id_tag="TAG2")])

    assert coupons(lago) == [("C-1", "free")]
    assert (steps(report, 2)["lago_coupon"], steps(report, 3)["lago_coupon"]) == ("created", "shared")


def test_the_preview_adds_up_per_coupon(lago: Sandbox) -> None:
    report = planned([with_coupon(1), with_coupon(2), with_coupon(3, "welcome"), row(4)])

    assert [one.message for one in report.totals] == [
        "2 new Lago coupons: free (100 %)", "1 new Lago coupon: welcome (5.00 EUR)",
    ]  # fmt: skip


# --- What cannot be, and what it does --------------------------------------------------------------------


def test_a_coupon_that_lago_lacks_is_a_problem_of_the_row(lago: Sandbox) -> None:
    report = planned([with_coupon(1, "FREE"), with_coupon(2)])

    assert (codes(report, 2), codes(report, 3)) == (["coupon_not_found"], [])


def test_bad_rows_stay_out_and_good_ones_go_in(lago: Sandbox) -> None:
    report = imported([with_coupon(1, "FREE"), with_coupon(2), row(3)], allow_partial=True)

    assert actions(report) == ["failed", "created", "created"]
    assert coupons(lago) == [("C-2", "free")]


@pytest.mark.parametrize("end", ["terminated_at", "expiration_at"])
def test_an_ended_coupon_is_a_problem_of_the_row(lago: Sandbox, end: str) -> None:
    lago.put_coupons({"code": "old", "percentage_rate": "10", end: "2025-01-01T00:00:00Z"})

    assert codes(planned([with_coupon(code="old")])) == ["coupon_ended"]


def test_a_deleted_coupon_is_not_there(lago: Sandbox, by_hand: Caller) -> None:
    by_hand.delete("/coupons/free")

    assert codes(planned([with_coupon()])) == ["coupon_not_found"]


def test_a_coupon_in_another_currency_is_a_problem_of_the_row(lago: Sandbox) -> None:
    """Lago would make its currency the customer's, and then refuse the subscription."""
    assert codes(planned([with_coupon(code="bucks")])) == ["coupon_other_currency"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"frequency": "once"}, "taken off one bill"),
        ({"frequency": "recurring", "frequency_duration": 12}, "taken off 12 billing periods"),
        ({"plan_codes": ["standard", "fleet"]}, "limited to the plans standard, fleet"),
        ({"plan_codes": ["fleet"]}, "takes nothing off this row's plan"),
        ({"billable_metric_codes": ["ev_charging_kwh"]}, "limited to usage of ev_charging_kwh"),
        ({"expiration_at": "2999-04-01T00:00:00Z"}, "ends on 2999-04-01"),
    ],
)
def test_what_is_limited_is_told(lago: Sandbox, spec: dict[str, Any], words: str) -> None:
    lago.put_coupons({"code": "some", "percentage_rate": "100"} | spec)

    report = planned([with_coupon(code="some")])

    (warning,) = report.plan.rows[0].warnings
    assert (warning.code, words in warning.message) == ("coupon_limited", True)


# --- What is there already -------------------------------------------------------------------------------


def test_the_same_file_again_has_nothing_to_do(lago: Sandbox) -> None:
    imported([with_coupon(1), row(2)])

    assert actions(planned([with_coupon(1), row(2)], skip_existing=True)) == ["skip", "skip"]


def test_one_that_is_there_is_adopted(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    give_coupon(by_hand)

    report = imported([with_coupon()], skip_existing=True)

    assert (steps(report)["lago_coupon"], coupons(lago)) == ("adopted", [("C-1", "free")])


def test_without_skip_existing_it_is_a_problem(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    give_coupon(by_hand)

    assert codes(planned([with_coupon()])) == ["lago_customer_exists", "lago_coupon_exists"]


def test_other_terms_are_told_and_left_alone(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    give_coupon(by_hand, percentage_rate="30")

    report = imported([with_coupon()], skip_existing=True)

    assert "lago_coupon_differs" in warnings(report)
    assert lago.state()["applied_coupons"][0]["percentage_rate"] == "30"


def test_one_that_is_used_up_is_not_given_again(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    lago_subscription(lago)
    give_coupon(by_hand, "half")
    next_month(lago)

    assert codes(planned([with_coupon(code="half")], skip_existing=True)) == ["lago_coupon_used"]


def test_after_a_run_one_that_is_used_up_is_as_it_should_be(lago: Sandbox) -> None:
    imported([with_coupon(code="half")])
    next_month(lago)

    assert actions(planned([with_coupon(code="half")], skip_existing=True)) == ["skip"]
    assert divergences() == set()


def test_one_that_lago_gives_only_once_is_not_given_again(lago: Sandbox, by_hand: Caller) -> None:
    lago.put_coupons({"code": "single", "percentage_rate": "10", "reusable": False})
    lago_customer(lago)
    applied = give_coupon(by_hand, "single")
    by_hand.delete(f"/customers/C-1/applied_coupons/{applied}")

    assert codes(planned([with_coupon(code="single")], skip_existing=True)) == ["lago_coupon_used"]


@pytest.mark.parametrize(
    ("mine", "other"),
    [
        ({"plan_codes": ["standard"]}, {"plan_codes": ["standard", "fleet"]}),
        ({"plan_codes": ["standard"]}, {"billable_metric_codes": ["ev_charging_kwh"]}),
        ({"billable_metric_codes": ["ev_charging_kwh"]}, {"plan_codes": ["fleet"]}),
    ],
)
def test_a_coupon_that_lago_refuses_beside_another_is_a_problem(
    lago: Sandbox, by_hand: Caller, mine: dict[str, Any], other: dict[str, Any]
) -> None:
    lago.put_coupons({"code": "mine", "percentage_rate": "10"} | mine)
    lago.put_coupons({"code": "other", "percentage_rate": "10"} | other)
    lago_customer(lago)
    give_coupon(by_hand, "other")

    assert codes(planned([with_coupon(code="mine")], skip_existing=True)) == ["lago_coupon_conflict"]
    refused = {"external_customer_id": "C-1", "coupon_code": "mine"}
    assert by_hand.post("/applied_coupons", {"applied_coupon": refused}).code == "plan_overlapping"


# --- Lost answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["500_after", "reset_after", "truncated", "wrong_json", "not_json"])
def test_a_lost_answer_is_settled_by_looking(lago: Sandbox, fault: str) -> None:
    lago.fault(f"{fault},method=POST,path=/applied_coupons,times=9")

    assert imported([with_coupon()]).status == "succeeded"
    assert coupons(lago) == [("C-1", "free")]
    assert lago.counts()["POST /applied_coupons"] == 1


@pytest.mark.parametrize("fault", ["500", "reset_before", "502_html"])
def test_what_may_have_arrived_is_not_sent_again(lago: Sandbox, fault: str) -> None:
    lago.fault(f"{fault},method=POST,path=/applied_coupons,times=9")
    assert imported([with_coupon()]).status != "succeeded"
    assert lago.counts()["POST /applied_coupons"] == 1
    assert lago.state()["subscriptions"] == []  # it would be billed without its coupon
    lago.clear_faults()

    assert imported([with_coupon()]).status == "succeeded"
    assert coupons(lago) == [("C-1", "free")]


# --- Reconcile -------------------------------------------------------------------------------------------


def applied_to(lago: Sandbox, external_id: str) -> str:
    state = lago.state(live=True, volatile=True)["applied_coupons"]
    return str(next(one["lago_id"] for one in state if one["external_customer_id"] == external_id))


def test_one_that_was_taken_away_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported([with_coupon(1), with_coupon(2)])
    by_hand.delete(f"/customers/C-2/applied_coupons/{applied_to(lago, 'C-2')}")

    assert divergences() == {("C-2", "lago_coupon", "terminated")}


def test_one_that_is_taken_off_twice_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported([with_coupon(1), with_coupon(2)])
    give_coupon(by_hand, external_id="C-2")

    assert divergences() == {("C-2", "lago_coupon", "more_than_one")}


# --- Revert ----------------------------------------------------------------------------------------------


def test_a_revert_leaves_no_trace(lago: Sandbox) -> None:
    before = lago.state(live=True, volatile=True)
    imported([with_coupon(1), with_coupon(2, "welcome"), row(3)])

    assert reverted().status == "reverted"

    assert lago.state(live=True, volatile=True) == before
    assert lago.journal()["invoices"] == []


def test_of_an_adopted_customer_it_is_taken_away(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago)
    imported([with_coupon()], skip_existing=True)
    assert coupons(lago) == [("C-1", "free")]

    reverted()

    assert coupons(lago) == []
    next_month(lago)
    assert bills(lago) == [("C-1", 1000, 0, 0)]


def test_a_customer_with_a_dot_in_the_id_is_the_right_one(lago: Sandbox) -> None:
    lago_customer(lago, external_id="a.b")
    lago_customer(lago, 2, external_id="a")
    imported([with_coupon(1, external_id="a.b"), with_coupon(2, external_id="a")], skip_existing=True)

    reverted()

    assert coupons(lago) == []


def test_after_a_revert_it_is_imported_again(lago: Sandbox) -> None:
    lago_customer(lago)
    imported([with_coupon()], skip_existing=True)
    reverted()

    assert imported([with_coupon()], skip_existing=True).status == "succeeded"
    assert coupons(lago) == [("C-1", "free")]


def test_an_adopted_one_stays(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    give_coupon(by_hand)
    imported([with_coupon()], skip_existing=True)

    reverted()

    assert coupons(lago) == [("C-1", "free")]


def test_one_that_invoices_have_used_is_asked_about(lago: Sandbox) -> None:
    imported([with_coupon()])
    next_month(lago)

    report = reverted()

    assert report.status == "refused"
    assert "invoices in Lago have used the coupon" in report.plan.active["C-1"]


def test_a_revert_goes_on_where_it_was_interrupted(lago: Sandbox) -> None:
    imported([with_coupon(1), owed(2, coupon="free"), row(3)])
    lago.fault("500,method=DELETE,path=/subscriptions/.*,times=99")
    assert reverted().status == "failed"
    lago.clear_faults()

    assert reverted(latest_run()).status == "reverted"

    assert (coupons(lago), wallets(lago), lago.state(live=True)["customers"]) == ([], [], [])


def test_the_dry_run_of_a_revert_reads_only(lago: Sandbox) -> None:
    imported([with_coupon(1), owed(2)])
    is_unchanged = unchanged(lago)

    plan = revert_planned()

    assert [sorted(row.goes)[-2:] for row in plan.rows] == [
        ["lago_subscription", "user"], ["lago_wallet", "user"],
    ]  # fmt: skip
    assert is_unchanged()
