"""What an operator is told that Lago will bill: of a new subscription, and of one that was there."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from billing.api.subscriptions import Subscribed
from billing.bills import Biller
from billing.births import Seen
from billing.client import LagoClient
from billing.comparison import Live
from billing.customer_step import LagoCustomerStep
from billing.forecast import whole_cents
from billing.subscription_step import LagoSubscriptionStep
from billing.values import FixedCharge, Plan
from kernel import Bill, Bills, Charge, Wanted
from kernel.columns import END_DATE, Day
from rehearsal.lago import SANDBOX_KEY, Sandbox

Connect = Callable[..., LagoClient]

NOW = datetime(2027, 3, 10, 9, tzinfo=UTC)
PLANS = ("standard:3000", "ahead:3000:EUR:monthly:advance", "unused:1")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(PLANS) as sandbox:
        sandbox.set_clock(NOW.isoformat(), frozen=True)
        yield sandbox


@pytest.fixture
def lago(sandbox: Sandbox, connect: Connect) -> LagoClient:
    return connect(sandbox.url, SANDBOX_KEY)


@pytest.fixture
def biller(lago: LagoClient) -> Biller:
    biller = Biller(lago, UTC)
    biller.read({"standard", "ahead"})
    return biller


def wanted(plan: str = "standard", at: datetime | None = datetime(2024, 1, 1, tzinfo=UTC)) -> Wanted:
    return Wanted(2, "ada@example.com", "Ada", "A1", "CARD", plan, None, at)


def adopted(
    biller: Biller, lago: LagoClient, now: datetime = NOW, /, *, start: str = "2024-01-01", **how: Any
) -> Bills | None:
    """Tell the bills of a subscription that Lago has, as its list shows it."""
    lago.create_customer(external_id="A1", name="Ada", email="ada@example.com")
    lago.create_subscription(
        external_id="theirs",
        external_customer_id="A1",
        plan_code=how.get("plan", "standard"),
        subscription_at=datetime.fromisoformat(start).replace(tzinfo=UTC),
        billing_time=how.get("billing_time", "calendar"),
    )
    how.get("then", lambda: None)()
    (found,) = lago.subscriptions_of_customer("A1")
    return biller.of_adopted(found, now)


def in_short(bill: Bill | None) -> str:
    assert bill
    return f"{bill.day} {bill.amount_cents} {bill.first} {bill.last}"


# --- a new one ---------------------------------------------------------------------------------------


def test_rows_of_one_plan_and_start_share_what_is_told(biller: Biller) -> None:
    bills = biller.of_new(wanted(), NOW)

    assert bills is not None
    assert in_short(bills.first) == "2027-04-01 3000 2027-03-01 2027-03-31"
    assert biller.of_new(wanted(), NOW) is bills


def test_the_same_row_is_told_anew_on_another_day(biller: Biller) -> None:
    on_the_first = biller.of_new(wanted(), datetime(2027, 4, 1, 9, tzinfo=UTC))

    assert on_the_first is not None
    assert on_the_first.as_of == date(2027, 4, 1)
    assert [problem.code for problem in on_the_first.past] == ["invoiced_today"]
    assert on_the_first.clear_from == date(2027, 4, 2)


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (date(2027, 3, 20), []),
        (date(2027, 4, 1), []),
        (date(2027, 4, 2), [date(2027, 4, 1)]),
        (date(2027, 5, 2), [date(2027, 4, 1), date(2027, 5, 1)]),
    ],
)
def test_no_invoice_is_told_from_the_end_of_a_subscription_on(
    biller: Biller, end: date, told: list[date]
) -> None:
    """What Lago bills at an end is neither the whole period nor on that day: no figure is better."""
    day = Day(end, datetime(end.year, end.month, end.day, tzinfo=UTC))
    row = replace(wanted(), more={END_DATE.name: day})

    bills = biller.of_new(row, NOW)

    assert bills is not None
    assert [bill.day for bill in (bills.first, bills.second) if bill] == told
    assert biller.of_new(wanted(), NOW) is not bills


IN_LOS_ANGELES = datetime(2027, 3, 2, 5, tzinfo=UTC)  # there it is nine in the evening of the first


def test_a_customer_with_a_zone_of_its_own_is_billed_by_its_days(biller: Biller) -> None:
    """A Lago with a licence bills each customer by its own days: for one it is still the first."""
    theirs = biller.of_new(wanted(), IN_LOS_ANGELES, "America/Los_Angeles")
    ours = biller.of_new(wanted(), IN_LOS_ANGELES)

    assert theirs is not None
    assert ours is not None
    assert in_short(theirs.first) == "2027-03-01 3000 2027-02-01 2027-02-28"
    assert "2027-03-01 in the customer's zone America/Los_Angeles" in theirs.past[0].message
    assert in_short(ours.first) == "2027-04-01 3000 2027-03-01 2027-03-31"
    assert (theirs.as_of, ours.as_of, ours.past) == (date(2027, 3, 2), date(2027, 3, 2), ())


@pytest.mark.parametrize("zone", ["", "UTC", "Moon/Crater", "../etc/passwd"])
def test_a_zone_that_is_the_same_or_unknown_changes_nothing(biller: Biller, zone: str) -> None:
    assert biller.of_new(wanted(), IN_LOS_ANGELES, zone) is biller.of_new(wanted(), IN_LOS_ANGELES)


def test_the_zone_of_a_customer_who_is_there_decides_in_plan_and_guard(
    sandbox: Sandbox, lago: LagoClient
) -> None:
    lago.create_customer(external_id="A1", name="Ada", email="ada@example.com")
    sandbox.set_organization(billing_entity_timezone="America/Los_Angeles")  # as the customer then says it
    seen, row = Seen(), wanted()
    step = LagoSubscriptionStep(lago, seen=seen, biller=Biller(lago, UTC))
    step.read_prices([row], IN_LOS_ANGELES)
    assert LagoCustomerStep(lago, {}, seen=seen).look_up([row])

    planned, guarded = step.check(row, step.look_up([row])).bills, step.bills_at(row, IN_LOS_ANGELES)

    assert planned is not None
    assert [problem.code for problem in planned.past] == ["invoiced_today"]
    assert guarded is planned


def test_an_end_hides_nothing_of_what_is_invoiced_today(biller: Biller) -> None:
    first = datetime(2027, 3, 1, 9, tzinfo=UTC)
    row = replace(wanted(), more={END_DATE.name: Day(date(2027, 3, 2), datetime(2027, 3, 2, tzinfo=UTC))})

    bills = biller.of_new(row, first)

    assert bills is not None
    assert in_short(bills.first) == "2027-03-01 3000 2027-02-01 2027-02-28"
    assert (len(bills.today), len(bills.past), bills.second) == (1, 1, None)


@pytest.mark.parametrize("row", [wanted("unused"), wanted("none"), wanted(at=None)])
def test_nothing_is_told_without_a_plan_that_was_read_or_a_start(biller: Biller, row: Wanted) -> None:
    assert biller.of_new(row, NOW) is None


def test_each_plan_that_rows_use_is_read_once_and_no_other(sandbox: Sandbox, lago: LagoClient) -> None:
    step = LagoSubscriptionStep(lago, biller=Biller(lago, UTC))
    rows = [wanted(), wanted("ahead"), wanted(), wanted("gone"), wanted("")]

    step.read_prices(rows, NOW)

    assert lago.calls == 3
    for row in rows:
        step.bills_at(row, NOW)
        step.check(row, Live(Subscribed({}), lago))
    assert lago.calls == 3


def test_a_step_judges_as_of_the_instant_at_which_prices_were_read(lago: LagoClient) -> None:
    step = LagoSubscriptionStep(lago, biller=Biller(lago, UTC))
    before = step.check(wanted(), Live(Subscribed({}), lago)).bills
    step.read_prices([wanted()], NOW)

    bills = step.check(wanted(), Live(Subscribed({}), lago)).bills

    assert before is None
    assert bills is not None
    assert bills.as_of == NOW.date()


# --- one that was there ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "first", "second"),
    [
        ({}, "2027-04-01 3000 2027-03-01 2027-03-31", "2027-05-01 3000 2027-04-01 2027-04-30"),
        ({"start": "2027-03-05"}, "2027-04-01 2613 2027-03-05 2027-03-31", None),
        ({"plan": "ahead"}, "2027-04-01 3000 2027-04-01 2027-04-30", None),
        (
            {"start": "2027-01-20", "billing_time": "anniversary"},
            "2027-03-20 3000 2027-02-20 2027-03-19",
            None,
        ),
        ({"start": "2027-03-20"}, "2027-04-01 1161 2027-03-20 2027-03-31", None),  # pending
    ],
)
def test_the_next_invoices_are_told_from_lagos_own_data(
    biller: Biller, lago: LagoClient, how: dict[str, Any], first: str, second: str | None
) -> None:
    bills = adopted(biller, lago, **how)

    assert bills is not None
    assert in_short(bills.first) == first
    assert second is None or in_short(bills.second) == second
    assert (bills.today, bills.tonight, bills.past) == ((), (), ())


def test_a_price_of_its_own_is_not_guessed(biller: Biller, sandbox: Sandbox, lago: LagoClient) -> None:
    def dearer() -> None:
        sandbox.put_plans("standard:3100")

    assert adopted(biller, lago, then=dearer) is None


def test_one_that_ends_is_not_said_to_be_billed_on(biller: Biller, lago: LagoClient) -> None:
    adopted(biller, lago)
    (found,) = lago.subscriptions_of_customer("A1")
    ended = replace(found, ending_at=datetime(2027, 4, 20, tzinfo=UTC))

    bills = biller.of_adopted(ended, NOW)

    assert bills is not None
    assert (in_short(bills.first)[:10], bills.second) == ("2027-04-01", None)
    assert biller.of_adopted(replace(ended, ending_at=datetime(2027, 3, 20, tzinfo=UTC)), NOW) is None


def test_a_change_of_plan_that_waits_is_not_guessed(
    biller: Biller, sandbox: Sandbox, lago: LagoClient
) -> None:
    def downgraded() -> None:
        lago._send(
            "POST",
            "subscriptions",
            "subscription",
            body={"external_id": "theirs", "external_customer_id": "A1", "plan_code": "unused"},
        )

    lago.create_customer(external_id="A1", name="Ada", email="ada@example.com")
    lago.create_subscription(
        external_id="theirs",
        external_customer_id="A1",
        plan_code="standard",
        subscription_at=datetime(2024, 1, 1, tzinfo=UTC),
        billing_time="calendar",
    )
    downgraded()

    found = next(one for one in lago.subscriptions_of_customer("A1") if one.status == "active")

    assert found.next_plan_code == "unused"
    assert biller.of_adopted(found, NOW) is None


def test_a_period_that_is_not_ours_to_reckon_is_not_told(biller: Biller, lago: LagoClient) -> None:
    later = datetime(2027, 5, 10, tzinfo=UTC)  # by then another period runs than the one that Lago told

    assert adopted(biller, lago, later) is None


# --- a whole period, and what an invoice is made of ---------------------------------------------------


def priced(*charges: FixedCharge, amount: int | None = 3000, **changes: Any) -> Plan:
    known = {"interval": "monthly", "pay_in_advance": False, "fixed_charges": charges} | changes
    return Plan("id", "plan", "Plan", amount_cents=amount, amount_currency="EUR",
                pending_deletion=False, metric_codes=(), **known)  # fmt: skip


def fee(amount: str | None = "5.005", **changes: Any) -> FixedCharge:
    known = {"pay_in_advance": False, "prorated": False} | changes
    return FixedCharge(Decimal(2), None if amount is None else Decimal(amount), **known)


@pytest.mark.parametrize(
    ("plan", "cents"),
    [
        (priced(), 3000),
        (priced(fee(), fee(pay_in_advance=True, prorated=True)), 3000 + 2 * 1001),
        (priced(fee(), interval="yearly"), 4001),
        (priced(fee(), interval="yearly", bill_fixed_charges_monthly=True), 3000 + 12 * 1001),
        (priced(fee(), interval="semiannual", bill_fixed_charges_monthly=True), 3000 + 6 * 1001),
        (priced(fee(None)), None),
        (priced(amount=None), None),
        (priced(interval=None), None),
    ],
)
def test_a_whole_period_costs_the_amount_and_the_fixed_charges_in_it(plan: Plan, cents: int | None) -> None:
    assert whole_cents(plan) == cents


def test_an_invoice_says_which_days_each_charge_is_for(sandbox: Sandbox, lago: LagoClient) -> None:
    """The trial's days are in the period and are not paid for."""
    sandbox.put_plans({"code": "trial", "amount_cents": 3100, "trial_period": 12})
    biller = Biller(lago, UTC)
    biller.read({"trial"})

    bills = biller.of_new(wanted("trial", datetime(2027, 3, 5, tzinfo=UTC)), NOW)

    assert bills
    assert bills.first
    assert bills.first.charges == (Charge(1500, date(2027, 3, 17), date(2027, 3, 31)),)
    assert (bills.first.first, bills.whole_cents, bills.currency) == (date(2027, 3, 5), 3100, "EUR")
