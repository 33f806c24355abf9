"""Invoices and credit notes, read through the API."""

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller


def test_invoices_are_listed_per_customer_newest_first(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock("2026-11-22T12:00:00Z")
    caller.subscription("s1", plan_code="ahead")
    caller.subscription("s2", plan_code="ahead", external_customer_id="B1")
    caller.delete("/subscriptions/s1")

    body = caller.get("/invoices?external_customer_id=A1&per_page=1").body

    (invoice,) = body["invoices"]
    assert body["meta"]["total_count"] == 2
    assert (invoice["total_amount_cents"], invoice["customer"]["external_id"]) == (0, "A1")
    assert (invoice["invoice_type"], invoice["status"], invoice["payment_status"]) == (
        "subscription",
        "finalized",
        "pending",
    )
    assert invoice["issuing_date"] == "2026-11-22"


def test_an_invoice_is_read_by_its_id(caller: Caller) -> None:
    caller.subscription(plan_code="ahead")
    (listed,) = caller.get("/invoices").body["invoices"]

    shown = caller.get(f"/invoices/{listed['lago_id']}").body["invoice"]

    assert shown["number"] == listed["number"]
    assert caller.get("/invoices/unknown").code == "invoice_not_found"


def test_an_invoice_tells_its_fees_and_for_which_days_they_are(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(billing_entity_timezone="Europe/Berlin")
    sandbox.set_clock("2026-11-22T12:00:00Z")
    charge = {"code": "box", "units": 2, "properties": {"amount": "5"}, "pay_in_advance": True}
    sandbox.put_plans(
        {"code": "new", "amount_cents": 3000, "pay_in_advance": True, "fixed_charges": [charge]}
    )
    caller.subscription(plan_code="new")
    (listed,) = caller.get("/invoices").body["invoices"]

    shown = caller.get(f"/invoices/{listed['lago_id']}").body["invoice"]

    days = ("2026-11-21T23:00:00Z", "2026-11-30T22:59:59Z")
    assert [(fee["item"]["type"], fee["amount_cents"]) for fee in shown["fees"]] == [
        ("subscription", 900),
        ("fixed_charge", 1000),
    ]
    assert [(fee["from_date"], fee["to_date"]) for fee in shown["fees"]] == [days, days]
    (period,) = shown["billing_periods"]
    assert (period["subscription_from_datetime"], period["subscription_to_datetime"]) == days
    assert (period["external_subscription_id"], period["invoicing_reason"]) == (
        "sub-A1",
        "subscription_starting",
    )


def test_credit_notes_are_listed_per_customer(caller: Caller) -> None:
    caller.subscription(plan_code="ahead", billing_time="anniversary")
    caller.delete("/subscriptions/sub-A1")

    mine = caller.get("/credit_notes?external_customer_id=A1").body
    other = caller.get("/credit_notes?external_customer_id=B1").body

    assert [note["credit_amount_cents"] for note in mine["credit_notes"]] == [3000]
    assert other["credit_notes"] == []
