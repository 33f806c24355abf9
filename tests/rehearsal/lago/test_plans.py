"""Plans (cases P of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from rehearsal.lago.seeds import PlanSpec, parse_plan
from tests.rehearsal.lago.calls import Caller

NEW = {"name": "New", "code": "new", "interval": "monthly", "amount_cents": 5, "amount_currency": "EUR"}


def test_p1_plans_are_paged(caller: Caller) -> None:
    body = caller.get("/plans?page=1&per_page=3").body

    assert len(body["plans"]) == 3
    assert body["meta"] == {
        "current_page": 1,
        "next_page": 2,
        "prev_page": None,
        "total_pages": 2,
        "total_count": 5,
    }


def test_p2_a_plan_about_to_be_deleted_is_listed_and_still_taken(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.hold_jobs()

    deleted = caller.delete("/plans/standard").body["plan"]

    listed = {plan["code"]: plan["pending_deletion"] for plan in caller.get("/plans").body["plans"]}
    assert (deleted["pending_deletion"], listed["standard"], listed["fleet"]) == (True, True, False)
    assert caller.subscription().status == 200


def test_p3_a_plan_is_found_by_its_code(caller: Caller) -> None:
    caller.delete("/plans/fleet")

    assert caller.get("/plans/standard").body["plan"]["amount_cents"] == 1000
    assert caller.get("/plans/fleet").code == "plan_not_found"
    assert caller.get("/plans/unknown").code == "plan_not_found"


def test_p4_codes_are_case_sensitive(caller: Caller) -> None:
    assert caller.get("/plans/STANDARD").status == 404


def test_p5_a_taken_code_is_refused(caller: Caller) -> None:
    answer = caller.put("/plans/standard", {"plan": {"code": "fleet"}})

    assert answer.details == {"code": ["value_already_exist"]}


def test_a_plan_can_be_renamed(caller: Caller) -> None:
    caller.put("/plans/standard", {"plan": {"code": "basic", "name": "Basic"}})

    assert caller.get("/plans/basic").body["plan"]["name"] == "Basic"
    assert caller.get("/plans/standard").status == 404


def test_a_plan_can_be_made(caller: Caller) -> None:
    answer = caller.post("/plans", {"plan": {**NEW, "pay_in_advance": True}})

    assert answer.body["plan"]["pay_in_advance"] is True
    assert caller.get("/plans/new").status == 200


def test_fixed_charges_are_told_of_one_plan_and_not_in_the_list(caller: Caller) -> None:
    charge = {"code": "box", "units": "2", "properties": {"amount": "5.50"}, "prorated": True}
    caller.post("/plans", {"plan": {**NEW, "fixed_charges": [charge], "bill_fixed_charges_monthly": True}})

    shown = caller.get("/plans/new").body["plan"]
    listed = caller.get("/plans").body["plans"][0]

    (found,) = shown["fixed_charges"]
    assert (found["code"], found["units"], found["properties"]) == ("box", 2.0, {"amount": "5.50"})
    assert (found["pay_in_advance"], found["prorated"], found["charge_model"]) == (False, True, "standard")
    assert (listed["code"], listed["bill_fixed_charges_monthly"]) == ("new", True)
    assert "fixed_charges" not in listed


@pytest.mark.parametrize(
    "charge",
    [
        {"units": "many", "properties": {"amount": "5"}},
        {"units": 1, "properties": {}},
        {"units": 1, "properties": {"amount": "-5"}},
        {"units": 1, "charge_model": "volume"},
        "box",
    ],
)
def test_a_senseless_fixed_charge_is_refused(caller: Caller, charge: object) -> None:
    answer = caller.post("/plans", {"plan": {**NEW, "fixed_charges": [charge]}})

    assert answer.details == {"fixed_charges": ["value_is_invalid"]}


@pytest.mark.parametrize(
    ("change", "details"),
    [
        ({"code": ""}, {"code": ["value_is_mandatory"]}),
        ({"code": "fleet"}, {"code": ["value_already_exist"]}),
        ({"interval": "daily"}, {"interval": ["value_is_invalid"]}),
        ({"amount_currency": "eur"}, {"amount_currency": ["value_is_invalid"]}),
        ({"amount_cents": -1}, {"amount_cents": ["value_is_out_of_range"]}),
    ],
)
def test_a_senseless_plan_is_refused(caller: Caller, change: dict[str, object], details: object) -> None:
    assert caller.post("/plans", {"plan": {**NEW, **change}}).details == details


def test_without_the_root_object_it_is_a_bad_request(caller: Caller) -> None:
    assert caller.post("/plans", {"plan": []}).status == 400


def test_deleting_a_plan_ends_its_subscriptions_and_bills(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription("s1")
    caller.subscription("s2", subscription_at="2999-01-01")

    caller.delete("/plans/standard")

    state = sandbox.state()
    assert sorted(row["status"] for row in state["subscriptions"]) == ["canceled", "terminated"]
    assert [invoice["why"] for invoice in state["invoices"]] == ["termination"]


def test_codes_may_hold_slashes_and_dots(caller: Caller) -> None:
    caller.post("/plans", {"plan": {**NEW, "code": "a/b.c"}})

    assert caller.get("/plans/a/b.c").status == 200
    assert caller.get("/plans/a%2Fb.c").status == 200
    assert caller.get("/plans/a/charges").code == "resource_not_found"


def test_a_plan_is_read_from_one_word() -> None:
    assert parse_plan("night:700:USD:yearly:advance") == PlanSpec("night", 700, "USD", "yearly", True)
    assert parse_plan("night") == PlanSpec("night")


@pytest.mark.parametrize(
    "text", ["", "a:b", "a:1:XXX", "a:1:EUR:daily", "a:1:EUR:monthly:arrears", "a:1:EUR:monthly:advance:"]
)
def test_a_senseless_word_for_a_plan_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"CODE|does not know"):
        parse_plan(text)
