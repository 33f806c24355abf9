"""Ending subscriptions, without billing anybody."""

from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from tests.billing.objects import listing, refusal, subscription
from tests.billing.scripted import Answer, Scripted

ABSENT = refusal(404, "subscription_not_found")


def one(**changes: Any) -> Answer:
    return Answer(body={"subscription": subscription("backfill-A1", **changes)})


def ended(**changes: Any) -> Answer:
    skips = {"on_termination_invoice": "skip", "on_termination_credit_note": "skip"}
    return one(**{"status": "terminated", "plan": {"pay_in_advance": True}, **skips, **changes})


@pytest.mark.parametrize(("pending", "status"), [(False, "active"), (True, "pending")])
def test_ending_asks_for_neither_invoice_nor_credit_note(
    client: LagoClient, scripted: Scripted, pending: bool, status: str
) -> None:
    scripted.answers(ended())

    client.terminate_subscription("backfill-A1", pending=pending)

    assert dict(scripted.asked[0].query) == {
        "status": status,
        "on_termination_invoice": "skip",
        "on_termination_credit_note": "skip",
    }


def test_ending_what_is_gone_is_none(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT)

    assert client.terminate_subscription("backfill-A1", pending=False) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"on_termination_credit_note": None, "plan": {"pay_in_advance": False}},
        {"on_termination_credit_note": "skip", "plan": {"pay_in_advance": False}},
        {"on_termination_credit_note": "skip", "plan": {"pay_in_advance": True}},
    ],
)
def test_an_end_without_a_bill_is_believed(
    client: LagoClient, scripted: Scripted, changes: dict[str, Any]
) -> None:
    scripted.answers(ended(**changes))

    assert client.terminate_subscription("backfill-A1", pending=False) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"on_termination_invoice": "generate"},
        {"on_termination_invoice": None},
        {"on_termination_credit_note": "credit"},
        {"on_termination_credit_note": None},
        {"on_termination_credit_note": None, "plan": None},
        {"status": "active"},
    ],
)
def test_an_end_that_may_have_billed_is_told(
    client: LagoClient, scripted: Scripted, changes: dict[str, Any]
) -> None:
    scripted.answers(ended(**changes))

    with pytest.raises(LagoError, match="closing bill") as caught:
        client.terminate_subscription("backfill-A1", pending=False)

    assert (caught.value.code, caught.value.sent) == ("lago_unexpected", True)


def test_one_that_never_started_is_not_billed(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(one(status="canceled", on_termination_invoice="generate"))

    assert client.terminate_subscription("backfill-A1", pending=True) is not None


def test_a_refused_end_is_told(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(refusal(405, "cannot_terminate_with_pending_taxes"))

    with pytest.raises(LagoError) as caught:
        client.terminate_subscription("backfill-A1", pending=False)

    assert caught.value.lago_code == "cannot_terminate_with_pending_taxes"


def test_a_dotted_id_found_nowhere_is_gone(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT, listing("subscriptions", []))

    assert client.terminate_subscription("backfill-a.b", pending=False) is None
    assert [asked.method for asked in scripted.asked] == ["GET", "GET"]


def test_an_end_whose_answer_was_lost_is_read_back(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(hang_up=True), ABSENT, ended())

    assert client.terminate_subscription("backfill-A1", pending=False) is not None
    assert scripted.targets()[-1] == "/api/v1/subscriptions/backfill-A1?status=terminated"


def test_a_lost_answer_that_hid_a_bill_is_told(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(hang_up=True), ABSENT, ended(on_termination_invoice="generate"))

    with pytest.raises(LagoError, match="closing bill"):
        client.terminate_subscription("backfill-A1", pending=False)


def test_a_dotted_id_is_ended_only_once_its_address_is_proven(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(Answer(body={"subscription": subscription("backfill-a")}))

    with pytest.raises(LagoError) as caught:
        client.terminate_subscription("backfill-a.b", pending=False)

    assert caught.value.code == "lago_id_mismatch"
    assert [(asked.method, asked.path) for asked in scripted.asked] == [
        ("GET", "/api/v1/subscriptions/backfill-a%2Eb")
    ]


def test_a_dotted_id_found_only_in_the_list_is_not_ended(client: LagoClient, scripted: Scripted) -> None:
    scripted.answers(ABSENT, listing("subscriptions", [subscription("backfill-a.b")]))

    with pytest.raises(LagoError, match="has a dot"):
        client.terminate_subscription("backfill-a.b", pending=False)
