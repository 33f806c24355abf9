"""The official Python client, as a second opinion on the sandbox."""

import pytest
from lago_python_client.client import Client
from lago_python_client.exceptions import LagoApiError
from lago_python_client.models import AppliedCoupon, BatchEvent, Customer, Event, Subscription, Wallet

from rehearsal.lago import Sandbox


@pytest.fixture
def official(sandbox: Sandbox) -> Client:
    return Client(api_key=sandbox.key, api_url=sandbox.url)


def test_a_customer_lives_and_dies(official: Client) -> None:
    made = official.customers.create(Customer(external_id="A1", name="Ada", currency="EUR"))
    found = official.customers.find("A1")
    listed = official.customers.find_all(options={"per_page": 10})
    official.customers.destroy("A1")

    assert found.lago_id == made.lago_id
    assert ([one.external_id for one in listed["customers"]], listed["meta"]["total_count"]) == (["A1"], 1)
    with pytest.raises(LagoApiError) as gone:
        official.customers.find("A1")
    assert (gone.value.status_code, gone.value.response["code"]) == (404, "customer_not_found")


def test_a_subscription_is_made_read_and_ended_without_an_invoice(sandbox: Sandbox, official: Client) -> None:
    wanted = Subscription(
        external_customer_id="A1", external_id="s1", plan_code="standard", subscription_at="2026-01-01"
    )

    made = official.subscriptions.create(wanted)
    found = official.subscriptions.find("s1")
    listed = official.subscriptions.find_all(options={"external_customer_id": "A1", "status[]": "active"})
    ended = official.subscriptions.destroy("s1", {"on_termination_invoice": "skip"})

    assert (made.status, made.plan_code, found.lago_id) == ("active", "standard", made.lago_id)
    assert [one.external_id for one in listed["subscriptions"]] == ["s1"]
    assert ended.status == "terminated"
    assert sandbox.journal()["invoices"] == []


def test_events_are_sent_and_read(official: Client) -> None:
    event = Event(
        transaction_id="t1", external_subscription_id="s1", code="ev_charging_kwh", properties={"value": 7.5}
    )
    second = event.copy(update={"transaction_id": "t2"})

    official.events.create(event)
    official.events.batch_create(BatchEvent(events=[second]))

    assert official.events.find("t1").properties == {"value": 7.5}
    assert official.events.find("t2").code == "ev_charging_kwh"


def test_plans_metrics_and_invoices_are_read(official: Client) -> None:
    official.subscriptions.create(
        Subscription(
            external_customer_id="A1", external_id="s1", plan_code="ahead", billing_time="anniversary"
        )
    )

    plan = official.plans.find("ahead")
    metric = official.billable_metrics.find("ev_charging_kwh")
    invoices = official.invoices.find_all({"external_customer_id": "A1"})["invoices"]

    assert plan.pay_in_advance is True
    assert plan.charges.__root__[0].billable_metric_code == metric.code
    assert [one.total_amount_cents for one in invoices] == [3000]


def test_a_quota_is_waited_for(sandbox: Sandbox, official: Client) -> None:
    sandbox.fault("429,method=GET")

    assert official.plans.find("standard").code == "standard"
    assert sandbox.counts() == {"GET /plans/:id": 2}


def test_a_wrong_key_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(LagoApiError) as refused:
        Client(api_key="wrong", api_url=sandbox.url).plans.find_all()

    assert refused.value.status_code == 401


def test_a_wallet_and_a_coupon_are_given_and_taken_back(sandbox: Sandbox, official: Client) -> None:
    sandbox.put_coupons("half:50%")
    official.customers.create(Customer(external_id="A1", currency="EUR"))
    wallet = Wallet(
        external_customer_id="A1", rate_amount="1", name="w", currency="EUR", granted_credits="12.5"
    )

    made = official.wallets.create(wallet)
    found = official.wallets.find(made.lago_id)
    applied = official.applied_coupons.create(AppliedCoupon(external_customer_id="A1", coupon_code="half"))
    ended = official.wallets.destroy(made.lago_id)
    official.applied_coupons.destroy("A1", applied.lago_id)

    assert (found.credits_balance, found.balance_cents, ended.status) == ("12.5", 1250, "terminated")
    assert float(official.coupons.find("half").percentage_rate) == 50
    assert official.applied_coupons.find_all({"status": "active"})["applied_coupons"] == []
