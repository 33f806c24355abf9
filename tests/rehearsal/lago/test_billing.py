"""The journal of invoices and credit notes: who would have been billed, and why."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller

NOW = "2026-11-22T12:00:00Z"


@pytest.fixture(autouse=True)
def _on_the_22nd(sandbox: Sandbox) -> None:
    sandbox.set_clock(NOW)


def _invoices(sandbox: Sandbox) -> list[tuple[str, str, int]]:
    return [(row["why"], row["plan_code"], row["amount_cents"]) for row in sandbox.journal()["invoices"]]


def _credit_notes(sandbox: Sandbox) -> list[tuple[str, str, int]]:
    return [(row["why"], row["kind"], row["amount_cents"]) for row in sandbox.journal()["credit_notes"]]


@pytest.mark.parametrize("start", ["2026-11-22", "2026-11-22T23:00:00Z", None])
def test_starting_today_in_advance_is_invoiced_at_once(
    sandbox: Sandbox, caller: Caller, start: str | None
) -> None:
    caller.subscription(plan_code="ahead", subscription_at=start)

    assert _invoices(sandbox) == [("start_in_advance", "ahead", 900)]


@pytest.mark.parametrize("start", ["2026-11-21", "2026-11-23"])
def test_starting_before_or_after_today_is_not_invoiced(sandbox: Sandbox, caller: Caller, start: str) -> None:
    caller.subscription(plan_code="ahead", subscription_at=start)

    assert _invoices(sandbox) == []


def test_a_trial_is_not_invoiced(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_plans({"code": "try", "pay_in_advance": True, "trial_period": 30})

    caller.subscription(plan_code="try")

    assert _invoices(sandbox) == []


def test_starting_in_arrears_is_not_invoiced(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription()

    assert _invoices(sandbox) == []


def test_an_upgrade_bills_the_end_of_the_old_plan(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription()
    caller.subscription(plan_code="fleet")

    assert _invoices(sandbox) == [("upgrade", "standard", 1000)]


def test_an_upgrade_in_advance_gives_back_and_charges(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_plans("more:9000:EUR:monthly:advance")
    caller.subscription(plan_code="ahead")
    caller.subscription(plan_code="more")

    assert _invoices(sandbox) == [
        ("start_in_advance", "ahead", 900),
        ("upgrade", "ahead", 0),
        ("start_in_advance", "more", 2700),
    ]
    assert _credit_notes(sandbox) == [("upgrade", "credit", 900)]


def test_a_scheduled_downgrade_bills_nothing_yet(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")

    assert _invoices(sandbox) == []


def test_deleting_a_customer_bills_its_subscriptions(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription("s1")
    caller.subscription("s2", plan_code="fleet")

    caller.delete("/customers/A1")

    assert sorted(_invoices(sandbox)) == [("termination", "fleet", 5000), ("termination", "standard", 1000)]


def test_deleting_a_customer_whose_subscriptions_were_skipped_bills_nothing(
    sandbox: Sandbox, caller: Caller
) -> None:
    caller.subscription()

    caller.delete("/subscriptions/sub-A1?on_termination_invoice=skip&on_termination_credit_note=skip")
    caller.delete("/customers/A1")

    assert sandbox.journal() == {"invoices": [], "credit_notes": []}


@pytest.mark.parametrize("kind", ["credit", "refund", "offset"])
def test_ending_a_plan_paid_in_advance_gives_back(sandbox: Sandbox, caller: Caller, kind: str) -> None:
    caller.subscription(plan_code="ahead")

    caller.delete(f"/subscriptions/sub-A1?on_termination_invoice=skip&on_termination_credit_note={kind}")

    assert _credit_notes(sandbox) == [("termination", kind, 900)]
    assert len(_invoices(sandbox)) == 1


def test_what_was_never_invoiced_is_not_given_back(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="ahead", subscription_at="2026-11-01")

    caller.delete("/subscriptions/sub-A1?on_termination_invoice=skip")

    assert _credit_notes(sandbox) == []


# as time passes


def test_a_future_subscription_starts_with_the_first_run_of_its_day(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="ahead", subscription_at="2026-11-24")

    sandbox.set_clock("2026-11-24T00:04:59Z")
    before = caller.get("/subscriptions/sub-A1?status=pending").status
    sandbox.set_clock("2026-11-24T06:00:00Z")

    row = caller.get("/subscriptions/sub-A1").body["subscription"]
    assert (before, row["started_at"]) == (200, "2026-11-24T00:05:00.000Z")
    assert _invoices(sandbox) == [("start_in_advance", "ahead", 700)]


def test_a_start_that_is_put_off_waits_for_its_new_day(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="ahead", subscription_at="2026-11-24")
    caller.put("/subscriptions/sub-A1", {"subscription": {"subscription_at": "2026-11-30"}})

    sandbox.set_clock("2026-11-30T06:00:00Z")

    assert _invoices(sandbox) == [("start_in_advance", "ahead", 100)]


def test_billing_days_come_once_per_period(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription()

    sandbox.set_clock("2027-01-02T00:00:00Z")
    sandbox.advance_clock(60)

    assert _invoices(sandbox) == [("billing_day", "standard", 300), ("billing_day", "standard", 1000)]


def test_an_import_on_a_billing_day_is_billed_within_the_hour(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_clock("2026-12-01T09:30:00Z", frozen=True)
    caller.subscription(subscription_at="2023-05-17")

    sandbox.set_clock("2026-12-01T10:09:59Z", frozen=True)
    before = _invoices(sandbox)
    sandbox.set_clock("2026-12-01T10:10:00Z", frozen=True)

    assert (before, _invoices(sandbox)) == ([], [("billing_day", "standard", 1000)])


def test_an_import_after_the_last_run_of_a_billing_day_is_not_billed_for_it(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.set_clock("2026-12-01T23:30:00Z", frozen=True)
    caller.subscription(subscription_at="2023-05-17")

    sandbox.set_clock("2026-12-31T12:00:00Z", frozen=True)

    assert _invoices(sandbox) == []


def test_a_finished_trial_is_billed_within_the_hour_on_any_day(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.put_plans({"code": "try", "amount_cents": 3000, "pay_in_advance": True, "trial_period": 30})
    caller.subscription(plan_code="try", subscription_at="2023-05-17")

    sandbox.set_clock("2026-11-22T12:10:00Z", frozen=True)
    sandbox.set_clock("2026-11-22T13:10:00Z", frozen=True)

    row = caller.get("/subscriptions/sub-A1").body["subscription"]
    assert row["trial_ended_at"] == "2023-06-16T00:00:00Z"
    assert _invoices(sandbox) == [("trial_end", "try", 3000)]


def test_a_fixed_charge_in_advance_is_billed_at_once(sandbox: Sandbox, caller: Caller) -> None:
    charge = {"units": 2, "properties": {"amount": "5"}, "pay_in_advance": True}
    sandbox.put_plans({"code": "box", "fixed_charges": [charge]})

    caller.subscription(plan_code="box")

    assert _invoices(sandbox) == [("start_in_advance", "box", 1000)]


def test_billing_days_are_those_of_the_billing_entity(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.set_organization(billing_entity_timezone="Pacific/Auckland")
    caller.subscription(subscription_at="2026-10-01")

    sandbox.set_clock("2026-11-30T11:09:00Z", frozen=True)
    before = _invoices(sandbox)
    sandbox.set_clock("2026-11-30T11:10:00Z", frozen=True)

    assert (before, _invoices(sandbox)) == ([], [("billing_day", "standard", 1000)])


@pytest.mark.parametrize(
    ("zone", "run"),
    [("America/New_York", "2026-12-01T05:10:00Z"), ("Europe/Berlin", "2026-12-01T00:10:00Z")],
)
def test_a_changed_time_zone_leaves_no_billing_day_out(
    sandbox: Sandbox, caller: Caller, zone: str, run: str
) -> None:
    caller.subscription(subscription_at="2026-10-01")
    sandbox.set_organization(billing_entity_timezone=zone)

    sandbox.set_clock("2026-12-31T00:00:00Z", frozen=True)

    assert [(row["issued_at"], row["amount_cents"]) for row in sandbox.journal()["invoices"]] == [(run, 1000)]


def test_invoices_of_several_periods_are_dated_by_their_runs(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription("s1")
    caller.subscription("s2", billing_time="anniversary")

    sandbox.set_clock("2027-01-02T00:00:00Z", frozen=True)

    issued = [(row["external_subscription_id"], row["issued_at"]) for row in sandbox.journal()["invoices"]]
    assert issued == [
        ("s1", "2026-12-01T00:10:00Z"),
        ("s2", "2026-12-22T00:10:00Z"),
        ("s1", "2027-01-01T00:10:00Z"),
    ]


def test_a_downgrade_takes_place_at_the_end_of_the_period(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")

    sandbox.set_clock("2026-12-01T00:10:00Z")

    row = caller.get("/subscriptions/sub-A1").body["subscription"]
    assert (row["plan_code"], row["previous_plan_code"]) == ("standard", "fleet")
    assert row["started_at"] == "2026-12-01T00:00:00.000Z"
    assert _invoices(sandbox) == [("downgrade", "fleet", 1500)]


def test_a_downgrade_to_a_plan_in_advance_charges_it_and_gives_nothing_back(
    sandbox: Sandbox, caller: Caller
) -> None:
    sandbox.put_plans("more:9000:EUR:monthly:advance")
    caller.subscription(plan_code="more", subscription_at="2026-11-01")
    caller.subscription(plan_code="ahead")

    sandbox.set_clock("2026-12-01T00:10:00Z")

    assert _invoices(sandbox) == [("downgrade", "ahead", 3000)]
    assert _credit_notes(sandbox) == []


def test_after_a_downgrade_the_new_plan_has_its_billing_days_too(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")

    sandbox.set_clock("2027-02-01T00:10:00Z", frozen=True)

    assert _invoices(sandbox) == [
        ("downgrade", "fleet", 1500),
        ("billing_day", "standard", 1000),
        ("billing_day", "standard", 1000),
    ]


def test_a_subscription_ends_on_its_ending_day(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(ending_at="2026-11-25")

    sandbox.set_clock("2026-11-25T00:00:00Z")

    assert caller.get("/subscriptions/sub-A1").status == 404
    assert _invoices(sandbox) == [("termination", "standard", 1000)]
