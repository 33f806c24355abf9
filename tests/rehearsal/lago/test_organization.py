"""Preflight and what all endpoints share (cases X of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller

UNAUTHORIZED = {"status": 401, "error": "Unauthorized"}


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}])
def test_x1_without_the_right_key_everything_is_refused(caller: Caller, headers: dict[str, str]) -> None:
    answer = caller.send("GET", "/api/v1/customers", headers=headers)

    assert (answer.status, answer.body) == (401, UNAUTHORIZED)


def test_x2_the_scheme_of_the_authorization_is_not_looked_at(caller: Caller) -> None:
    answer = caller.send("GET", "/api/v1/customers", headers={"Authorization": f"Token {caller.key}"})

    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nope"), ("PUT", "/customers/x"), ("POST", "/organizations")]
)
def test_x3_an_unknown_route_or_verb_is_404_before_the_key_is_asked_for(
    caller: Caller, method: str, path: str
) -> None:
    answer = caller.send(method, f"/api/v1{path}", headers={})

    assert answer.body == {"status": 404, "error": "Not Found", "code": "resource_not_found"}


def test_x4_health_needs_no_key(caller: Caller) -> None:
    answer = caller.send("GET", "/health", headers={})

    assert (answer.status, answer.body["message"], answer.body["version"]) == (200, "Success", "v1.51.0")


def test_readiness_needs_no_key(caller: Caller) -> None:
    answer = caller.send("GET", "/ready", headers={})

    assert answer.body == {"status": "ok"}


def test_x5_a_key_without_the_permission_is_forbidden(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(permissions={"customer": ["read"]})

    answer = caller.customer()

    expected = {"status": 403, "error": "Forbidden", "code": "write_action_not_allowed_for_customer"}
    assert answer.body == expected
    assert caller.get("/customers").status == 200


def test_x6_the_organization_can_be_told_apart(caller: Caller) -> None:
    organization = caller.get("/organizations").body["organization"]

    assert organization["lago_id"]
    assert organization["events_store"] == "postgres"


def test_the_billing_entity_tells_its_time_zone(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(billing_entity_timezone="Europe/Berlin")

    (entity,) = caller.get("/billing_entities").body["billing_entities"]

    assert (entity["is_default"], entity["timezone"]) == (True, "Europe/Berlin")


def test_a_body_that_is_not_json_is_answered_as_the_caller_accepts(caller: Caller) -> None:
    usual = {"Authorization": f"Bearer {caller.key}", "Content-Type": "application/json"}

    as_json = caller.send("POST", "/api/v1/customers", b"{", {**usual, "Accept": "application/json"})
    as_page = caller.send("POST", "/api/v1/customers", b"{", {**usual, "Accept": "*/*"})

    assert (as_json.status, as_json.body) == (400, {"status": 400, "error": "Bad Request"})
    assert (as_page.status, as_page.body) == (400, b"")


def test_slashes_at_the_end_and_doubled_ones_do_not_matter(caller: Caller) -> None:
    assert caller.get("//customers/").status == 200


def test_the_metric_of_charging_energy_is_there(caller: Caller) -> None:
    metric = caller.get("/billable_metrics/ev_charging_kwh").body["billable_metric"]

    assert (metric["aggregation_type"], metric["field_name"]) == ("sum_agg", "value")


def test_metrics_can_be_replaced(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_metrics({"code": "kwh", "field_name": "energy"})

    listed = caller.get("/billable_metrics").body["billable_metrics"]
    charges = caller.get("/plans/standard").body["plan"]["charges"]

    assert [metric["code"] for metric in listed] == ["kwh"]
    assert [charge["billable_metric_code"] for charge in charges] == ["kwh"]
    assert caller.get("/billable_metrics/ev_charging_kwh").code == "billable_metric_not_found"
