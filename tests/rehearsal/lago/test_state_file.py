"""The state file: a restart goes on where the sandbox stopped."""

import json
import time
from pathlib import Path

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller, day_from_today


def test_a_restart_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(["ahead:3000:EUR:monthly:advance", "more:9000"], state_file=file) as sandbox:
        caller = Caller(sandbox)
        caller.customer(metadata=[{"key": "k", "value": "v"}])
        caller.subscription(plan_code="ahead")
        caller.subscription(plan_code="more")
        caller.subscription("later", plan_code="more", subscription_at="2999-01-01")
        caller.event()
        caller.customer("gone")
        caller.delete("/customers/gone")
        organization = caller.get("/organizations").body
        before = sandbox.state(volatile=True)
        caller.close()

    with Sandbox(state_file=file) as sandbox:
        caller = Caller(sandbox)
        after = sandbox.state(volatile=True)

        assert after == before
        assert caller.get("/organizations").body == organization
        assert caller.event().status == 422
        assert caller.subscription(plan_code="more").body["subscription"]["previous_plan_code"] == "ahead"
        assert caller.customer("new").body["customer"]["sequential_id"] == 3
        caller.close()

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_the_state_is_saved_while_running_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.lago.housekeeping.HOUSEKEEPING_S", 0.01)
    file = tmp_path / "state.json"
    with Sandbox(state_file=file) as sandbox:
        caller = Caller(sandbox)
        caller.customer()
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        saved = json.loads(file.read_text())
        caller.close()

    assert [customer["external_id"] for customer in saved["customers"]] == ["A1"]


def test_plans_given_beside_a_saved_state_are_added_to_it(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(["one:1"], state_file=file):
        pass

    with Sandbox(["two:2"], state_file=file, compat="head") as sandbox:
        state, version = sandbox.state(), sandbox.steer("POST", "organization")["version"]

    assert [plan["code"] for plan in state["plans"]] == ["one", "two"]
    assert version == "2026-08-21"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"organization": {"colour": "red"}}'])
def test_a_file_that_is_no_state_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "state.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=r"state\.json is not a saved sandbox state"):
        Sandbox(state_file=file)


def test_a_state_without_due_dates_is_billed_on(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(["standard:1000"], state_file=file) as sandbox:
        caller = Caller(sandbox)
        caller.subscription("s1", subscription_at="2023-01-01")
        caller.subscription("s2", subscription_at=day_from_today(40))
        caller.close()
    state = json.loads(file.read_text())
    for row in state["subscriptions"]:  # as a version that kept none would have saved it
        for name in ("due_at", "paid_until", "trial_ended_at"):
            del row[name]
    file.write_text(json.dumps(state))

    with Sandbox(state_file=file) as sandbox:
        sandbox.advance_clock(45 * 86_400)

        billed = {row["external_subscription_id"] for row in sandbox.journal()["invoices"]}
        statuses = {row["external_id"]: row["status"] for row in sandbox.state()["subscriptions"]}

    assert "s1" in billed
    assert statuses == {"s1": "active", "s2": "active"}
