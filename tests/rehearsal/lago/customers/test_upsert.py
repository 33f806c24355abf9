"""Creating and changing customers (cases C1 to C15 of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller


def test_c1_a_new_customer_is_echoed_with_an_id(caller: Caller) -> None:
    answer = caller.customer(name="Ada", currency="EUR")

    customer = answer.body["customer"]
    assert answer.status == 200
    assert customer["lago_id"]
    assert (customer["external_id"], customer["name"], customer["currency"]) == ("A1", "Ada", "EUR")
    assert (customer["metadata"], customer["account_type"]) == ([], "customer")


def test_c2_a_second_post_changes_only_the_keys_it_has(caller: Caller) -> None:
    first = caller.customer(name="Ada").body["customer"]

    second = caller.customer(email="ada@example.com").body["customer"]

    assert second["lago_id"] == first["lago_id"]
    assert (second["name"], second["email"]) == ("Ada", "ada@example.com")


def test_c3_a_null_blanks_the_field(caller: Caller) -> None:
    caller.customer(email="ada@example.com")

    assert caller.customer(email=None).body["customer"]["email"] is None


@pytest.mark.parametrize("body", [{}, {"customer": "customer"}, {"customer": {}}])
def test_c4_without_the_root_object_it_is_a_bad_request(caller: Caller, body: object) -> None:
    answer = caller.post("/customers", body)

    expected = "BadRequest: param is missing or the value is empty or invalid: customer"
    assert (answer.status, answer.body) == (400, {"status": 400, "error": expected})


def test_c5_all_invalid_fields_are_told_at_once(caller: Caller) -> None:
    answer = caller.post("/customers", {"customer": {"name": "Ada", "currency": "invalid"}})

    assert answer.body == {
        "status": 422,
        "error": "Unprocessable Entity",
        "code": "validation_errors",
        "error_details": {"currency": ["value_is_invalid"], "external_id": ["value_is_mandatory"]},
    }


@pytest.mark.parametrize("email", ["joão.silva@", "a@b", "a@x.com,", "a b@x.com", "a..b@x.com", "a@-x.com"])
def test_c6_c8_a_bad_address_is_refused(caller: Caller, email: str) -> None:
    answer = caller.customer(email=email)

    assert answer.details == {"email": ["invalid_email_format"]}
    assert caller.get("/customers/A1").status == 404


@pytest.mark.parametrize("email", ["a@x.com, b@y.com", "a@b.c", '"a b"@x.com', "a@[192.0.2.1]", "", None])
def test_c8_an_acceptable_address_is_stored_as_sent(caller: Caller, email: str | None) -> None:
    assert caller.customer(email=email).body["customer"]["email"] == email


@pytest.mark.parametrize(("compat", "status"), [("released", 422), ("head", 200)])
def test_letters_beyond_ascii_before_the_at_sign_are_new(caller: Caller, status: int) -> None:
    assert caller.customer(email="joão@example.com").status == status


def test_c7_invisible_characters_leave_an_address_and_dashes_become_hyphens(caller: Caller) -> None:
    answer = caller.customer(email=" a\u200cda\u2013l@exam\u2212ple.com\u00a0")

    assert answer.body["customer"]["email"] == "ada-l@exam-ple.com"


def test_c9_nul_leaves_a_name(caller: Caller) -> None:
    assert caller.customer(name="A\0da").body["customer"]["name"] == "Ada"


def test_nul_in_the_id_breaks_the_server(caller: Caller) -> None:
    answer = caller.customer("A\0")

    assert answer.body == {"status": 500, "error": "Internal Server Error"}


def test_a_name_may_have_255_characters(caller: Caller) -> None:
    assert caller.customer(name="x" * 255).status == 200
    assert caller.customer(name="x" * 256).details == {"name": ["value_is_too_long"]}


def test_c10_six_metadata_are_too_many(caller: Caller) -> None:
    items = [{"key": f"k{n}", "value": "v"} for n in range(6)]

    assert caller.customer(metadata=items).details == {"metadata": ["invalid_count"]}


@pytest.mark.parametrize(
    ("item", "details"),
    [
        ({"key": "k" * 21, "value": "v"}, {"key": ["value_is_too_long"]}),
        ({"key": "k", "value": "v" * 101}, {"value": ["value_is_too_long"]}),
        ({"key": "k", "value": ""}, {"value": ["value_is_mandatory"]}),
        ({"value": "v"}, {"key": ["value_is_mandatory"]}),
    ],
)
def test_c11_metadata_have_limits(
    caller: Caller, item: dict[str, str], details: dict[str, list[str]]
) -> None:
    assert caller.customer(metadata=[item]).details == details


def test_c12_metadata_sent_again_without_ids_clash_and_nothing_changes(caller: Caller) -> None:
    items = [{"key": "crm", "value": "1"}]
    caller.customer(name="Ada", metadata=items)

    answer = caller.customer(name="Bob", metadata=items)

    assert answer.details == {"key": ["value_already_exist"]}
    assert caller.get("/customers/A1").body["customer"]["name"] == "Ada"


def test_c13_metadata_replace_the_set_except_what_is_named_by_id(caller: Caller) -> None:
    sent = [{"key": "m1", "value": "1"}, {"key": "m2", "value": "2"}]
    m1 = caller.customer(metadata=sent).body["customer"]["metadata"][0]

    kept = {"id": m1["lago_id"], "value": "one", "display_in_invoice": True}
    answer = caller.customer(metadata=[kept, {"key": "m3", "value": "3"}])

    metadata = answer.body["customer"]["metadata"]
    assert {item["key"]: item["value"] for item in metadata} == {"m1": "one", "m3": "3"}
    assert (metadata[0]["lago_id"], metadata[0]["display_in_invoice"]) == (m1["lago_id"], True)


def test_c14_an_unknown_billing_entity_is_not_found(caller: Caller) -> None:
    answer = caller.customer(billing_entity_code="other")

    assert (answer.status, answer.code) == (404, "billing_entity_not_found")


def test_an_unknown_tax_is_not_found(caller: Caller) -> None:
    assert caller.customer(tax_codes=["vat"]).code == "tax_not_found"


def test_c15_the_id_of_a_deleted_customer_can_be_used_again(caller: Caller) -> None:
    first = caller.customer().body["customer"]
    caller.delete("/customers/A1")

    second = caller.customer().body["customer"]

    assert second["lago_id"] != first["lago_id"]
    assert second["sequential_id"] == first["sequential_id"] + 1


@pytest.mark.parametrize(("compat", "status"), [("released", 422), ("head", 200)])
def test_a_subscribed_customer_keeps_its_currency_in_released_versions(caller: Caller, status: int) -> None:
    caller.subscription()

    assert caller.customer(currency="USD").status == status


def test_a_refused_billing_configuration_leaves_the_customer_saved(caller: Caller) -> None:
    answer = caller.customer(name="Ada", billing_configuration={"document_locale": "xx"})

    assert answer.details == {"document_locale": ["not_a_valid_language_code"]}
    assert caller.get("/customers/A1").body["customer"]["name"] == "Ada"


def connected(caller: Caller, **configuration: str) -> list[object]:
    """What the answer shows of a connection to a payment provider."""
    given = {"provider_customer_id": "cus_1", **configuration}
    told = caller.customer(billing_configuration=given).body["customer"]["billing_configuration"]
    names = ("payment_provider", "payment_provider_code", "provider_customer_id")
    return [told.get(name) for name in names]


@pytest.mark.parametrize(
    "configuration",
    [
        {"payment_provider": "piggy bank"},
        {"payment_provider": "stripe", "payment_provider_code": "other"},
        {"payment_provider": "adyen"},
    ],
)
def test_an_unknown_payment_provider_is_taken_and_connects_nothing(
    sandbox: Sandbox, caller: Caller, configuration: dict[str, str]
) -> None:
    sandbox.set_organization(payment_providers=["stripe:eu"])

    assert connected(caller, **configuration) == [None, None, None]


@pytest.mark.parametrize("code", [{}, {"payment_provider_code": "eu"}])
def test_a_known_payment_provider_is_shown_with_the_customer_s_id_there(
    sandbox: Sandbox, caller: Caller, code: dict[str, str]
) -> None:
    sandbox.set_organization(payment_providers=["stripe:eu", "adyen:main"])

    assert connected(caller, payment_provider="stripe", **code) == ["stripe", "eu", "cus_1"]


def test_a_language_for_documents_is_kept_and_a_grace_period_needs_a_licence(caller: Caller) -> None:
    sent = {"document_locale": "de", "invoice_grace_period": 3}

    kept = caller.customer(billing_configuration=sent).body["customer"]["billing_configuration"]

    assert (kept["document_locale"], kept["invoice_grace_period"]) == ("de", None)


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("country", "XX", "not_a_valid_country_code"),
        ("customer_type", "robot", "value_is_invalid"),
        ("currency", "eur", "value_is_invalid"),
        ("net_payment_term", -1, "value_is_out_of_range"),
        ("net_payment_term", "soon", "is not a number"),
        ("finalize_zero_amount_invoice", "maybe", "invalid_value"),
    ],
)
def test_other_columns_are_checked_too(caller: Caller, field: str, value: object, code: str) -> None:
    assert caller.customer(**{field: value}).details == {field: [code]}


def test_a_time_zone_needs_a_licence_and_is_ignored(caller: Caller) -> None:
    customer = caller.customer(timezone="Asia/Tokyo").body["customer"]

    assert (customer["timezone"], customer["applicable_timezone"]) == (None, "UTC")


def test_a_shipping_address_is_merged_part_by_part(caller: Caller) -> None:
    caller.customer(shipping_address={"city": "Stuttgart", "country": "de"})

    address = caller.customer(shipping_address={"zipcode": "70173"}).body["customer"]["shipping_address"]

    assert (address["city"], address["country"], address["zipcode"]) == ("Stuttgart", "DE", "70173")
