"""What this Lago is and offers."""

import pytest

from billing.client import LagoClient, supports_skip
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


def test_a_metric_is_found_or_none(client: LagoClient, scripted: Scripted) -> None:
    metric = {"code": "kwh", "aggregation_type": "sum_agg", "field_name": "kwh"}
    scripted.answers(Answer(body={"billable_metric": metric}), refusal(404, "billable_metric_not_found"))

    found, missing = client.billable_metric("kwh"), client.billable_metric("none")

    assert found is not None
    assert (found.aggregation_type, found.field_name) == ("sum_agg", "kwh")
    assert missing is None
