"""The control interface below /sandbox, over HTTP."""

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Answer, Caller


def _steer(caller: Caller, method: str, name: str, body: object = None) -> Answer:
    return caller.send(method, f"/sandbox/{name}", body, headers={})


def test_the_state_is_the_same_for_equal_histories() -> None:
    states = []
    for _ in range(2):
        with Sandbox() as sandbox:
            caller = Caller(sandbox)
            caller.customer(metadata=[{"key": "k", "value": "v"}])
            caller.subscription(subscription_at="2026-01-01")
            caller.subscription("zz", subscription_at="2026-01-01")
            caller.delete("/subscriptions/zz")
            states.append(_steer(caller, "GET", "state").body)
            caller.close()

    assert states[0] == states[1]
    assert [row["status"] for row in states[0]["subscriptions"]] == ["active", "terminated"]


def test_the_live_state_is_as_before_once_everything_is_taken_back(sandbox: Sandbox, caller: Caller) -> None:
    before = sandbox.state(live=True)
    caller.subscription()
    during = sandbox.state(live=True)

    caller.delete("/subscriptions/sub-A1?on_termination_invoice=skip")
    caller.delete("/customers/A1")

    assert during != before
    assert _steer(caller, "GET", "state?live=true").body == before
    assert sandbox.state() != before


def test_the_state_can_show_ids_and_times(sandbox: Sandbox, caller: Caller) -> None:
    customer = caller.customer().body["customer"]

    (row,) = _steer(caller, "GET", "state?volatile=1").body["customers"]

    assert (row["lago_id"], row["created_at"]) == (customer["lago_id"], customer["created_at"])


def test_requests_are_logged_and_counted(caller: Caller) -> None:
    caller.customer("A/1")
    caller.get("/customers/A%2F1")
    caller.get("/customers/B1")
    caller.get("/nope")

    log = _steer(caller, "GET", "requests").body

    assert log["total"] == 4
    assert log["counts"] == {"GET (unrouted)": 1, "GET /customers/:id": 2, "POST /customers": 1}
    assert log["requests"][1] == {
        "n": 2,
        "method": "GET",
        "path": "/api/v1/customers/A%2F1",
        "status": 200,
        "fault": None,
    }
    assert log["most_in_flight"] == 1


def test_reset_begins_again(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("500,path=/never")
    sandbox.set_clock("2030-01-01T00:00:00Z")
    empty = sandbox.state()
    organization = caller.get("/organizations").body["organization"]["lago_id"]
    caller.subscription()

    _steer(caller, "POST", "reset")

    assert (sandbox.state(), sandbox.counts()) == (empty, {})
    assert sandbox.steer("GET", "faults") == {"faults": []}
    assert caller.get("/organizations").body["organization"]["lago_id"] == organization
    assert caller.customer().body["customer"]["created_at"] < "2030"


def test_the_clock_can_stand_still_or_move(caller: Caller) -> None:
    frozen = _steer(caller, "POST", "clock", {"at": "2026-12-31T23:59:00Z", "frozen": True}).body
    moved = _steer(caller, "POST", "clock", {"advance_s": 60}).body

    assert (frozen["now"], moved["now"]) == ("2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z")
    assert caller.customer().body["customer"]["created_at"] == "2027-01-01T00:00:00Z"


def test_waiting_jobs_are_listed_and_released(sandbox: Sandbox, caller: Caller) -> None:
    _steer(caller, "POST", "jobs/hold")
    caller.subscription()
    caller.delete("/customers/A1")

    waiting = _steer(caller, "GET", "jobs").body
    released = _steer(caller, "POST", "jobs/release").body

    assert waiting == {"held": True, "waiting": [{"name": "end_relations_of_customer", "subject": "A1"}]}
    assert released == {"ran": 1}
    assert sandbox.steer("GET", "jobs") == {"held": False, "waiting": []}


def test_plans_are_added_and_changed(caller: Caller) -> None:
    _steer(caller, "POST", "plans", {"plans": ["night:700", {"code": "standard", "pending_deletion": True}]})

    plans = {plan["code"]: plan for plan in caller.get("/plans").body["plans"]}

    assert plans["night"]["amount_cents"] == 700
    assert plans["standard"]["pending_deletion"] is True


def test_the_journal_is_read(caller: Caller) -> None:
    caller.subscription(plan_code="ahead")

    (invoice,) = _steer(caller, "GET", "journal").body["invoices"]

    assert (invoice["why"], invoice["external_customer_id"]) == ("start_in_advance", "A1")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("faults", {"kind": "explode"}),
        ("clock", {"at": "tomorrow"}),
        ("plans", {}),
        ("plans", {"plans": ["a:b"]}),
        ("metrics", {"metrics": [{"colour": "red"}]}),
        ("organization", {"colour": "red"}),
    ],
)
def test_a_senseless_control_is_refused(caller: Caller, name: str, body: object) -> None:
    assert _steer(caller, "POST", name, body).status == 400


def test_an_unknown_control_names_those_there_are(caller: Caller) -> None:
    answer = _steer(caller, "GET", "magic")

    assert answer.status == 404
    assert "GET /sandbox/state" in answer.body["error"]
