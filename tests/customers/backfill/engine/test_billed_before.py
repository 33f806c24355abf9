"""The way out of a wrong plan: a subscription ended with a bill, and one anew from the same start."""

import pytest

from customers.backfill.engine.report import Report
from rehearsal.lago import Sandbox
from tests.customers.factories import imported, planned, row, rows, told, warnings
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

CODE = "lago_subscription_billed_before"
SKIP = "?on_termination_invoice=skip&on_termination_credit_note=skip"


def on_the_right_plan(start: str = "2024-01-01") -> Report:
    return planned([row(1, plan_code="fleet", start_date=start)], skip_existing=True)


def said(report: Report) -> tuple[str, str]:
    (warning,) = [one for one in told(report)[2]["warnings"] if one["code"] == CODE]
    return warning["message"], warning["hint"]


@pytest.fixture
def billed(lago: Sandbox) -> Sandbox:
    """C-1, imported on 10 March, whose March is billed by 2 April."""
    lago.set_clock("2027-03-10T10:00:00Z")
    imported(rows(1))
    lago.set_clock("2027-04-02T10:00:00Z")
    assert len(lago.journal()["invoices"]) == 1
    return lago


def test_the_start_of_before_is_warned_of_with_the_day_from_which_nothing_is_billed_twice(
    billed: Sandbox, by_hand: Caller
) -> None:
    by_hand.delete(f"/subscriptions/backfill-C-1{SKIP}")

    message, hint = said(on_the_right_plan())

    assert "is billed until 2027-03-31" in message
    assert "From a start_date of 2027-04-01 on" in hint
    assert CODE in warnings(on_the_right_plan("2027-03-31"))
    assert CODE not in warnings(on_the_right_plan("2027-04-01"))


def test_the_last_invoice_counts(billed: Sandbox, by_hand: Caller) -> None:
    by_hand.delete("/subscriptions/backfill-C-1")

    message, hint = said(on_the_right_plan())

    assert "is billed until 2027-04-02" in message
    assert "2027-04-03" in hint


def test_the_day_is_one_of_the_zone_in_which_starts_are(billed: Sandbox, by_hand: Caller) -> None:
    by_hand.delete(f"/subscriptions/backfill-C-1{SKIP}")
    billed.set_organization(billing_entity_timezone="Europe/Berlin")

    _, hint = said(on_the_right_plan())

    assert "2027-04-01" in hint


def test_one_that_was_never_invoiced_is_no_matter(lago: Sandbox, by_hand: Caller) -> None:
    imported(rows(1))
    by_hand.delete(f"/subscriptions/backfill-C-1{SKIP}")

    assert warnings(on_the_right_plan()) == []


def test_somebody_elses_that_ended_is_no_matter(billed: Sandbox, by_hand: Caller) -> None:
    sent = {"external_customer_id": "C-9", "external_id": "theirs", "plan_code": "standard"}
    by_hand.post("/subscriptions", {"subscription": sent})
    by_hand.delete("/subscriptions/theirs")

    report = planned([row(9)], skip_existing=True)

    assert CODE not in warnings(report)


def test_only_customers_that_were_there_and_have_nothing_are_looked_at(billed: Sandbox) -> None:
    billed.reset_requests()

    planned(rows(40), skip_existing=True)

    counts = billed.counts()
    assert counts["GET /subscriptions"] == 1
    assert not any("invoices" in call for call in counts)
