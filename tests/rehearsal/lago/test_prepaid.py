"""Wallets and coupons of the sandbox: what Lago refuses, what it bills, and what it takes off."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.lago.prepaid.coupons import parse_coupon
from tests.contracts.shapes import Departure, lago
from tests.rehearsal.lago.calls import Answer, Caller
from tests.rehearsal.lago.post_box import post_box

CONTRACT = lago()
CUSTOMER = "/customers/{external_customer_id}"


def wallet(caller: Caller, **fields: Any) -> Answer:
    sent = {"external_customer_id": "A1", "rate_amount": "1", "currency": "EUR", "name": "w"} | fields
    return caller.post("/wallets", {"wallet": sent})


def apply(caller: Caller, code: str = "free", **fields: Any) -> Answer:
    sent = {"external_customer_id": "A1", "coupon_code": code} | fields
    return caller.post("/applied_coupons", {"applied_coupon": sent})


def transaction(caller: Caller, wallet_id: str, **fields: str) -> Answer:
    return caller.post("/wallet_transactions", {"wallet_transaction": {"wallet_id": wallet_id} | fields})


def bill(sandbox: Sandbox, caller: Caller) -> None:
    """Let a month end that began with a subscription."""
    sandbox.set_clock("2026-11-15T12:00:00Z", frozen=True)
    caller.subscription(subscription_at="2026-01-01")
    sandbox.set_clock("2026-12-01T02:00:00Z", frozen=True)


def taken_off(sandbox: Sandbox) -> list[tuple[int, int, int]]:
    return [
        (one["amount_cents"], one["coupons_amount_cents"], one["prepaid_credit_amount_cents"])
        for one in sandbox.journal()["invoices"]
    ]


# --- Wallets ---------------------------------------------------------------------------------------------


def test_granted_credits_make_no_invoice_and_are_there_a_moment_later(
    sandbox: Sandbox, caller: Caller
) -> None:
    caller.customer()
    sandbox.hold_jobs()

    made = wallet(caller, granted_credits="12.5").body["wallet"]
    sandbox.run_jobs()
    later = caller.get(f"/wallets/{made['lago_id']}").body["wallet"]

    assert (made["credits_balance"], later["credits_balance"], later["balance_cents"]) == (
        "0.0",
        "12.5",
        1250,
    )
    assert sandbox.journal()["invoices"] == []


def test_paid_credits_are_billed_at_once(sandbox: Sandbox, caller: Caller) -> None:
    caller.customer()

    wallet(caller, paid_credits="12.5", rate_amount="2")

    (invoice,) = caller.get("/invoices?external_customer_id=A1").body["invoices"]
    assert (invoice["invoice_type"], invoice["total_amount_cents"]) == ("credit", 2500)


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ({"external_customer_id": "nobody"}, {"customer": ["customer_not_found"]}),
        ({"granted_credits": "much"}, {"granted_credits": ["invalid_granted_credits"]}),
        ({"paid_credits": "-1"}, {"paid_credits": ["invalid_paid_credits"]}),
        ({"rate_amount": "0"}, {"rate_amount": ["value_is_out_of_range"]}),
        ({"currency": "eur"}, {"currency": ["value_is_invalid"]}),
        ({"currency": "USD"}, {"currency": ["currencies_does_not_match"]}),
    ],
)
def test_a_wallet_that_cannot_be_is_refused(caller: Caller, fields: dict[str, str], details: Any) -> None:
    caller.customer(currency="EUR")

    answer = wallet(caller, **fields)

    assert (answer.status, answer.code, answer.details) == (422, "validation_errors", details)
    assert caller.get("/wallets?external_customer_id=A1").body["wallets"] == []


def test_a_code_is_taken_while_its_wallet_is_active(caller: Caller) -> None:
    caller.customer()
    first = wallet(caller, code="c").body["wallet"]["lago_id"]

    again = wallet(caller, code="c")
    caller.delete(f"/wallets/{first}")

    assert again.details == {"code": ["value_already_exist"]}
    assert wallet(caller, code="c").status == 200


def test_a_customer_has_five_wallets_at_most(caller: Caller) -> None:
    caller.customer()
    for _ in range(5):
        assert wallet(caller).status == 200

    assert wallet(caller).details == {"customer": ["wallet_limit_reached"]}


def test_wallets_are_listed_by_customer_ended_ones_too(caller: Caller) -> None:
    caller.customer()
    caller.customer("A2")
    first = wallet(caller).body["wallet"]["lago_id"]
    wallet(caller)
    wallet(caller, external_customer_id="A2")

    ended = caller.delete(f"/wallets/{first}").body["wallet"]

    found = caller.get("/wallets?external_customer_id=A1").body["wallets"]
    assert [one["status"] for one in found] == ["active", "terminated"]
    assert ended["terminated_at"] is not None
    assert caller.get("/wallets?external_customer_id=nobody").code == "customer_not_found"
    assert caller.get("/wallets/unknown").code == caller.delete("/wallets/unknown").code == "wallet_not_found"


def test_a_wallet_settles_the_currency_of_its_customer(caller: Caller) -> None:
    caller.customer()
    wallet(caller, currency="USD")

    assert caller.get("/customers/A1").body["customer"]["currency"] == "USD"
    assert caller.customer(currency="EUR").details == {"currency": ["currencies_does_not_match"]}


def test_credits_are_added_and_taken_away(caller: Caller, sandbox: Sandbox) -> None:
    caller.customer()
    there = wallet(caller, granted_credits="10").body["wallet"]["lago_id"]

    transaction(caller, there, granted_credits="5", voided_credits="2")

    assert caller.get(f"/wallets/{there}").body["wallet"]["credits_balance"] == "13.0"
    told = caller.get(f"/wallets/{there}/wallet_transactions").body["wallet_transactions"]
    assert [one["transaction_status"] for one in told] == ["voided", "granted", "granted"]
    assert transaction(caller, there, voided_credits="99").details == {
        "voided_credits": ["insufficient_credits"]
    }
    assert transaction(caller, "unknown", granted_credits="1").details == {"wallet_id": ["wallet_not_found"]}


# --- Coupons ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("free", ("100", None, None, "forever", None)),
        ("half:50%:once", ("50", None, None, "once", None)),
        ("welcome:500EUR", (None, 500, "EUR", "forever", None)),
        ("year:10%:12", ("10", None, None, "recurring", 12)),
    ],
)
def test_a_coupon_is_read_from_text(text: str, expected: Any) -> None:
    spec = parse_coupon(text)

    read = (spec.percentage_rate, spec.amount_cents, spec.amount_currency, spec.frequency)
    assert (*read, spec.frequency_duration) == expected


@pytest.mark.parametrize("text", ["", "a:b", "a:10", "a:10XXX", "a:10%:often", "a:10%:once:more"])
def test_a_text_that_is_no_coupon_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"CODE\[:VALUE|does not know"):
        parse_coupon(text)


@pytest.mark.parametrize(
    ("coupon", "bills"),
    [
        ("free:100%", [(1000, 1000, 0), (1000, 1000, 0)]),
        ("half:50%:once", [(1000, 500, 0), (1000, 0, 0)]),
        ("one:10%:1", [(1000, 100, 0), (1000, 0, 0)]),
        ("gift:1500EUR:once", [(1000, 1000, 0), (1000, 500, 0)]),
        ("less:300EUR", [(1000, 300, 0), (1000, 300, 0)]),
    ],
)
def test_a_coupon_is_taken_off_bills(sandbox: Sandbox, caller: Caller, coupon: str, bills: Any) -> None:
    sandbox.put_coupons(coupon)
    caller.customer()
    apply(caller, coupon.split(":")[0])

    bill(sandbox, caller)
    sandbox.set_clock("2027-01-01T02:00:00Z", frozen=True)

    assert taken_off(sandbox) == bills


def test_coupons_come_before_credits(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_coupons("half:50%")
    caller.customer()
    apply(caller, "half")
    wallet(caller, granted_credits="3")

    bill(sandbox, caller)

    assert taken_off(sandbox) == [(1000, 500, 300)]
    (invoice,) = caller.get("/invoices").body["invoices"]
    assert (invoice["coupons_amount_cents"], invoice["total_amount_cents"]) == (500, 200)


@pytest.mark.parametrize(
    "limits", [{"plan_codes": ["fleet"]}, {"billable_metric_codes": ["ev_charging_kwh"]}]
)
def test_a_limited_coupon_takes_nothing_off_the_rest(
    sandbox: Sandbox, caller: Caller, limits: dict[str, list[str]]
) -> None:
    sandbox.put_coupons({"code": "some", "percentage_rate": "100", **limits})
    caller.customer()
    apply(caller, "some")

    bill(sandbox, caller)

    assert taken_off(sandbox) == [(1000, 0, 0)]


def test_one_that_was_taken_away_is_on_no_bill(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_coupons("free")
    caller.customer()
    applied = apply(caller).body["applied_coupon"]["lago_id"]
    caller.delete(f"/customers/A1/applied_coupons/{applied}")

    bill(sandbox, caller)

    assert taken_off(sandbox) == [(1000, 0, 0)]


def test_what_lago_does_not_apply(sandbox: Sandbox, caller: Caller) -> None:
    past = {"expiration_at": datetime(2025, 1, 1, tzinfo=UTC).isoformat()}
    sandbox.put_coupons("free", {"code": "old", "percentage_rate": "1", **past})
    sandbox.put_coupons({"code": "single", "percentage_rate": "1", "reusable": False}, "bucks:5USD")
    caller.customer(currency="EUR")

    assert apply(caller, external_customer_id="nobody").code == "customer_not_found"
    assert apply(caller, "nothing").code == apply(caller, "old").code == "coupon_not_found"
    assert [apply(caller, "single").status, apply(caller, "single").status] == [200, 422]
    assert apply(caller, "single").details == {"coupon": ["coupon_is_not_reusable"]}
    assert [apply(caller).status for _ in range(2)] == [200, 200]  # a coupon is given twice without a word
    assert apply(caller, "bucks").details == {"currency": ["currencies_does_not_match"]}


def test_with_its_customer_all_of_it_ends(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_coupons("free")
    caller.customer()
    apply(caller)
    there = wallet(caller, granted_credits="5").body["wallet"]["lago_id"]

    caller.delete("/customers/A1")

    assert caller.get(f"/wallets/{there}").body["wallet"]["status"] == "terminated"
    live = sandbox.state(live=True)
    assert (live["wallets"], live["applied_coupons"]) == ([], [])


def test_a_deleted_coupon_ends_where_it_was_applied(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_coupons("free")
    caller.customer()
    apply(caller)

    caller.delete("/coupons/free")

    (applied,) = caller.get("/applied_coupons?external_customer_id=A1").body["applied_coupons"]
    assert applied["status"] == "terminated"
    assert caller.get("/applied_coupons?status=active").body["applied_coupons"] == []
    assert caller.get("/coupons/free").code == "coupon_not_found"


# --- All of it -------------------------------------------------------------------------------------------


def test_webhooks_tell_of_wallets(sandbox: Sandbox, caller: Caller) -> None:
    with post_box() as box:
        caller.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": box.url}})
        caller.customer()
        there = wallet(caller, granted_credits="5").body["wallet"]["lago_id"]
        caller.delete(f"/wallets/{there}")
        told = [one["webhook_type"] for one in sandbox.wait_webhooks()]

    assert sorted(told) == ["customer.created", "wallet.created", "wallet.terminated"]


def test_a_restart_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(["standard"], coupons=["half:50%"], state_file=file) as sandbox:
        caller = Caller(sandbox)
        caller.customer()
        apply(caller, "half")
        wallet(caller, granted_credits="3")
        bill(sandbox, caller)
        before = sandbox.state(volatile=True)
        caller.close()

    with Sandbox(coupons=["free"], state_file=file) as sandbox:
        after = sandbox.state(volatile=True)

    assert [one["code"] for one in after.pop("coupons")] == ["free", "half"]
    before.pop("coupons")
    assert after == before


COUPON = {
    "code": "new",
    "name": "New",
    "coupon_type": "percentage",
    "percentage_rate": "10",
    "frequency": "once",
}


def departed(call: str, answer: Answer) -> list[Departure]:
    """Leave out what is null in practice."""
    found = CONTRACT.departures(f"{call} {answer.status}", answer.body)
    return [one for one in found if one.path[-1] != "payment_method_id"]


def test_all_is_answered_as_the_contract_says(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_coupons("half:50%")
    caller.customer()
    applied = apply(caller, "half")
    made = wallet(caller, granted_credits="3")
    there, given = made.body["wallet"]["lago_id"], applied.body["applied_coupon"]["lago_id"]
    bill(sandbox, caller)
    answers = {
        "POST /wallets": [made, wallet(caller, granted_credits="x")],
        "GET /wallets": [caller.get("/wallets?external_customer_id=A1")],
        "GET /wallets/{lago_id}": [caller.get(f"/wallets/{there}"), caller.get("/wallets/x")],
        "POST /wallet_transactions": [transaction(caller, there, granted_credits="1")],
        "GET /wallets/{lago_id}/wallet_transactions": [caller.get(f"/wallets/{there}/wallet_transactions")],
        "DELETE /wallets/{lago_id}": [caller.delete(f"/wallets/{there}")],
        "POST /applied_coupons": [applied, apply(caller, "x")],
        "GET /applied_coupons": [caller.get("/applied_coupons")],
        f"GET {CUSTOMER}/applied_coupons": [caller.get("/customers/A1/applied_coupons")],
        f"DELETE {CUSTOMER}/applied_coupons/{{applied_coupon_id}}": [
            caller.delete(f"/customers/A1/applied_coupons/{given}"),
            caller.delete("/customers/A1/applied_coupons/x"),
        ],
        "POST /coupons": [
            caller.post("/coupons", {"coupon": COUPON}), caller.post("/coupons", {"coupon": COUPON}),
        ],
        "GET /coupons": [caller.get("/coupons")],
        "GET /coupons/{code}": [caller.get("/coupons/half"), caller.get("/coupons/x")],
        "DELETE /coupons/{code}": [caller.delete("/coupons/half")],
    }  # fmt: skip

    found = {
        f"{call} {answer.status}": departures
        for call, some in answers.items()
        for answer in some
        if (departures := departed(call, answer))
    }

    assert found == {}
