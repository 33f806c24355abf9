"""Reading, listing and deleting customers (cases C16 to C26 of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, escaped


def test_c16_an_unknown_customer_is_not_found(caller: Caller) -> None:
    assert caller.get("/customers/unknown").body == {
        "status": 404,
        "error": "Not Found",
        "code": "customer_not_found",
    }


def test_c17_a_bare_dot_names_another_customer_and_an_escaped_one_does_not(caller: Caller) -> None:
    caller.customer("a.b")

    assert caller.get("/customers/a.b").code == "customer_not_found"
    caller.customer("a")
    assert caller.get("/customers/a.b").body["customer"]["external_id"] == "a"
    assert caller.get("/customers/a%2Eb").body["customer"]["external_id"] == "a.b"


@pytest.mark.parametrize("path", ["/customers/a.b.c", "/customers/a.b/subscriptions", "/customers/a/b"])
def test_other_dots_and_slashes_lead_nowhere(caller: Caller, path: str) -> None:
    assert caller.get(path).code == "resource_not_found"


@pytest.mark.parametrize("external_id", ["a/b", "a?b", "a b", "ä#%", "a/subscriptions", "1.2.3", " A1 "])
def test_c18_an_escaped_id_reaches_its_customer(caller: Caller, external_id: str) -> None:
    caller.customer(external_id)

    answer = caller.get(f"/customers/{escaped(external_id)}")

    assert answer.body["customer"]["external_id"] == external_id


def test_ids_are_compared_exactly(caller: Caller) -> None:
    caller.customer("Acme")

    assert caller.get("/customers/acme").status == 404


def test_c19_customers_are_listed_newest_first(caller: Caller) -> None:
    caller.customer("A1")
    caller.customer("A2")

    body = caller.get("/customers").body

    assert [customer["external_id"] for customer in body["customers"]] == ["A2", "A1"]
    assert [customer["taxes"] for customer in body["customers"]] == [[], []]
    assert body["meta"]["total_count"] == 2


def test_c20_the_filter_by_external_id_is_exact(caller: Caller) -> None:
    caller.customer("A1")
    caller.customer("A11")

    customers = caller.get("/customers?external_id=A1&search_term=nothing").body["customers"]

    assert [customer["external_id"] for customer in customers] == ["A1"]


def test_before_1_49_the_filter_by_external_id_is_ignored(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(version="v1.48.2")
    caller.customer("A1")
    caller.customer("A2")

    assert caller.get("/customers?external_id=A1").body["meta"]["total_count"] == 2


def test_c21_the_search_looks_inside_names_ignoring_case(caller: Caller) -> None:
    caller.customer("A1", name="Foo Bar")
    caller.customer("A2", name="Other")

    customers = caller.get("/customers?search_term=OO%20b").body["customers"]

    assert [customer["external_id"] for customer in customers] == ["A1"]


@pytest.mark.parametrize(
    "query",
    [
        "currencies[]=USD",
        "countries[]=FR",
        "states[]=BW",
        "zipcodes[]=70173",
        "customer_type=company",
        "has_customer_type=true",
        "has_tax_identification_number=true",
        "metadata[crm]=7",
        "billing_entity_codes[]=sandbox&zipcodes[]=70173",
    ],
)
def test_filters_narrow_the_list(caller: Caller, query: str) -> None:
    place = {"country": "fr", "state": "BW", "zipcode": "70173", "currency": "USD"}
    metadata = [{"key": "crm", "value": "7"}]
    caller.customer("A1", **place, customer_type="company", tax_identification_number="1", metadata=metadata)
    caller.customer("A2", country="DE")

    customers = caller.get(f"/customers?{query}").body["customers"]

    assert [customer["external_id"] for customer in customers] == ["A1"]


def test_an_empty_metadata_filter_asks_for_customers_without_the_key(caller: Caller) -> None:
    caller.customer("A1", metadata=[{"key": "crm", "value": "7"}])
    caller.customer("A2")

    customers = caller.get("/customers?metadata[crm]=").body["customers"]

    assert [customer["external_id"] for customer in customers] == ["A2"]


def test_an_unknown_billing_entity_in_a_filter_is_not_found(caller: Caller) -> None:
    assert caller.get("/customers?billing_entity_codes[]=x").code == "billing_entity_not_found"


def test_c24_an_invalid_country_filter_is_refused_by_position(caller: Caller) -> None:
    details = caller.get("/customers?countries[]=FR&countries[]=INVALID").details

    assert list(details["countries"]) == ["1"]
    assert isinstance(details["countries"]["1"], list)


def test_c25_a_deleted_customer_is_gone(caller: Caller) -> None:
    caller.customer()

    answers = [caller.delete("/customers/A1"), caller.get("/customers/A1"), caller.delete("/customers/A1")]

    assert [answer.status for answer in answers] == [200, 404, 404]
    assert answers[0].body["customer"]["external_id"] == "A1"


def test_c26_deleting_a_customer_ends_its_subscriptions(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription("s1")
    caller.subscription("s2", subscription_at="2999-01-01")

    caller.delete("/customers/A1")

    statuses = {row["external_id"]: row["status"] for row in sandbox.state()["subscriptions"]}
    assert statuses == {"s1": "terminated", "s2": "canceled"}


def test_the_job_after_a_deletion_can_be_held(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription("s1")
    sandbox.hold_jobs()
    caller.delete("/customers/A1")

    blocked = caller.subscription("s1")
    ran = sandbox.run_jobs()
    free = caller.subscription("s1")

    assert blocked.details == {"external_id": ["value_already_exist"]}
    assert (ran, free.status) == (1, 200)
