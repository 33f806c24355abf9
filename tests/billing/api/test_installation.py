"""What this Lago is and offers."""

from decimal import Decimal

import pytest

from billing.client import LagoClient, LagoError, supports_skip
from tests.billing.objects import listing, refusal
from tests.billing.scripted import Answer, Scripted


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v1.31.9", False),
        ("v0.50.0", False),
        ("v1.32.0", True),
        ("1.32.1", True),
        ("v1.51.0", True),
        ("v1.51.0-rc.1", True),
        ("v2.0.0", True),
        ("2026-08-21", None),
        ("2026.08.21", None),
        ("production", None),
        ("", None),
        (None, None),
    ],
)
def test_ending_without_a_bill_needs_1_32(version: str | None, expected: bool | None) -> None:
    assert supports_skip(version) is expected


def test_plans_are_known_by_their_exact_code(client: LagoClient, scripted: Scripted) -> None:
    charges = [{"billable_metric_code": code} for code in ("kwh", "kwh", "minutes", None)]
    standard = {
        "lago_id": "p1",
        "code": "standard",
        "name": "Standard",
        "interval": "monthly",
        "amount_cents": 1000,
        "amount_currency": "EUR",
        "pay_in_advance": True,
        "pending_deletion": True,
        "charges": charges,
    }
    catalogue = {"lago_id": "p2", "code": "Standard", "name": "Other", "interval": None, "amount_cents": None}
    scripted.answers(listing("plans", [standard, catalogue]))

    plans = client.plans()

    assert plans.keys() == {"standard", "Standard"}
    assert plans["standard"].metric_codes == ("kwh", "minutes")
    assert (plans["standard"].amount_cents, plans["Standard"].amount_cents) == (1000, None)
    assert (plans["standard"].pay_in_advance, plans["standard"].pending_deletion) == (True, True)


FIXED_CHARGE = {"charge_model": "standard", "units": 2, "properties": {"amount": "5"}, "pay_in_advance": True}


def test_one_plan_is_read_with_its_fixed_charges(client: LagoClient, scripted: Scripted) -> None:
    plan = {"lago_id": "p1", "code": "a/b", "bill_fixed_charges_monthly": True}
    scripted.answers(Answer(body={"plan": {**plan, "fixed_charges": [FIXED_CHARGE]}}))

    found = client.plan("a/b")

    assert found is not None
    assert found.fixed_charges is not None
    assert [(one.units, one.unit_amount, one.pay_in_advance) for one in found.fixed_charges] == [
        (2, Decimal(5), True)
    ]
    assert found.bill_fixed_charges_monthly
    assert scripted.targets() == ["/api/v1/plans/a%2Fb"]


def test_a_lago_that_knows_no_fixed_charges_has_none(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"plan": {"lago_id": "p1", "code": "standard"}}))

    found = client.plan("standard")

    assert found is not None
    assert found.fixed_charges == ()


def test_a_plan_that_is_not_there_is_none(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(refusal(404, "plan_not_found"))

    assert client.plan("none") is None


def test_another_plan_than_was_asked_for_is_an_error(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"plan": {"lago_id": "p1", "code": "a"}}))

    with pytest.raises(LagoError, match="another plan"):
        client.plan("a.b")


def test_a_fixed_charge_that_says_no_units_is_no_usable_plan(client: LagoClient, scripted: Scripted) -> None:
    charge = {"charge_model": "standard", "properties": {"amount": "5"}}
    scripted.answers(Answer(body={"plan": {"lago_id": "p1", "code": "a", "fixed_charges": [charge]}}))

    with pytest.raises(LagoError, match="usable plan"):
        client.plan("a")


def test_a_metric_is_found_or_none(client: LagoClient, scripted: Scripted) -> None:
    metric = {"code": "kwh", "aggregation_type": "sum_agg", "field_name": "kwh"}
    scripted.answers(Answer(body={"billable_metric": metric}), refusal(404, "billable_metric_not_found"))

    found, missing = client.billable_metric("kwh"), client.billable_metric("none")

    assert found is not None
    assert (found.aggregation_type, found.field_name) == ("sum_agg", "kwh")
    assert missing is None
