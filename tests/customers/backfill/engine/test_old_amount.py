"""What customers pay now, beside what Lago will bill for a whole period."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.customers.commands import as_json, command
from tests.customers.factories import (
    codes,
    imported,
    lago_customer,
    lago_subscription,
    planned,
    row,
    told,
)

pytestmark = pytest.mark.django_db

NOW = "2027-03-20T09:00:00Z"
FEE = {"units": 2, "properties": {"amount": "5"}, "pay_in_advance": False}
AHEAD = {**FEE, "pay_in_advance": True, "prorated": True}
PLANS: list[Any] = [
    "month:3000", "yen:310:JPY", "free:0",
    {"code": "fee", "amount_cents": 3000, "fixed_charges": [FEE, AHEAD]},
    {"code": "monthly_fee", "amount_cents": 30000, "interval": "yearly",
     "bill_fixed_charges_monthly": True, "fixed_charges": [FEE]},
]  # fmt: skip


@pytest.fixture(autouse=True)
def _plans(lago: Sandbox) -> None:
    lago.put_plans(*PLANS)
    lago.set_clock(NOW)


def pays(amount: str, plan: str = "month", number: int = 1, **changes: str) -> dict[str, str]:
    return row(number, plan_code=plan, old_amount=amount, **changes)


@pytest.mark.parametrize(
    ("plan", "old", "new"),
    [
        ("month", "25.50", 3000),
        ("yen", "300", 310),
        ("free", "0", 0),
        ("fee", "30", 5000),  # two charges of 2 × 5.00 for a whole period
        ("monthly_fee", "300", 42000),  # twelve times 10.00 in a year
    ],
)
def test_the_new_bill_is_that_of_a_whole_period_with_fixed_charges(plan: str, old: str, new: int) -> None:
    report = planned([pays(old, plan)])

    found = told(report)[2]["difference"]
    assert codes(report) == []
    assert (found["new_cents"], found["difference_cents"]) == (new, new - found["old_cents"])


def test_the_amounts_are_those_that_lago_bills(lago: Sandbox) -> None:
    report = imported([pays("30", "fee"), pays("25", number=2)])

    lago.set_clock("2027-06-01T12:00:00Z")
    journal: dict[str, list[int]] = {}
    for one in lago.journal()["invoices"]:
        journal.setdefault(one["external_customer_id"], []).append(one["amount_cents"])
    for one in told(report).values():
        assert journal[one["external_id"]][-1] == one["difference"]["new_cents"]


def test_the_largest_come_first_with_a_total_per_currency(file: Callable[..., Path]) -> None:
    given = [
        pays("29.00"), pays("29.00", id_tag="CARD2"), pays("45", number=2), pays("30", number=3),
        pays("300", "yen", 4), pays("10.00", "fee", 5), row(6, plan_code="month", old_amount=""),
    ]  # fmt: skip

    answer = as_json(file(*given), "--dry-run")

    assert answer.code == 0, answer.out
    found = answer.json["differences"]
    assert [(one["external_id"], one["difference_cents"]) for one in found["largest"]] == [
        ("C-5", 4000), ("C-2", -1500), ("C-1", 100), ("C-4", 10),
    ]  # fmt: skip
    assert found["totals"] == [
        {"currency": "EUR", "customers": 4, "more": 2, "less": 1,
         "old_cents": 11400, "new_cents": 14000, "difference_cents": 2600},
        {"currency": "JPY", "customers": 1, "more": 1, "less": 0,
         "old_cents": 300, "new_cents": 310, "difference_cents": 10},
    ]  # fmt: skip
    assert answer.rows[3]["difference"] is None  # the customer's second card


def test_an_adopted_subscription_is_compared_too(lago: Sandbox) -> None:
    lago_customer(lago)
    lago_subscription(lago, plan_code="month")

    report = planned([pays("25"), pays("25", id_tag="CARD2")], skip_existing=True)

    assert told(report)[2]["difference"]["difference_cents"] == 500
    assert told(report)[3]["difference"] is None
    assert report.differences
    assert (report.differences.totals[0].customers, report.differences.untold) == (1, 0)


def test_an_amount_that_is_none_is_a_problem_of_the_row() -> None:
    assert codes(planned([pays("-5")])) == ["old_amount_invalid"]
    assert codes(planned([pays("1.234", "yen")])) == ["old_amount_invalid"]


def test_cards_of_one_customer_have_to_agree_in_it() -> None:
    report = planned(
        [pays("25"), pays("26", id_tag="CARD2"), pays("25", number=2), pays("25.0", number=2, id_tag="X")]
    )

    assert [codes(report, line) for line in (2, 3, 4, 5)] == [["external_id_duplicate"]] * 2 + [[], []]


def test_the_terminal_lists_them(file: Callable[..., Path]) -> None:
    answer = command(file(pays("25,5"), pays("31", number=2)), "--dry-run", "--decimal-mark", ",")

    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "2 C-1 month 25.50 EUR 30.00 EUR +4.50 EUR" in lines
    assert "3 C-2 month 31.00 EUR 30.00 EUR -1.00 EUR" in lines
    assert (
        "In all, 2 customers: 56.50 EUR until now, 60.00 EUR in Lago, +3.50 EUR; 1 pay more, 1 less." in lines
    )


def test_without_the_column_nothing_is_said(file: Callable[..., Path]) -> None:
    answer = as_json(file(row(plan_code="month")), "--dry-run")

    assert "differences" not in answer.json
    assert "difference" not in answer.rows[2]
