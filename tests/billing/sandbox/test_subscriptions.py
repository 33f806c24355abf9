"""Subscriptions (cases S of the specification)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.sandbox import Sandbox
from tests.billing.sandbox.calls import Caller


def _day(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def _statuses(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(row["plan_code"], row["status"]) for row in sandbox.state()["subscriptions"]]


# creating


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
    row = caller.subscription(subscription_at=_day(5)).body["subscription"]

    assert (row["status"], row["started_at"], row["current_billing_period_started_at"]) == (
        "pending",
        None,
        None,
    )


def test_s9_a_past_start_is_active_since_then_and_not_invoiced(sandbox: Sandbox, caller: Caller) -> None:
    row = caller.subscription(plan_code="ahead", subscription_at=_day(-5)).body["subscription"]

    assert (row["status"], row["started_at"]) == ("active", f"{_day(-5)}T00:00:00.000Z")
    assert row["subscription_at"] == f"{_day(-5)}T00:00:00Z"
    assert sandbox.journal()["invoices"] == []


@pytest.mark.parametrize("ending_at", [_day(-1), _day(0), "never"])
def test_s10_an_end_must_lie_ahead(caller: Caller, ending_at: str) -> None:
    assert caller.subscription(ending_at=ending_at).details == {"ending_at": ["invalid_date"]}


def test_s10_both_bad_dates_are_told(caller: Caller) -> None:
    details = caller.subscription(subscription_at="x", ending_at="y").details

    assert details == {"subscription_at": ["invalid_date"], "ending_at": ["invalid_date"]}


def test_s11_the_same_post_again_changes_nothing(sandbox: Sandbox, caller: Caller) -> None:
    first = caller.subscription(name="one").body["subscription"]
    before = sandbox.state(volatile=True)

    second = caller.subscription(name="two", subscription_at=_day(-9)).body["subscription"]

    assert (second["lago_id"], second["name"]) == (first["lago_id"], "one")
    assert sandbox.state(volatile=True) == before


@pytest.mark.parametrize("plan_code", ["fleet", "twin"])
def test_s12_an_equal_or_dearer_plan_takes_over_at_once(
    sandbox: Sandbox, caller: Caller, plan_code: str
) -> None:
    old = caller.subscription(subscription_at=_day(-40)).body["subscription"]

    new = caller.subscription(plan_code=plan_code).body["subscription"]

    assert new["lago_id"] != old["lago_id"]
    assert (new["previous_plan_code"], new["status"], new["plan_code"]) == ("standard", "active", plan_code)
    assert new["subscription_at"] == old["subscription_at"]
    assert sorted(_statuses(sandbox)) == sorted([("standard", "terminated"), (plan_code, "active")])


def test_s13_a_cheaper_plan_is_scheduled(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock("2026-11-22T12:00:00Z")
    old = caller.subscription(plan_code="fleet").body["subscription"]

    answer = caller.subscription(plan_code="standard").body["subscription"]

    assert (answer["lago_id"], answer["plan_code"]) == (old["lago_id"], "fleet")
    assert (answer["next_plan_code"], answer["downgrade_plan_date"]) == ("standard", "2026-12-01")
    assert sorted(_statuses(sandbox)) == [("fleet", "active"), ("standard", "pending")]


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
    assert dict(_statuses(sandbox)) == {
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
    old = caller.subscription(subscription_at=_day(5)).body["subscription"]

    new = caller.subscription(plan_code="fleet", subscription_at=_day(9)).body["subscription"]

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


# reading


def test_s18_a_single_read_sees_active_ones_unless_asked(caller: Caller) -> None:
    caller.subscription("on")
    caller.subscription("later", subscription_at=_day(5))

    assert caller.get("/subscriptions/on").status == 200
    assert caller.get("/subscriptions/later").code == "subscription_not_found"
    assert caller.get("/subscriptions/later?status=pending").status == 200
    assert caller.get("/subscriptions/on?status=nonsense").status == 404


def test_s19_of_several_terminated_ones_the_last_is_read(caller: Caller) -> None:
    caller.subscription(name="first")
    caller.delete("/subscriptions/sub-A1")
    caller.subscription(name="second")
    caller.delete("/subscriptions/sub-A1")

    row = caller.get("/subscriptions/sub-A1?status=terminated").body["subscription"]

    assert row["name"] == "second"


@pytest.fixture
def one_of_each(caller: Caller) -> None:
    caller.subscription("active")
    caller.subscription("pending", subscription_at=_day(5))
    caller.subscription("terminated")
    caller.delete("/subscriptions/terminated")
    caller.subscription("canceled", external_customer_id="B1", subscription_at=_day(6))
    caller.delete("/subscriptions/canceled?status=pending")
    caller.subscription("other", external_customer_id="B1", plan_code="fleet")


def _listed(caller: Caller, path: str) -> list[str]:
    return sorted(row["external_id"] for row in caller.get(path).body["subscriptions"])


@pytest.mark.usefixtures("one_of_each")
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["active", "other"]),
        ("?status[]=terminated", ["terminated"]),
        ("?status[]=active&status[]=pending", ["active", "other", "pending"]),
        ("?status=pending", ["active", "other"]),
        ("?status[]=cancelled", ["active", "canceled", "other", "pending", "terminated"]),
        ("?external_customer_id=B1", ["other"]),
        ("?external_customer_id=nobody", []),
        ("?plan_code=fleet", ["other"]),
        ("?external_id=active", ["active"]),
        ("?external_id=pending", []),
        ("?external_id=pending&status[]=pending", ["pending"]),
    ],
)
def test_s20_s21_s22_filters_of_the_list(caller: Caller, query: str, found: list[str]) -> None:
    assert _listed(caller, f"/subscriptions{query}") == found


@pytest.mark.usefixtures("one_of_each")
def test_the_list_of_one_customer(caller: Caller) -> None:
    assert _listed(caller, "/customers/A1/subscriptions") == ["active"]
    assert _listed(caller, "/customers/A1/subscriptions?status[]=pending") == ["pending"]
    assert caller.get("/customers/nobody/subscriptions").code == "customer_not_found"


def test_the_list_is_ordered_by_start_then_newest_first(caller: Caller) -> None:
    for external_id, day in (("s1", _day(-3)), ("s2", _day(-1)), ("s3", _day(-3))):
        caller.subscription(external_id, subscription_at=day)

    rows = caller.get("/subscriptions").body["subscriptions"]

    assert [row["external_id"] for row in rows] == ["s2", "s3", "s1"]


def test_subscriptions_of_a_deleted_customer_are_listed_only_unfiltered(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.hold_jobs()
    caller.subscription()
    caller.delete("/customers/A1")

    assert _listed(caller, "/subscriptions") == ["sub-A1"]
    assert _listed(caller, "/subscriptions?external_customer_id=A1") == []


def test_an_unknown_billing_entity_filter_is_not_found(caller: Caller) -> None:
    assert caller.get("/subscriptions?billing_entity_codes[]=x").code == "billing_entity_not_found"


@pytest.mark.parametrize(("compat", "status"), [("released", 404), ("head", 200)])
def test_s30_dots_in_the_path_are_understood_at_head_only(caller: Caller, status: int) -> None:
    caller.subscription("coker.com")

    assert caller.get("/subscriptions/coker.com").status == status
    assert caller.get("/subscriptions/coker%2Ecom").status == 200


# ending


def test_s23_ending_a_subscription_in_arrears_makes_an_invoice(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription()

    row = caller.delete("/subscriptions/sub-A1").body["subscription"]

    assert (row["status"], row["on_termination_invoice"]) == ("terminated", "generate")
    assert row["on_termination_credit_note"] is None
    assert row["terminated_at"]
    (invoice,) = sandbox.journal()["invoices"]
    assert (invoice["why"], invoice["external_subscription_id"]) == ("termination", "sub-A1")


@pytest.mark.parametrize("in_body", [False, True])
def test_s24_with_both_skips_nothing_is_billed(sandbox: Sandbox, caller: Caller, in_body: bool) -> None:
    caller.subscription(plan_code="ahead", subscription_at=_day(-3))
    options = {"on_termination_invoice": "skip", "on_termination_credit_note": "skip"}
    query = "?" + "&".join(f"{name}={value}" for name, value in options.items())

    answer = caller.delete("/subscriptions/sub-A1" + ("" if in_body else query), options if in_body else None)

    row = answer.body["subscription"]
    assert (row["on_termination_invoice"], row["on_termination_credit_note"]) == ("skip", "skip")
    assert sandbox.journal() == {"invoices": [], "credit_notes": []}


def test_before_1_32_the_skips_are_ignored_and_it_bills(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(version="v1.31.1")
    caller.subscription()

    answer = caller.delete(
        "/subscriptions/sub-A1?on_termination_invoice=skip&on_termination_credit_note=skip"
    )

    assert "on_termination_invoice" not in answer.body["subscription"]
    assert len(sandbox.journal()["invoices"]) == 1


@pytest.mark.parametrize("option", ["on_termination_invoice", "on_termination_credit_note"])
def test_s25_an_invalid_option_ends_nothing(sandbox: Sandbox, caller: Caller, option: str) -> None:
    caller.subscription(plan_code="ahead", subscription_at=_day(-3))

    answer = caller.delete(f"/subscriptions/sub-A1?{option}=invalid")

    assert answer.details == {option: ["invalid_value"]}
    assert _statuses(sandbox) == [("ahead", "active")]


@pytest.mark.parametrize("choice", ["credit", "invalid"])
def test_s26_in_arrears_the_credit_note_option_is_ignored(caller: Caller, choice: str) -> None:
    caller.subscription()

    answer = caller.delete(f"/subscriptions/sub-A1?on_termination_credit_note={choice}")

    assert answer.body["subscription"]["on_termination_credit_note"] is None


def test_s27_a_pending_one_is_cancelled_only_if_asked(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(subscription_at=_day(5))

    plain = caller.delete("/subscriptions/sub-A1")
    asked = caller.delete("/subscriptions/sub-A1?status=pending").body["subscription"]

    assert plain.code == "subscription_not_found"
    assert (asked["status"], bool(asked["canceled_at"])) == ("canceled", True)
    assert sandbox.journal()["invoices"] == []


def test_s28_a_second_end_finds_nothing(caller: Caller) -> None:
    caller.subscription()

    answers = [caller.delete("/subscriptions/sub-A1") for _ in range(2)]

    assert [(answer.status, answer.body.get("code")) for answer in answers] == [
        (200, None),
        (404, "subscription_not_found"),
    ]


def test_s29_after_its_end_the_id_is_free(caller: Caller) -> None:
    first = caller.subscription().body["subscription"]
    caller.delete("/subscriptions/sub-A1")

    second = caller.subscription(external_customer_id="A2").body["subscription"]

    assert second["status"] == "active"
    assert second["lago_id"] != first["lago_id"]


def test_ending_cancels_a_scheduled_downgrade(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")

    caller.delete("/subscriptions/sub-A1")

    assert sorted(_statuses(sandbox)) == [("fleet", "terminated"), ("standard", "canceled")]


# changing


def test_options_stored_by_put_hold_when_the_customer_is_deleted(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="ahead", subscription_at=_day(-3))
    options = {"on_termination_invoice": "skip", "on_termination_credit_note": "skip"}

    caller.put("/subscriptions/sub-A1", {"subscription": options})
    caller.delete("/customers/A1")

    assert sandbox.journal() == {"invoices": [], "credit_notes": []}


def test_put_changes_name_and_end(caller: Caller) -> None:
    caller.subscription()

    sent = {"name": "new", "ending_at": "2999-12-31"}
    row = caller.put("/subscriptions/sub-A1", {"subscription": sent}).body["subscription"]

    assert (row["name"], row["ending_at"]) == ("new", "2999-12-31T00:00:00Z")


@pytest.mark.parametrize(
    ("sent", "status"), [({"subscription": {"ending_at": "2001-01-01"}}, 422), ({}, 400)]
)
def test_put_refuses_nonsense(caller: Caller, sent: Any, status: int) -> None:
    caller.subscription()

    assert caller.put("/subscriptions/sub-A1", sent).status == status
    assert caller.put("/subscriptions/unknown", {"subscription": {"name": "x"}}).status == 404
