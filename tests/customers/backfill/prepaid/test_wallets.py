"""Opening balances: credits that are given and never billed, once, and taken back while they are whole."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from billing.wallet_step import LagoWalletStep
from customers.backfill.document import document
from customers.backfill.systems import connect
from customers.models import BackfillStep
from kernel import Removal, Thing, Wanted
from rehearsal.lago import Sandbox
from tests.customers.backfill.prepaid.given import (
    bills,
    change_credits,
    give_wallet,
    next_month,
    owed,
    wallet_id,
    wallets,
)
from tests.customers.factories import (
    actions,
    codes,
    do_not_sleep,
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


# --- Import ----------------------------------------------------------------------------------------------


def test_the_customer_gets_the_balance_and_no_bill(lago: Sandbox) -> None:
    report = imported([owed(), row(2)])

    assert report.status == "succeeded"
    assert wallets(lago) == [("C-1", "50.0", "EUR")]
    assert (steps(report)["lago_wallet"], "lago_wallet" in steps(report, 3)) == ("created", False)
    assert lago.journal()["invoices"] == []
    assert divergences() == set()


def test_a_bill_that_comes_before_the_balance_is_warned_of(lago: Sandbox) -> None:
    """Paid in advance from today: Lago bills at creation, when there is no wallet that could pay."""
    lago.put_plans("ahead:3000:EUR:monthly:advance")
    lago.set_clock("2027-03-10T09:00:00Z")
    today = "2027-03-10"
    late = [owed(plan_code="ahead", start_date=today), row(2, plan_code="ahead", start_date=today)]

    report = imported(late)

    assert [bill[2:] for bill in bills(lago)] == [(0, 0), (0, 0)]
    assert ["opening_balance_late" in warnings(report, line) for line in (2, 3)] == [True, False]


@pytest.mark.parametrize(
    ("plan", "start"), [("standard", "2027-03-10"), ("ahead", "2027-03-07"), ("ahead", "2027-03-13")]
)
def test_a_balance_that_is_there_before_the_bill_is_not_warned_of(
    lago: Sandbox, plan: str, start: str
) -> None:
    lago.put_plans("ahead:3000:EUR:monthly:advance")
    lago.set_clock("2027-03-10T09:00:00Z")

    assert "opening_balance_late" not in warnings(planned([owed(plan_code=plan, start_date=start)]))


def test_the_balance_pays_the_next_bills(lago: Sandbox) -> None:
    imported([owed(amount="15.00")])

    next_month(lago)
    next_month(lago)

    assert bills(lago) == [("C-1", 1000, 0, 1000), ("C-1", 1000, 0, 500)]
    assert wallets(lago) == [("C-1", "0.0", "EUR")]
    assert divergences() == set()


@pytest.mark.parametrize(("plan", "amount", "there"), [("yen", "1250", "1250.0"), ("euro", "0.05", "0.05")])
def test_the_amount_is_exact_in_the_currency_of_the_plan(
    lago: Sandbox, plan: str, amount: str, there: str
) -> None:
    lago.put_plans("yen:900:JPY", "euro:900:EUR")

    assert imported([owed(amount=amount, plan_code=plan)]).status == "succeeded"

    ((_, balance, _),) = wallets(lago)
    assert balance == there


@pytest.mark.parametrize("nothing", ["", "0", "0.00"])
def test_nothing_asks_for_no_wallet_and_for_no_call(lago: Sandbox, nothing: str) -> None:
    without = calls_of(lago, rows(3))
    lago.reset()

    report = imported([owed(number, nothing, id_tag=f"OTHER{number}") for number in (4, 5, 6)])

    assert report.status == "succeeded"
    assert wallets(lago) == []
    assert lago.requests()["total"] == without


def calls_of(lago: Sandbox, given: list[dict[str, str]]) -> int:
    lago.reset_requests()
    imported(given)
    return int(lago.requests()["total"])


def test_each_new_wallet_costs_one_call(lago: Sandbox) -> None:
    without = calls_of(lago, rows(5))
    lago.reset()

    with_wallets = calls_of(lago, [owed(number, id_tag=f"OTHER{number}") for number in range(6, 11)])

    assert with_wallets == without + 1 + 5  # who is there at all is asked for in bulk


@pytest.mark.parametrize("amount", ["-1", "1.000,00", "0.005", "12,50", "viel", "1e3"])
def test_what_is_no_amount_is_a_problem_of_the_row(lago: Sandbox, amount: str) -> None:
    assert codes(planned([owed(amount=amount)])) == ["opening_balance_invalid"]


def test_a_decimal_comma_is_read_where_it_is_declared(lago: Sandbox) -> None:
    imported([owed(amount="12,50")], decimal_mark=",")

    assert wallets(lago) == [("C-1", "12.5", "EUR")]


def test_several_cards_share_one_balance(lago: Sandbox) -> None:
    report = imported([owed(1), owed(1, id_tag="TAG2")])

    assert wallets(lago) == [("C-1", "50.0", "EUR")]
    assert (steps(report, 2)["lago_wallet"], steps(report, 3)["lago_wallet"]) == ("created", "shared")


@pytest.mark.parametrize("other", ["20.00", ""])
def test_cards_of_a_customer_that_differ_in_it_clash(lago: Sandbox, other: str) -> None:
    report = planned([owed(1), owed(1, other, id_tag="TAG2")])

    assert [codes(report, line) for line in (2, 3)] == [["external_id_duplicate"]] * 2


def test_the_preview_adds_up_per_currency(lago: Sandbox) -> None:
    lago.put_plans("dollars:900:USD")
    given = [owed(1), owed(2, "0.50"), owed(3, "7", plan_code="dollars"), owed(1, id_tag="TAG2"), row(4)]

    report = planned(given)

    assert [(one.under, one.number, one.amount_cents) for one in report.totals] == [
        ("EUR", 2, 5050), ("USD", 1, 700),
    ]  # fmt: skip
    assert report.totals[0].message == "2 new Lago wallets, 50.50 EUR in all"
    told = json.loads("".join(document(report)))["totals"]
    assert [(one["step"], one["amount_cents"], one["currency"]) for one in told] == [
        ("lago_wallet", 5050, "EUR"), ("lago_wallet", 700, "USD"),
    ]  # fmt: skip


# --- What is there already -------------------------------------------------------------------------------


def test_the_same_file_again_has_nothing_to_do(lago: Sandbox) -> None:
    imported([owed(1), row(2)])

    again = imported([owed(1), row(2)], skip_existing=True)

    assert actions(again) == ["skipped", "skipped"]
    assert wallets(lago) == [("C-1", "50.0", "EUR")]


def test_what_was_spent_is_not_given_again(lago: Sandbox) -> None:
    imported([owed(amount="10.00")])
    next_month(lago)

    again = planned([owed(amount="10.00")], skip_existing=True, new_run=True)

    assert actions(again) == ["skip"]


def test_a_wallet_under_our_name_is_adopted(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    wallet = give_wallet(by_hand)

    report = imported([owed()], skip_existing=True)

    assert steps(report)["lago_wallet"] == "adopted"
    assert wallet_id(lago) == wallet
    assert divergences() == set()


def test_without_skip_existing_it_is_a_problem(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    give_wallet(by_hand)

    assert codes(planned([owed()])) == ["lago_customer_exists", "lago_wallet_exists"]


@pytest.mark.parametrize(
    "different",
    [{"granted_credits": "49"}, {"rate_amount": "2"}, {"name": "gift", "code": "gift"}],
    ids=["another amount", "another worth", "another wallet"],
)
def test_a_wallet_that_differs_is_a_problem_and_left_alone(
    lago: Sandbox, by_hand: Caller, different: dict[str, str]
) -> None:
    lago_customer(lago)
    give_wallet(by_hand, **different)
    is_unchanged = unchanged(lago)

    report = imported([owed()], skip_existing=True)

    assert codes(report) == ["lago_wallet_conflict"]
    assert is_unchanged()


def test_a_balance_that_was_spent_and_ended_is_not_given_again(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    lago_subscription(lago)
    wallet = give_wallet(by_hand)
    next_month(lago)
    by_hand.delete(f"/wallets/{wallet}")

    assert codes(planned([owed()], skip_existing=True)) == ["lago_wallet_spent"]


def test_after_a_run_it_is_left_as_it_was_ended(lago: Sandbox, by_hand: Caller) -> None:
    imported([owed()])
    next_month(lago)
    by_hand.delete(f"/wallets/{wallet_id(lago)}")

    assert actions(planned([owed()], skip_existing=True)) == ["skip"]
    assert divergences() == {("C-1", "lago_wallet", "terminated")}


def test_a_plan_without_a_currency_has_no_balance(lago: Sandbox) -> None:
    with connect(sleep=do_not_sleep) as systems:
        plans = {"standard": replace(systems.target.plans["standard"], amount_currency=None)}
        step = LagoWalletStep(systems.lago, plans)

    verdict = step.check(wanted(), {})

    assert [problem.code for problem in verdict.problems] == ["opening_balance_no_currency"]


# --- Lost answers ----------------------------------------------------------------------------------------

LOST = ["500_after", "reset_after", "truncated", "wrong_json", "not_json"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_settled_by_looking(lago: Sandbox, fault: str) -> None:
    lago.fault(f"{fault},method=POST,path=/wallets,times=9")

    report = imported([owed()])

    assert report.status == "succeeded"
    assert wallets(lago) == [("C-1", "50.0", "EUR")]
    assert lago.counts()["POST /wallets"] == 1


@pytest.mark.parametrize("fault", ["500", "reset_before", "502_html"])
def test_what_may_have_arrived_is_not_sent_again(lago: Sandbox, fault: str) -> None:
    lago.fault(f"{fault},method=POST,path=/wallets,times=9")
    assert imported([owed()]).status != "succeeded"
    assert lago.counts()["POST /wallets"] == 1
    lago.clear_faults()

    report = imported([owed()])

    assert report.status == "succeeded"
    assert wallets(lago) == [("C-1", "50.0", "EUR")]


def test_where_lago_asks_to_slow_down_it_is_sent_again(lago: Sandbox) -> None:
    lago.fault("429,method=POST,path=/wallets,times=2")

    assert imported([owed()]).status == "succeeded"
    assert wallets(lago) == [("C-1", "50.0", "EUR")]


def test_a_wallet_that_lago_has_yet_to_fill_is_ours(lago: Sandbox) -> None:
    lago.hold_jobs()
    imported([owed()])
    BackfillStep.objects.filter(name="lago_wallet").update(state="intended", ref="")
    latest_run().rows.update(outcome="failed")
    type(latest_run()).objects.update(status="interrupted")

    report = planned([owed()])

    assert (steps(report)["lago_wallet"], warnings(report)) == ("done", ["lago_wallet_empty"])
    lago.run_jobs()
    assert warnings(planned([owed()])) == []


# --- Reconcile -------------------------------------------------------------------------------------------


def test_an_ended_one_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported([owed(), owed(2)])
    by_hand.delete(f"/wallets/{wallet_id(lago, 'C-2')}")

    assert divergences() == {("C-2", "lago_wallet", "terminated")}


def test_one_that_has_gone_with_its_customer_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported([owed(), owed(2)])
    by_hand.delete("/subscriptions/backfill-C-2?on_termination_invoice=skip")
    by_hand.delete("/customers/C-2")

    assert ("C-2", "lago_wallet", "missing") in divergences()


@pytest.mark.parametrize("change", [{"granted_credits": "5"}, {"voided_credits": "5"}])
def test_another_amount_diverges(lago: Sandbox, by_hand: Caller, change: dict[str, str]) -> None:
    imported([owed()])
    change_credits(by_hand, wallet_id(lago), **change)

    assert divergences() == {("C-1", "lago_wallet", "other_amount")}


# --- Revert ----------------------------------------------------------------------------------------------


def test_a_revert_ends_what_is_whole_and_leaves_no_trace(lago: Sandbox) -> None:
    before = lago.state(live=True, volatile=True)
    imported([owed(), owed(2), row(3)])

    assert reverted().status == "reverted"

    assert lago.state(live=True, volatile=True) == before
    assert lago.journal()["invoices"] == []


def test_after_a_revert_it_is_imported_again(lago: Sandbox) -> None:
    lago_customer(lago)
    imported([owed()], skip_existing=True)
    reverted()

    report = imported([owed()], skip_existing=True)

    assert (report.status, warnings(report)) == ("succeeded", ["lago_wallet_again"])
    assert wallets(lago) == [("C-1", "50.0", "EUR")]
    assert wallets(lago, live=False) == [("C-1", "50.0", "EUR")] * 2


def test_an_adopted_wallet_stays(lago: Sandbox, by_hand: Caller) -> None:
    lago_customer(lago)
    wallet = give_wallet(by_hand)
    imported([owed()], skip_existing=True)

    reverted()

    assert wallet_id(lago) == wallet


def test_spent_credits_are_asked_about(lago: Sandbox) -> None:
    imported([owed(amount="15.00"), row(2)])
    next_month(lago)

    report = reverted()

    assert report.status == "refused"
    assert "credits spent in Lago: 10.00 EUR" in report.plan.active["C-1"]


@pytest.mark.parametrize("adopted", [True, False], ids=["adopted customer", "our customer"])
def test_a_wallet_that_was_used_stays_with_its_customer_and_that_is_said(
    lago: Sandbox, *, adopted: bool
) -> None:
    if adopted:
        lago_customer(lago)
    imported([owed(amount="15.00")], skip_existing=True)
    next_month(lago)

    (foretold,) = revert_planned().rows
    report = reverted(discard_activity=True)

    assert "credits of it were spent" in foretold.stays["lago_wallet"]
    assert ("lago_customer" in foretold.stays, "lago_subscription" in foretold.goes) == (True, True)
    assert report.status == "reverted"
    assert wallets(lago) == [("C-1", "5.0", "EUR")]
    assert lago.state(live=True)["subscriptions"] == []
    assert "step=lago_wallet outcome=kept" in report.manifest.read_text()  # type: ignore[union-attr]


def test_a_balance_that_was_kept_is_found_again(lago: Sandbox) -> None:
    imported([owed(amount="15.00")])
    next_month(lago)
    reverted(discard_activity=True)

    report = imported([owed(amount="15.00")], skip_existing=True)

    assert (report.status, steps(report)["lago_wallet"]) == ("succeeded", "adopted")
    assert wallets(lago) == [("C-1", "5.0", "EUR")]


def test_credits_that_somebody_added_are_kept_too(lago: Sandbox, by_hand: Caller) -> None:
    imported([owed()])
    change_credits(by_hand, wallet_id(lago), granted_credits="5")

    assert reverted().status == "refused"
    reverted(discard_activity=True)

    assert wallets(lago) == [("C-1", "55.0", "EUR")]


def test_credits_spent_since_the_look_are_kept(lago: Sandbox) -> None:
    imported([owed(amount="15.00")])
    thing = Thing(wanted("15.00"), wallet_id(lago), is_made=True)
    with connect(sleep=do_not_sleep) as systems:
        step = next(step for step in systems.steps if step.name == "lago_wallet")
        found = step.look_up([thing.wanted])
        next_month(lago)
        removed = step.remove(thing, found)

    assert removed.removal is Removal.KEPT
    assert wallets(lago) == [("C-1", "5.0", "EUR")]


def wanted(amount: str = "50.00") -> Wanted:
    more = {"opening_balance": Decimal(amount)}
    return Wanted(2, "", "", "C-1", "", "standard", None, None, more=more)
