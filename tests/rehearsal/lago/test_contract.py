"""Every kind of reply against what the official description says of its fields."""

import pytest

from rehearsal.lago import Sandbox
from tests.contracts.shapes import Departure, lago
from tests.rehearsal.lago.calls import Answer, Caller

CONTRACT = lago()

# Null in practice; the description has them non-null or leaves null out of their list of values.
NULL_ALL_THE_SAME = {
    "invoice_display_name",
    "on_termination_credit_note",
    "payment_method_id",
    "cancellation_reason",
}


def _departures(answer: Answer, method: str, template: str) -> list[Departure]:
    found = CONTRACT.departures(f"{method} {template} {answer.status}", answer.body)
    return [departure for departure in found if not _known(departure)]


def _known(departure: Departure) -> bool:
    names = [str(part) for part in departure.path]
    return departure.found is None and (names[-1] in NULL_ALL_THE_SAME or "billing_configuration" in names)


@pytest.fixture
def busy(sandbox: Sandbox, caller: Caller) -> Caller:
    """A caller of a sandbox in which there is one of everything, ids A1, sub-A1, t1."""
    address = {"city": "Stuttgart", "country": "DE"}
    metadata = [{"key": "crm", "value": "7"}]
    caller.customer(name="Ada", email="ada@example.com", metadata=metadata, shipping_address=address)
    caller.subscription("old", plan_code="ahead")
    caller.delete("/subscriptions/old")
    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")
    caller.subscription("later", subscription_at="2999-01-01")
    caller.event(properties={"value": "1.5"})  # the description has no place for a whole number
    caller.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": "http://127.0.0.1:1"}})
    return caller


NEW_PLAN = {"name": "New", "code": "new", "interval": "yearly", "amount_cents": 5, "amount_currency": "EUR"}
SUBSCRIPTION = {"external_id": "s9", "external_customer_id": "A1", "plan_code": "standard"}
EVENT = {"transaction_id": "t9", "code": "c", "external_subscription_id": "s"}
ENDPOINT = {"webhook_url": "https://polaris.example", "event_types": ["customer.created"]}
CUSTOMER = "/customers/{external_customer_id}"
STATUSES = "status[]=active&status[]=pending&status[]=terminated&status[]=canceled"

READS = [
    ("/billing_entities", "/billing_entities"),
    ("/customers", "/customers"),
    (f"{CUSTOMER}/current_usage", "/customers/A1/current_usage?external_subscription_id=sub-A1"),
    ("/webhook_endpoints", "/webhook_endpoints"),
    ("/webhook_endpoints/{lago_id}", "/webhook_endpoints/unknown"),
    (CUSTOMER, "/customers/A1"),
    (CUSTOMER, "/customers/unknown"),
    (f"{CUSTOMER}/subscriptions", "/customers/A1/subscriptions"),
    (f"{CUSTOMER}/subscriptions", "/customers/unknown/subscriptions"),
    ("/subscriptions", f"/subscriptions?{STATUSES}"),
    ("/subscriptions/{external_id}", "/subscriptions/sub-A1"),
    ("/subscriptions/{external_id}", "/subscriptions/later?status=pending"),
    ("/subscriptions/{external_id}", "/subscriptions/unknown"),
    ("/plans", "/plans"),
    ("/plans/{code}", "/plans/standard"),
    ("/plans/{code}", "/plans/unknown"),
    ("/events", "/events"),
    ("/events/{transaction_id}", "/events/t1"),
    ("/events/{transaction_id}", "/events/unknown"),
    ("/invoices", "/invoices"),
    ("/credit_notes", "/credit_notes"),
    ("/billable_metrics", "/billable_metrics"),
    ("/billable_metrics/{code}", "/billable_metrics/ev_charging_kwh"),
    ("/billable_metrics/{code}", "/billable_metrics/unknown"),
]

WRITES = [
    ("POST", "/customers", "/customers", {"customer": {"external_id": "A2"}}),
    ("POST", "/customers", "/customers", {"customer": {"currency": "x"}}),
    ("POST", "/customers", "/customers", {}),
    ("DELETE", CUSTOMER, "/customers/A1", None),
    ("POST", "/subscriptions", "/subscriptions", {"subscription": SUBSCRIPTION}),
    ("POST", "/subscriptions", "/subscriptions", {"subscription": {**SUBSCRIPTION, "plan_code": "x"}}),
    ("POST", "/subscriptions", "/subscriptions", {"subscription": {**SUBSCRIPTION, "external_id": ""}}),
    ("PUT", "/subscriptions/{external_id}", "/subscriptions/sub-A1", {"subscription": {"name": "n"}}),
    ("DELETE", "/subscriptions/{external_id}", "/subscriptions/sub-A1", None),
    ("DELETE", "/subscriptions/{external_id}", "/subscriptions/sub-A1?on_termination_invoice=x", None),
    ("POST", "/plans", "/plans", {"plan": NEW_PLAN}),
    ("PUT", "/plans/{code}", "/plans/standard", {"plan": {"code": "fleet"}}),
    ("DELETE", "/plans/{code}", "/plans/standard", None),
    ("POST", "/events", "/events", {"event": EVENT}),
    ("POST", "/events", "/events", {"event": {**EVENT, "timestamp": "x"}}),
    ("POST", "/events/batch", "/events/batch", {"events": [EVENT]}),
    ("POST", "/webhook_endpoints", "/webhook_endpoints", {"webhook_endpoint": ENDPOINT}),
    ("POST", "/webhook_endpoints", "/webhook_endpoints", {"webhook_endpoint": {"webhook_url": ""}}),
]


@pytest.mark.parametrize(("template", "path"), READS)
def test_a_read_is_answered_as_the_contract_says(busy: Caller, template: str, path: str) -> None:
    answer = busy.get(path)

    assert _departures(answer, "GET", template) == []


@pytest.mark.parametrize(("method", "template", "path", "body"), WRITES)
def test_a_write_is_answered_as_the_contract_says(
    busy: Caller, method: str, template: str, path: str, body: object
) -> None:
    answer = busy.send(method, f"/api/v1{path}", body)

    assert _departures(answer, method, template) == []


def test_a_plan_with_a_fixed_charge_is_answered_as_the_contract_says(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.put_plans({"code": "box", "fixed_charges": [{"units": 2, "properties": {"amount": "5"}}]})

    answer = caller.get("/plans/box")

    assert len(answer.body["plan"]["fixed_charges"]) == 1
    assert _departures(answer, "GET", "/plans/{code}") == []


def test_one_invoice_is_answered_as_the_contract_says(busy: Caller) -> None:
    for listed in busy.get("/invoices").body["invoices"]:
        answer = busy.get(f"/invoices/{listed['lago_id']}")

        assert _departures(answer, "GET", "/invoices/{lago_id}") == []


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_one_webhook_endpoint_is_answered_as_the_contract_says(busy: Caller, method: str) -> None:
    (first,) = busy.get("/webhook_endpoints").body["webhook_endpoints"]
    body = {"webhook_endpoint": ENDPOINT} if method == "PUT" else None

    answer = busy.send(method, f"/api/v1/webhook_endpoints/{first['lago_id']}", body)

    assert _departures(answer, method, "/webhook_endpoints/{lago_id}") == []


def test_the_lack_of_a_key_is_answered_as_the_contract_says(caller: Caller) -> None:
    answer = caller.send("GET", "/api/v1/plans", headers={})

    assert _departures(answer, "GET", "/plans") == []


def test_the_contract_would_notice_a_wrong_reply(busy: Caller) -> None:
    answer = busy.get("/customers/A1")
    answer.body["customer"]["sequential_id"] = "one"

    assert len(_departures(answer, "GET", CUSTOMER)) == 1
