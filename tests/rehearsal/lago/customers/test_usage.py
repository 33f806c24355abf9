"""GET /customers/:id/current_usage."""

from datetime import UTC, datetime

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, day_from_today

PATH = "/customers/A1/current_usage?external_subscription_id=sub-A1"


@pytest.fixture
def now(sandbox: Sandbox) -> int:
    """Stand still in the middle of a month, and say when that is in Unix seconds."""
    at = datetime(2026, 11, 15, 12, tzinfo=UTC)
    sandbox.set_clock(at.isoformat(), frozen=True)
    return int(at.timestamp())


def test_the_usage_of_the_period_is_added_up(caller: Caller, now: int) -> None:
    caller.subscription(subscription_at="2026-01-01")
    caller.event("t1", timestamp=now - 60, properties={"value": "1.5"})
    caller.event("t2", timestamp=now, properties={"value": "2"})
    caller.event("earlier", timestamp=now - 30 * 86_400, properties={"value": "7"})
    caller.event("odd", timestamp=now, properties={"value": "much"})
    caller.event("other", timestamp=now, code="parking", properties={"value": "7"})

    usage = caller.get(PATH).body["customer_usage"]

    (charge,) = usage["charges_usage"]
    assert (charge["units"], charge["events_count"]) == ("3.5", 3)
    assert (usage["amount_cents"], usage["currency"]) == (137, "EUR")
    assert (usage["from_datetime"], usage["to_datetime"]) == ("2026-11-01T00:00:00Z", "2026-11-30T23:59:59Z")
    assert usage["issuing_date"] == "2026-12-01"


@pytest.mark.parametrize("asked", ["sub-A1", "", "unknown"])
def test_without_a_running_subscription_there_is_no_usage(caller: Caller, asked: str) -> None:
    caller.subscription(subscription_at=day_from_today(3))

    answer = caller.get(f"/customers/A1/current_usage?external_subscription_id={asked}")

    assert (answer.status, answer.code) == (405, "no_active_subscription")


def test_an_unknown_customer_has_no_usage(caller: Caller) -> None:
    assert caller.get(PATH).code == "customer_not_found"


def test_there_are_no_wallets_and_no_coupons(caller: Caller) -> None:
    caller.customer()

    assert caller.get("/wallets?external_customer_id=A1").body["wallets"] == []
    assert caller.get("/applied_coupons?external_customer_id=A1").body["meta"]["total_count"] == 0
