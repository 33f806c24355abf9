"""The client against a whole Lago: the sandbox, released and of the development branch."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from billing.client import LagoClient, LagoError
from billing.preflight import preflight
from billing.values import CreatedCustomer, Subscription
from rehearsal.lago import SANDBOX_KEY, Sandbox

Connect = Callable[..., LagoClient]

PAST = datetime(2026, 1, 1, tzinfo=UTC)
FUTURE = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
PLANS = ("standard:1000:EUR:monthly", "advance:1000:EUR:monthly:advance", "basic:100:EUR:monthly")
ODD_IDS = ["a.b", "a.b.c", "a/b", "a b", "a%2Eb", "a?b#c", "ü ß", "a&b=c", "x" * 255]


@pytest.fixture(params=["released", "head"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(PLANS, compat=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def lago(sandbox: Sandbox, connect: Connect) -> LagoClient:
    return connect(sandbox.url, SANDBOX_KEY)


def customer(lago: LagoClient, external_id: str = "A1") -> CreatedCustomer:
    return lago.create_customer(external_id=external_id, name="Ada", email="ada@example.com")


def subscription(
    lago: LagoClient, owner: str = "A1", *, plan: str = "standard", at: datetime = PAST
) -> Subscription:
    return lago.create_subscription(
        external_id=f"backfill-{owner}",
        external_customer_id=owner,
        plan_code=plan,
        subscription_at=at,
        billing_time="calendar",
    )


def nothing_billed(sandbox: Sandbox) -> bool:
    journal = sandbox.journal()
    return not journal["invoices"] and not journal["credit_notes"]


def test_preflight_knows_this_lago(sandbox: Sandbox, lago: LagoClient) -> None:
    target = preflight(lago)

    assert target.plans.keys() == {"standard", "advance", "basic"}
    assert target.plans["advance"].pay_in_advance
    assert target.plans["standard"].metric_codes == ("ev_charging_kwh",)
    assert target.timezone == "UTC"
    assert target.version


def test_a_wrong_key_is_told(sandbox: Sandbox, connect: Connect) -> None:
    with pytest.raises(LagoError, match=r"^Lago refused the key \(401\): check LAGO_API_KEY$"):
        preflight(connect(sandbox.url, "wrong"))


def test_a_customer_is_made_once(lago: LagoClient) -> None:
    first, second = customer(lago), customer(lago)

    assert (first.existed, first.customer.email) == (False, "ada@example.com")
    assert second.customer.lago_id == first.customer.lago_id
    assert lago.customer("A1") == first.customer
    assert [one.external_id for one in lago.customers()] == ["A1"]


@pytest.mark.parametrize("external_id", ODD_IDS)
def test_an_odd_id_lives_a_whole_life(sandbox: Sandbox, lago: LagoClient, external_id: str) -> None:
    neighbour = customer(lago, "a").customer

    customer(lago, external_id)
    made = subscription(lago, external_id)

    found = lago.customer(external_id)
    assert found is not None
    assert found.external_id == external_id
    assert lago.subscriptions_of([external_id]) == {external_id: [made]}
    assert lago.subscription(made.external_id) == made
    ended = lago.terminate_subscription(made.external_id, pending=False)
    assert ended is not None
    assert ended.status == "terminated"
    assert lago.delete_customer(external_id) == found
    assert lago.customer(external_id) is None
    assert lago.customer("a") == neighbour
    assert nothing_billed(sandbox)


@pytest.mark.parametrize("plan", ["standard", "advance"])
def test_ending_an_active_subscription_bills_nobody(sandbox: Sandbox, lago: LagoClient, plan: str) -> None:
    customer(lago)
    subscription(lago, plan=plan)

    ended = lago.terminate_subscription("backfill-A1", pending=False)

    assert ended is not None
    assert ended.status == "terminated"
    assert lago.terminate_subscription("backfill-A1", pending=False) is None
    assert nothing_billed(sandbox)


@pytest.mark.parametrize("plan", ["standard", "advance"])
def test_ending_a_pending_subscription_bills_nobody(sandbox: Sandbox, lago: LagoClient, plan: str) -> None:
    customer(lago)
    made = subscription(lago, plan=plan, at=FUTURE)

    found = lago.subscription("backfill-A1", status="pending")
    ended = lago.terminate_subscription("backfill-A1", pending=True)

    assert made.status == "pending"
    assert found == made
    assert lago.subscription("backfill-A1") is None
    assert ended is not None
    assert ended.status == "canceled"
    assert nothing_billed(sandbox)


def test_a_lago_that_cannot_filter_by_id_is_searched_whole(sandbox: Sandbox, lago: LagoClient) -> None:
    sandbox.set_organization(version="v1.40.0")
    for external_id in ("a", "a.b", "a.c"):
        customer(lago, external_id)
        subscription(lago, external_id)

    found, missing = lago.customer("a.b"), lago.customer("a.d")
    subscribed = lago.subscription("backfill-a.b")

    assert found is not None
    assert found.external_id == "a.b"
    assert missing is None
    assert subscribed is not None
    assert subscribed.external_customer_id == "a.b"


def test_an_older_lago_that_bills_all_the_same_is_told(sandbox: Sandbox, lago: LagoClient) -> None:
    sandbox.set_organization(version="v1.31.0")
    customer(lago)
    subscription(lago)

    with pytest.raises(LagoError, match="closing bill") as caught:
        lago.terminate_subscription("backfill-A1", pending=False)

    assert caught.value.sent is True


@pytest.mark.parametrize("plan", ["basic", "advance"])
def test_a_change_of_plan_by_mistake_is_told(lago: LagoClient, plan: str) -> None:
    customer(lago)
    subscription(lago)

    with pytest.raises(LagoError) as caught:
        subscription(lago, plan=plan)

    assert (caught.value.code, caught.value.sent) == ("lago_unexpected", True)


def test_an_unknown_plan_is_refused(lago: LagoClient) -> None:
    customer(lago)

    with pytest.raises(LagoError) as caught:
        subscription(lago, plan="Standard")

    assert (caught.value.lago_code, caught.value.sent) == ("plan_not_found", False)


@pytest.mark.parametrize(
    "fault", ["reset_before", "reset_after", "500", "500_after", "502_html", "429", "truncated", "not_json"]
)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_one_fault_in_every_write_leaves_the_same_end(
    sandbox: Sandbox, lago: LagoClient, fault: str, method: str
) -> None:
    for path in ("/customers", "/subscriptions"):
        sandbox.fault(f"{fault},method={method},path={path}")

    made = customer(lago)
    subscription(lago)
    ended = lago.terminate_subscription("backfill-A1", pending=False)
    lago.delete_customer("A1")

    assert made.existed is False
    assert ended is not None
    assert lago.customers() == []
    assert nothing_billed(sandbox)


def test_bulk_reads_see_what_single_reads_see(sandbox: Sandbox, lago: LagoClient) -> None:
    ids = [f"C{number}" for number in range(30)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: (customer(lago, one), subscription(lago, one)), ids))
    sandbox.reset_requests()

    customers = lago.customers_by_id([*ids, "missing"])
    subscriptions = lago.subscriptions_of([*ids, "missing"])

    assert sandbox.requests()["total"] == 2
    assert customers == {one: lago.customer(one) for one in ids}
    assert subscriptions == {**{one: lago.subscriptions_of_customer(one) for one in ids}, "missing": []}


def test_a_limited_lago_is_obeyed() -> None:
    with (
        Sandbox(rate_limit=50) as limited,
        LagoClient(limited.url, SANDBOX_KEY, rate_per_s=0, backoff_s=0.05) as lago,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda number: customer(lago, f"C{number}"), range(80)))

    assert len(answers) == 80
    assert not any(answer.existed for answer in answers)


def test_nothing_is_metered_or_invoiced_at_first(lago: LagoClient) -> None:
    customer(lago)
    subscription(lago)

    assert lago.events_of(["backfill-A1", "other"]) == {"backfill-A1": 0, "other": 0}
    assert lago.events("backfill-A1") == []
    assert lago.invoices_of(["A1", "B2"]) == {"A1": 0, "B2": 0}
    metric = lago.billable_metric("ev_charging_kwh")
    assert metric is not None
    assert metric.aggregation_type == "sum_agg"


def test_an_invoice_is_counted(sandbox: Sandbox, lago: LagoClient) -> None:
    customer(lago)
    subscription(lago, plan="advance", at=datetime.now(UTC))

    assert lago.invoices_of(["A1"]) == {"A1": 1}
