"""Reading Lago's JSON objects."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from billing.values import Customer, FixedCharge, Plan, Subscription
from tests.billing.objects import customer, subscription


def test_a_pending_subscription_has_not_started() -> None:
    read = Subscription.of(subscription("S1", status="pending", started_at=None))

    assert (read.status, read.started_at) == ("pending", None)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01T00:00:00Z", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T00:00:00.250Z", datetime(2026, 11, 1, 0, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-11-01T01:00:00+01:00", datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        ("2026-11-01T00:00:00", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_an_instant_is_always_aware(text: str, moment: datetime) -> None:
    assert Subscription.of(subscription("S1", subscription_at=text)).subscription_at == moment


@pytest.mark.parametrize("field", ["lago_id", "external_id", "created_at"])
@pytest.mark.parametrize("value", [None, 7, ["x"]])
def test_a_field_that_must_be_text_is_not_bent_into_it(field: str, value: object) -> None:
    with pytest.raises(TypeError):
        Customer.of({**customer("A1"), field: value})


def test_a_missing_field_is_told() -> None:
    with pytest.raises(KeyError):
        Customer.of({"lago_id": "x"})


def test_a_senseless_instant_is_told() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        Customer.of(customer("A1", created_at="yesterday"))


def test_an_amount_may_come_as_text() -> None:
    plan = Plan.of({"lago_id": "p1", "code": "standard", "amount_cents": "1000"})

    assert plan.amount_cents == 1000


def test_the_list_of_plans_does_not_tell_fixed_charges() -> None:
    plan = Plan.of({"lago_id": "p1", "code": "standard", "trial_period": 10.0, "bill_charges_monthly": None})

    assert (plan.trial_period, plan.bill_charges_monthly, plan.bill_fixed_charges_monthly) == (
        10,
        False,
        False,
    )
    assert plan.fixed_charges is None


def test_a_fixed_charge_is_read_with_its_price_for_one() -> None:
    charge = {"charge_model": "standard", "units": 2.5, "properties": {"amount": "5.10"}, "prorated": True}

    read = FixedCharge.of({**charge, "pay_in_advance": False})

    assert read == FixedCharge(Decimal("2.5"), Decimal("5.10"), pay_in_advance=False, prorated=True)


def test_a_fixed_charge_in_tiers_has_no_price_for_one() -> None:
    ranges = [{"from_value": 0, "to_value": None, "flat_amount": "1", "per_unit_amount": "2"}]

    read = FixedCharge.of({"charge_model": "volume", "units": "3", "properties": {"volume_ranges": ranges}})

    assert (read.units, read.unit_amount) == (3, None)


@pytest.mark.parametrize("units", ["many", None, "NaN", "Infinity"])
def test_a_number_that_is_none_is_told(units: object) -> None:
    with pytest.raises(ValueError, match="units"):
        FixedCharge.of({"charge_model": "standard", "units": units, "properties": {"amount": "5"}})
