"""Creating subscriptions and changing their plan (cases S1 to S17 of the specification)."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, day_from_today, plan_statuses


def test_s1_a_new_subscription_is_active(caller: Caller) -> None:
    caller.customer()

    row = caller.subscription(billing_time="anniversary").body["subscription"]

    assert (row["status"], row["billing_time"], row["name"]) == ("active", "anniversary", "")
    assert (row["previous_plan_code"], row["next_plan_code"]) == (None, None)
    assert row["plan"]["code"] == "standard"


def test_s2_numbers_become_strings_and_an_unknown_customer_is_made(sandbox: Sandbox, caller: Caller) -> None:
    row = caller.subscription(external_customer_id=123, name=456, external_id=789).body["subscription"]

    assert (row["external_customer_id"], row["name"], row["external_id"]) == ("123", "456", "789")
    (customer,) = sandbox.state()["customers"]
    assert (customer["external_id"], customer["columns"]) == ("123", {"currency": "EUR"})


def test_ids_are_stripped(caller: Caller) -> None:
    row = caller.subscription(" s1 ", external_customer_id=" A1 ", name=" n ").body["subscription"]

    assert (row["external_id"], row["external_customer_id"], row["name"]) == ("s1", "A1", "n")


@pytest.mark.parametrize("external_customer_id", [None, "", "  "])
def test_s3_a_customer_is_mandatory(caller: Caller, external_customer_id: str | None) -> None:
    answer = caller.subscription(external_customer_id=external_customer_id)

    assert answer.details == {"external_customer_id": ["value_is_mandatory"]}


@pytest.mark.parametrize("plan_code", ["unknown", "Standard", "", None])
def test_s4_an_unknown_plan_is_not_found_and_no_customer_made(
    sandbox: Sandbox, caller: Caller, plan_code: str | None
) -> None:
    answer = caller.subscription(plan_code=plan_code)

    assert (answer.status, answer.code) == (404, "plan_not_found")
    assert sandbox.state()["customers"] == []


@pytest.mark.parametrize("value", ["hello", "", "2022-99-99T00:00:00Z", 1700000000])
def test_s5_a_date_that_is_none_is_refused(caller: Caller, value: object) -> None:
    assert caller.subscription(subscription_at=value).details == {"subscription_at": ["invalid_date"]}


def test_s6_without_an_id_it_is_refused_but_the_customer_stays(sandbox: Sandbox, caller: Caller) -> None:
    answer = caller.subscription(external_id="  ")

    assert answer.details == {"external_id": ["value_is_mandatory"]}
    assert [customer["external_id"] for customer in sandbox.state()["customers"]] == ["A1"]


def test_s7_an_unknown_billing_time_is_refused(caller: Caller) -> None:
    assert caller.subscription(billing_time="foo").details == {"billing_time": ["value_is_invalid"]}


def test_s8_a_future_start_is_pending(caller: Caller) -> None:
    row = caller.subscription(subscription_at=day_from_today(5)).body["subscription"]

    assert (row["status"], row["started_at"], row["current_billing_period_started_at"]) == (
        "pending",
        None,
        None,
    )


def test_s9_a_past_start_is_active_since_then_and_not_invoiced(sandbox: Sandbox, caller: Caller) -> None:
    row = caller.subscription(plan_code="ahead", subscription_at=day_from_today(-5)).body["subscription"]

    assert (row["status"], row["started_at"]) == ("active", f"{day_from_today(-5)}T00:00:00.000Z")
    assert row["subscription_at"] == f"{day_from_today(-5)}T00:00:00Z"
    assert sandbox.journal()["invoices"] == []


@pytest.mark.parametrize("ending_at", [day_from_today(-1), day_from_today(0), "never"])
def test_s10_an_end_must_lie_ahead(caller: Caller, ending_at: str) -> None:
    assert caller.subscription(ending_at=ending_at).details == {"ending_at": ["invalid_date"]}


def test_s10_both_bad_dates_are_told(caller: Caller) -> None:
    details = caller.subscription(subscription_at="x", ending_at="y").details

    assert details == {"subscription_at": ["invalid_date"], "ending_at": ["invalid_date"]}


def test_s11_the_same_post_again_changes_nothing(sandbox: Sandbox, caller: Caller) -> None:
    first = caller.subscription(name="one").body["subscription"]
    before = sandbox.state(volatile=True)

    second = caller.subscription(name="two", subscription_at=day_from_today(-9)).body["subscription"]

    assert (second["lago_id"], second["name"]) == (first["lago_id"], "one")
    assert sandbox.state(volatile=True) == before


@pytest.mark.parametrize("plan_code", ["fleet", "twin"])
def test_s12_an_equal_or_dearer_plan_takes_over_at_once(
    sandbox: Sandbox, caller: Caller, plan_code: str
) -> None:
    old = caller.subscription(subscription_at=day_from_today(-40)).body["subscription"]

    new = caller.subscription(plan_code=plan_code).body["subscription"]

    assert new["lago_id"] != old["lago_id"]
    assert (new["previous_plan_code"], new["status"], new["plan_code"]) == ("standard", "active", plan_code)
    assert new["subscription_at"] == old["subscription_at"]
    assert sorted(plan_statuses(sandbox)) == sorted([("standard", "terminated"), (plan_code, "active")])


def test_s13_a_cheaper_plan_is_scheduled(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock("2026-11-22T12:00:00Z")
    old = caller.subscription(plan_code="fleet").body["subscription"]

    answer = caller.subscription(plan_code="standard").body["subscription"]

    assert (answer["lago_id"], answer["plan_code"]) == (old["lago_id"], "fleet")
    assert (answer["next_plan_code"], answer["downgrade_plan_date"]) == ("standard", "2026-12-01")
    assert sorted(plan_statuses(sandbox)) == [("fleet", "active"), ("standard", "pending")]


def test_a_second_downgrade_replaces_the_first_and_an_upgrade_cancels_it(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.put_plans("tiny:10")
    caller.subscription(plan_code="fleet")

    caller.subscription(plan_code="standard")
    second = caller.subscription(plan_code="tiny").body["subscription"]
    sandbox.put_plans("huge:90000")
    caller.subscription(plan_code="huge")

    assert second["next_plan_code"] == "tiny"
    assert dict(plan_statuses(sandbox)) == {
        "fleet": "terminated",
        "standard": "canceled",
        "tiny": "canceled",
        "huge": "active",
    }


def test_prices_are_compared_per_year(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.put_plans("weekly:300:EUR:weekly")  # 15,600 a year against 12,000
    caller.subscription()

    assert caller.subscription(plan_code="weekly").body["subscription"]["plan_code"] == "weekly"


def test_s14_another_plan_for_a_pending_one_changes_it_in_place(caller: Caller) -> None:
    old = caller.subscription(subscription_at=day_from_today(5)).body["subscription"]

    new = caller.subscription(plan_code="fleet", subscription_at=day_from_today(9)).body["subscription"]

    assert (new["lago_id"], new["plan_code"], new["status"]) == (old["lago_id"], "fleet", "pending")
    assert new["subscription_at"] == old["subscription_at"]


def test_s15_an_id_active_at_another_customer_is_taken(caller: Caller) -> None:
    caller.subscription()

    answer = caller.subscription(external_customer_id="A2")

    assert answer.details == {"external_id": ["value_already_exist"]}


def test_before_1_48_two_customers_can_have_one_subscription_id(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(version="v1.47.0")
    caller.subscription()

    assert caller.subscription(external_customer_id="A2").status == 200


def test_s16_overriding_a_plan_needs_a_licence(sandbox: Sandbox, caller: Caller) -> None:
    answer = caller.subscription(plan_overrides={"amount_cents": 1})

    assert (answer.status, answer.code) == (403, "feature_unavailable")
    assert sandbox.state()["customers"] == []


def test_s17_an_unknown_billing_entity_is_not_found(caller: Caller) -> None:
    assert caller.subscription(billing_entity_code="x").code == "billing_entity_not_found"


@pytest.mark.parametrize(("compat", "status"), [("released", 422), ("head", 200)])
def test_another_currency_than_the_customers_is_refused_by_released_versions(
    caller: Caller, status: int
) -> None:
    caller.customer(currency="EUR")

    assert caller.subscription(plan_code="usd").status == status


def test_the_first_subscription_settles_the_currency(caller: Caller) -> None:
    caller.subscription(plan_code="usd")

    assert caller.get("/customers/A1").body["customer"]["currency"] == "USD"


def test_without_the_root_object_it_is_a_bad_request(caller: Caller) -> None:
    assert caller.post("/subscriptions", {}).status == 400


def test_today_is_a_day_of_the_billing_entity(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(billing_entity_timezone="America/New_York")
    sandbox.set_clock("2026-11-23T02:00:00Z")  # still the 22nd in New York

    utc_midnight = caller.subscription("s1", subscription_at="2026-11-23").body["subscription"]
    local_midnight = caller.subscription("s2", subscription_at="2026-11-23T05:00:00Z").body["subscription"]

    assert (utc_midnight["status"], local_midnight["status"]) == ("active", "pending")


@pytest.mark.parametrize(
    ("compat", "started_at"), [("released", "2026-11-01T00:00:00.000Z"), ("head", "2026-11-20T12:00:00.000Z")]
)
def test_at_head_a_backdated_start_stops_where_it_was_invoiced(
    sandbox: Sandbox, caller: Caller, started_at: str
) -> None:
    sandbox.set_clock("2026-11-20T12:00:00Z", frozen=True)
    caller.subscription()
    caller.delete("/subscriptions/sub-A1")
    sandbox.set_clock("2026-11-22T12:00:00Z")

    row = caller.subscription(subscription_at="2026-11-01").body["subscription"]

    assert row["started_at"] == started_at
