"""Ending and editing subscriptions (cases S23 to S29 of the specification)."""

from typing import Any

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, day_from_today, plan_statuses


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
    caller.subscription(plan_code="ahead", subscription_at=day_from_today(-3))
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
    caller.subscription(plan_code="ahead", subscription_at=day_from_today(-3))

    answer = caller.delete(f"/subscriptions/sub-A1?{option}=invalid")

    assert answer.details == {option: ["invalid_value"]}
    assert plan_statuses(sandbox) == [("ahead", "active")]


@pytest.mark.parametrize("choice", ["credit", "invalid"])
def test_s26_in_arrears_the_credit_note_option_is_ignored(caller: Caller, choice: str) -> None:
    caller.subscription()

    answer = caller.delete(f"/subscriptions/sub-A1?on_termination_credit_note={choice}")

    assert answer.body["subscription"]["on_termination_credit_note"] is None


def test_s27_a_pending_one_is_cancelled_only_if_asked(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(subscription_at=day_from_today(5))

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

    assert sorted(plan_statuses(sandbox)) == [("fleet", "terminated"), ("standard", "canceled")]


def test_options_stored_by_put_hold_when_the_customer_is_deleted(sandbox: Sandbox, caller: Caller) -> None:
    caller.subscription(plan_code="ahead", subscription_at=day_from_today(-3))
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
