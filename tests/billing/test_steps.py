"""The two steps in Lago, over real HTTP: looked up, judged, made, compared and taken back unbilled."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from billing.customer_step import LagoCustomerStep
from billing.subscription_step import LagoSubscriptionStep
from kernel import Action, Made, Removal, Removed, Step, Task, Thing, Verdict, Wanted
from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.rehearsal.lago.calls import Caller

Connect = Callable[..., LagoClient]
Found = Mapping[str, Any]

PAST = datetime(2024, 1, 1, tzinfo=UTC)
FUTURE = datetime.now(UTC).replace(microsecond=0) + timedelta(days=40)
PLANS = ("standard:1000:EUR", "advance:1000:EUR:monthly:advance", "fleet:5000:EUR", "dollars:900:USD")
NEW = Verdict(Action.CREATE)


@pytest.fixture(params=["released", "head"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(PLANS, compat=request.param) as sandbox:
        yield sandbox


@pytest.fixture
def lago(sandbox: Sandbox, connect: Connect) -> LagoClient:
    return connect(sandbox.url, SANDBOX_KEY)


@pytest.fixture
def customers(lago: LagoClient) -> LagoCustomerStep:
    return LagoCustomerStep(lago, lago.plans())


@pytest.fixture
def subscriptions(lago: LagoClient) -> LagoSubscriptionStep:
    return LagoSubscriptionStep(lago)


def wanted(external_id: str = "A1", *, plan: str = "standard", at: datetime | None = PAST) -> Wanted:
    return Wanted(
        line=2,
        email="ada@example.com",
        display_name="Ada",
        external_id=external_id,
        id_tag="A1B2C3D4",
        plan_code=plan,
        start_date=at.date() if at else date(2024, 1, 1),
        subscription_at=at,
    )


def create(step: Step, row: Wanted, verdict: Verdict = NEW) -> Made:
    return step.create(Task(row, verdict, {}))


def remove(step: Step, row: Wanted, ref: str, found: Found) -> Removed:
    return step.remove(Thing(row, ref, is_made=True), found)


def nothing_billed(sandbox: Sandbox) -> bool:
    journal = sandbox.journal()
    return not journal["invoices"] and not journal["credit_notes"]


def live(sandbox: Sandbox, table: str = "subscriptions") -> list[str]:
    return [row["external_id"] for row in sandbox.state(live=True)[table]]


# --- The customer ------------------------------------------------------------------------------------


def test_a_new_customer_is_made_with_what_the_row_says(sandbox: Sandbox, customers: LagoCustomerStep) -> None:
    verdict = customers.check(wanted(), customers.look_up([wanted()]))
    made = create(customers, wanted(), verdict)

    (row,) = sandbox.state(volatile=True)["customers"]
    assert (verdict, made) == (NEW, Made(row["lago_id"]))
    assert (row["columns"]["name"], row["columns"]["email"]) == ("Ada", "ada@example.com")


def test_a_customer_that_is_there_is_adopted(customers: LagoCustomerStep) -> None:
    made = create(customers, wanted())

    verdict = customers.check(wanted(), customers.look_up([wanted()]))

    assert (verdict.action, verdict.ref, verdict.warnings) == (Action.ADOPT, made.ref, ())
    assert verdict.may_be_ours
    assert [problem.code for problem in verdict.exists] == ["lago_customer_exists"]


def test_what_differs_is_named_without_its_value(customers: LagoCustomerStep) -> None:
    create(customers, replace(wanted(), email="else@example.com", display_name="Else"))

    (warning,) = customers.check(wanted(), customers.look_up([wanted()])).warnings

    assert warning.code == "lago_customer_differs"
    assert "email and name" in warning.message
    assert "lse@" not in warning.message


def test_a_customer_billed_in_another_currency_is_refused(
    lago: LagoClient, customers: LagoCustomerStep
) -> None:
    lago.create_customer(external_id="A1", name="Ada", email="ada@example.com", currency="USD")
    found = customers.look_up([wanted()])

    verdict = customers.check(wanted(), found)

    assert [problem.code for problem in verdict.problems] == ["lago_customer_currency_conflict"]
    assert customers.check(wanted(plan="dollars"), found).action is Action.ADOPT
    assert customers.check(wanted(plan=""), found).action is Action.ADOPT  # its plan has a problem already


def test_a_row_without_a_valid_external_id_asks_for_nothing(
    sandbox: Sandbox, customers: LagoCustomerStep
) -> None:
    sandbox.reset_requests()

    assert customers.look_up([wanted("")]) == {}
    assert sandbox.counts() == {}


def test_a_deleted_customer_is_gone_the_second_time(sandbox: Sandbox, customers: LagoCustomerStep) -> None:
    made = create(customers, wanted())
    found = customers.look_up([wanted()])

    first = remove(customers, wanted(), made.ref, found)
    second = remove(customers, wanted(), made.ref, found)
    third = remove(customers, wanted(), made.ref, customers.look_up([wanted()]))

    assert [one.removal for one in (first, second, third)] == [Removal.REMOVED, Removal.GONE, Removal.GONE]
    assert live(sandbox, "customers") == []


def test_a_customer_that_somebody_made_again_is_kept(sandbox: Sandbox, customers: LagoCustomerStep) -> None:
    create(customers, wanted())

    removed = remove(customers, wanted(), "another lago_id", customers.look_up([wanted()]))

    assert removed.removal is Removal.KEPT
    assert live(sandbox, "customers") == ["A1"]


@pytest.mark.parametrize("plan", ["standard", "advance"])
def test_deleting_a_customer_bills_nothing_whatever_is_left(
    sandbox: Sandbox, customers: LagoCustomerStep, subscriptions: LagoSubscriptionStep, plan: str
) -> None:
    made = create(customers, wanted())
    create(subscriptions, wanted(plan=plan))

    remove(customers, wanted(), made.ref, customers.look_up([wanted()]))

    assert (live(sandbox), live(sandbox, "customers")) == ([], [])
    assert nothing_billed(sandbox)


def test_divergences_of_a_customer(lago: LagoClient, customers: LagoCustomerStep) -> None:
    made = create(customers, wanted())

    def kinds(ref: str = made.ref) -> list[str]:
        return [
            one.kind
            for one in customers.compare(Thing(wanted(), ref, is_made=True), customers.look_up([wanted()]))
        ]

    assert kinds() == []
    assert kinds("another lago_id") == ["other_object"]
    lago.create_customer(external_id="A1", name="Ida", email="ida@example.com")
    assert kinds() == ["email_drifted", "name_drifted"]
    lago.delete_customer("A1")
    assert kinds() == ["missing"]


# --- The subscription --------------------------------------------------------------------------------


def of(step: LagoSubscriptionStep, row: Wanted | None = None) -> Found:
    return step.look_up([row or wanted()])


def test_a_subscription_is_made_under_our_id_from_the_rows_start(
    sandbox: Sandbox, subscriptions: LagoSubscriptionStep
) -> None:
    assert subscriptions.check(wanted(), of(subscriptions)) == NEW

    made = create(subscriptions, wanted())

    (row,) = sandbox.state(volatile=True)["subscriptions"]
    assert made == Made(row["lago_id"], key="backfill-A1")
    assert (row["external_id"], row["plan_code"], row["status"]) == ("backfill-A1", "standard", "active")
    assert row["subscription_at"] == "2024-01-01T00:00:00Z"


def test_a_future_start_is_pending_and_seen(subscriptions: LagoSubscriptionStep) -> None:
    create(subscriptions, wanted(at=FUTURE))

    verdict = subscriptions.check(wanted(at=FUTURE), of(subscriptions))

    assert (verdict.action, verdict.key) == (Action.ADOPT, "backfill-A1")


def test_ours_is_preferred_to_another_on_the_same_plan(
    lago: LagoClient, subscriptions: LagoSubscriptionStep
) -> None:
    ours = create(subscriptions, wanted())
    other(lago, external_id="sub-1")

    assert subscriptions.check(wanted(), of(subscriptions)).ref == ours.ref


def other(lago: LagoClient, **changes: Any) -> None:
    fields = {
        "external_id": "sub-1",
        "external_customer_id": "A1",
        "plan_code": "standard",
        "subscription_at": PAST,
        "billing_time": "calendar",
    }
    lago.create_subscription(**(fields | changes))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"plan_code": "fleet"}, "lago_subscription_conflict"),
        ({"plan_code": "fleet", "external_id": "backfill-A1"}, "lago_subscription_conflict"),
        ({"plan_code": "fleet", "subscription_at": FUTURE}, "lago_subscription_conflict"),
        ({"external_id": "backfill-A1", "subscription_at": FUTURE}, "lago_subscription_conflict"),
        ({"external_id": "backfill-A1", "external_customer_id": "B2"}, "lago_id_mismatch"),
    ],
)
def test_what_is_in_the_way_stops_the_row(
    lago: LagoClient, subscriptions: LagoSubscriptionStep, changes: dict[str, Any], code: str
) -> None:
    other(lago, **changes)

    verdict = subscriptions.check(wanted(), of(subscriptions))

    assert (verdict.action, [problem.code for problem in verdict.problems]) == (None, [code])


def test_a_scheduled_change_to_another_plan_stops_the_row(
    lago: LagoClient, subscriptions: LagoSubscriptionStep
) -> None:
    other(lago, plan_code="fleet")
    with pytest.raises(LagoError):  # the answer is about the plan before
        other(lago, plan_code="standard")

    verdict = subscriptions.check(wanted(), of(subscriptions))

    assert [problem.code for problem in verdict.problems] == ["lago_subscription_conflict"]


def test_making_it_twice_makes_one(sandbox: Sandbox, subscriptions: LagoSubscriptionStep) -> None:
    first = create(subscriptions, wanted())

    assert create(subscriptions, wanted()) == first
    assert live(sandbox) == ["backfill-A1"]


@pytest.mark.parametrize("plan", ["standard", "advance"])
@pytest.mark.parametrize("at", [PAST, FUTURE])
def test_it_ends_without_invoice_and_credit_note(
    sandbox: Sandbox, subscriptions: LagoSubscriptionStep, plan: str, at: datetime
) -> None:
    row = wanted(plan=plan, at=at)
    made = create(subscriptions, row)

    removed = remove(subscriptions, row, made.ref, of(subscriptions, row))

    assert removed.removal is Removal.REMOVED
    assert live(sandbox) == []
    assert nothing_billed(sandbox)


def test_one_that_began_since_it_was_looked_up_ends_unbilled_too(
    sandbox: Sandbox, subscriptions: LagoSubscriptionStep
) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    made = create(subscriptions, wanted(at=soon))
    found = of(subscriptions)
    sandbox.advance_clock(4 * 86_400)
    before = sandbox.journal()

    removed = remove(subscriptions, wanted(at=soon), made.ref, found)

    assert removed.removal is Removal.REMOVED
    assert live(sandbox) == []
    assert sandbox.journal() == before


def test_one_that_has_ended_is_gone(lago: LagoClient, subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())
    found = of(subscriptions)
    lago.terminate_subscription("backfill-A1", pending=False)

    assert remove(subscriptions, wanted(), made.ref, found).removal is Removal.GONE
    assert remove(subscriptions, wanted(), made.ref, of(subscriptions)).removal is Removal.GONE


def test_one_of_another_customer_is_kept(
    sandbox: Sandbox, lago: LagoClient, subscriptions: LagoSubscriptionStep
) -> None:
    other(lago, external_id="backfill-A1", external_customer_id="B2")

    removed = remove(subscriptions, wanted(), "lago_id", of(subscriptions))

    assert removed.removal is Removal.KEPT
    assert live(sandbox) == ["backfill-A1"]


def test_a_lago_that_would_bill_is_not_asked_to_end_anything(
    sandbox: Sandbox, subscriptions: LagoSubscriptionStep
) -> None:
    sandbox.set_organization(version="v1.31.0")
    made = create(subscriptions, wanted())

    with pytest.raises(LagoError, match=r"older than 1\.32"):
        remove(subscriptions, wanted(), made.ref, of(subscriptions))

    assert live(sandbox) == ["backfill-A1"]
    assert nothing_billed(sandbox)


def divergences(step: LagoSubscriptionStep, ref: str, row: Wanted | None = None) -> list[str]:
    thing = Thing(row or wanted(), ref, is_made=True)
    return [one.kind for one in step.compare(thing, of(step, row))]


def test_a_subscription_as_recorded_does_not_diverge(subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())

    assert divergences(subscriptions, made.ref) == []


def test_another_plan_and_another_start_diverge(subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())

    assert divergences(subscriptions, made.ref, wanted(plan="fleet")) == ["other_plan"]
    assert divergences(subscriptions, made.ref, wanted(at=PAST + timedelta(days=1))) == ["other_start"]


def test_a_plan_changed_in_lago_diverges(lago: LagoClient, subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())
    with pytest.raises(LagoError):
        other(lago, external_id="backfill-A1", plan_code="fleet")

    assert divergences(subscriptions, made.ref) == ["other_plan"]


def test_a_second_subscription_diverges(lago: LagoClient, subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())
    other(lago)

    assert divergences(subscriptions, made.ref) == ["more_than_one"]


def test_one_that_should_have_begun_diverges(lago: LagoClient) -> None:
    step = LagoSubscriptionStep(lago, now=lambda: FUTURE + timedelta(days=1))
    made = create(step, wanted(at=FUTURE))

    assert divergences(step, made.ref, wanted(at=FUTURE)) == ["pending"]


def test_one_that_was_ended_diverges(lago: LagoClient, subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())
    lago.terminate_subscription("backfill-A1", pending=False)

    assert divergences(subscriptions, made.ref) == ["terminated"]
    other(lago)
    assert divergences(subscriptions, made.ref) == ["other_subscription"]


def test_one_that_was_made_again_diverges(lago: LagoClient, subscriptions: LagoSubscriptionStep) -> None:
    made = create(subscriptions, wanted())
    lago.terminate_subscription("backfill-A1", pending=False)
    create(subscriptions, wanted())

    assert divergences(subscriptions, made.ref) == ["other_object"]


def test_one_that_never_was_diverges(subscriptions: LagoSubscriptionStep) -> None:
    assert divergences(subscriptions, "lago_id") == ["missing"]


def test_nothing_diverges_by_being_adopted_with_another_start(
    lago: LagoClient, subscriptions: LagoSubscriptionStep
) -> None:
    other(lago, subscription_at=PAST - timedelta(days=90))
    adopted = subscriptions.check(wanted(), of(subscriptions))

    assert divergences(subscriptions, adopted.ref) == []


@pytest.mark.parametrize("key", ["backfill-A1", "theirs"])
def test_an_adopted_subscription_that_ends_is_warned_of_with_the_day(
    sandbox: Sandbox, lago: LagoClient, subscriptions: LagoSubscriptionStep, key: str
) -> None:
    lago.create_subscription(
        external_id=key,
        external_customer_id="A1",
        plan_code="standard",
        subscription_at=PAST,
        billing_time="calendar",
    )
    caller = Caller(sandbox)
    caller.put(f"/subscriptions/{key}", {"subscription": {"ending_at": "2090-03-31T22:00:00Z"}})
    caller.close()

    verdict = subscriptions.check(wanted(), subscriptions.look_up([wanted()]))

    assert verdict.action is Action.ADOPT
    assert [warning.code for warning in verdict.warnings] == ["lago_subscription_ends"]
    assert "2090-03-31 (at 22:00 UTC)" in verdict.warnings[0].message
