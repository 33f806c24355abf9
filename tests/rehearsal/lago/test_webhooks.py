"""Webhooks: registered, sent, signed, tried again, held."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Answer, Caller, day_from_today
from tests.rehearsal.lago.post_box import PostBox, post_box


@pytest.fixture
def box() -> Iterator[PostBox]:
    with post_box() as box:
        yield box


def _register(caller: Caller, url: str, **fields: Any) -> Answer:
    return caller.post("/webhook_endpoints", {"webhook_endpoint": {"webhook_url": url, **fields}})


def _told(sandbox: Sandbox) -> list[tuple[str, str]]:
    return [(one["webhook_type"], one["external_id"]) for one in sandbox.wait_webhooks()]


# --- Endpoints ----------------------------------------------------------------------------------------


def test_an_endpoint_is_made_shown_changed_and_deleted(caller: Caller) -> None:
    made = _register(caller, "https://polaris.example/hook", event_types=["subscription.started"])
    path = f"/webhook_endpoints/{made.body['webhook_endpoint']['lago_id']}"

    changed = caller.put(path, {"webhook_endpoint": {"webhook_url": "https://b.example", "name": "b"}})
    listed = caller.get("/webhook_endpoints").body["webhook_endpoints"]
    urls = caller.get("/organizations").body["organization"]["webhook_urls"]
    caller.delete(path)

    assert made.body["webhook_endpoint"]["signature_algo"] == "jwt"
    assert listed == [changed.body["webhook_endpoint"]]
    assert (listed[0]["name"], listed[0]["event_types"]) == ("b", ["subscription.started"])
    assert urls == ["https://b.example"]
    assert caller.get(path).code == "webhook_endpoint_not_found"


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"webhook_url": ""}, {"webhook_url": ["value_is_mandatory"]}),
        ({"webhook_url": "polaris"}, {"webhook_url": ["url_is_invalid"]}),
        ({"webhook_url": "https://taken.example"}, {"webhook_url": ["value_already_exist"]}),
        (
            {"webhook_url": "https://a.example", "signature_algo": "md5"},
            {"signature_algo": ["value_is_invalid"]},
        ),
    ],
)
def test_a_senseless_endpoint_is_refused(
    caller: Caller, fields: dict[str, str], problem: dict[str, Any]
) -> None:
    _register(caller, "https://taken.example")

    answer = caller.post("/webhook_endpoints", {"webhook_endpoint": {"name": "n", **fields}})

    assert (answer.status, answer.details) == (422, problem)


def test_an_endpoint_without_its_root_is_refused(caller: Caller) -> None:
    assert caller.post("/webhook_endpoints", {"webhook_url": "https://a.example"}).status == 400


def test_endpoints_survive_a_reset_and_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(state_file=file) as sandbox:
        caller = Caller(sandbox)
        made = _register(caller, "https://polaris.example", event_types=["customer.created"]).body
        sandbox.reset()
        caller.close()

    with Sandbox(state_file=file) as sandbox:
        caller = Caller(sandbox)
        assert caller.get("/webhook_endpoints").body["webhook_endpoints"] == [made["webhook_endpoint"]]
        caller.close()


def test_addresses_can_be_given_at_the_start_and_are_added_once(tmp_path: Path, box: PostBox) -> None:
    file = tmp_path / "state.json"
    for number in range(2):
        with Sandbox(state_file=file, webhooks=[box.url]) as sandbox:
            caller = Caller(sandbox)
            caller.customer(f"A{number}")
            sandbox.wait_webhooks()
            caller.close()

    assert [letter.payload["customer"]["external_id"] for letter in box.letters] == ["A0", "A1"]


def test_a_state_of_before_there_were_webhooks_is_still_read(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    with Sandbox(state_file=file):
        pass
    state = json.loads(file.read_text())
    del state["webhook_endpoints"]
    file.write_text(json.dumps(state))

    with Sandbox(state_file=file) as sandbox:
        assert sandbox.webhooks()["deliveries"] == []


# --- What is told -------------------------------------------------------------------------------------


def test_the_life_of_a_customer_is_told(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    caller.customer(name="Ada")
    caller.subscription(subscription_at="2026-01-01")
    caller.customer()
    caller.put("/subscriptions/sub-A1", {"subscription": {"name": "n"}})
    caller.delete("/subscriptions/sub-A1?on_termination_invoice=skip&on_termination_credit_note=skip")
    caller.delete("/customers/A1")

    assert _told(sandbox) == [
        ("customer.created", "A1"),
        ("subscription.started", "sub-A1"),
        ("customer.updated", "A1"),
        ("subscription.updated", "sub-A1"),
        ("subscription.updated", "sub-A1"),
        ("subscription.terminated", "sub-A1"),
    ]


def test_a_customer_made_by_a_subscription_is_not_told(
    sandbox: Sandbox, caller: Caller, box: PostBox
) -> None:
    _register(caller, box.url)

    caller.subscription()

    assert _told(sandbox) == [("subscription.started", "sub-A1")]


def test_a_pending_subscription_is_told_on_its_day(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    caller.subscription(subscription_at=day_from_today(3))
    before = _told(sandbox)

    sandbox.advance_clock(4 * 86_400)

    assert before == []
    assert _told(sandbox) == [("subscription.started", "sub-A1")]


def test_the_end_of_a_pending_subscription_is_told(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    caller.subscription(subscription_at=day_from_today(3))

    caller.delete("/subscriptions/sub-A1?status=pending")

    assert _told(sandbox) == [("subscription.canceled", "sub-A1")]


def test_a_change_of_plan_tells_of_both_subscriptions(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    caller.subscription()
    _register(caller, box.url)

    caller.subscription(plan_code="fleet")
    caller.subscription(plan_code="standard")
    sandbox.advance_clock(40 * 86_400)

    assert sorted(kind for kind, _ in _told(sandbox)) == [
        "subscription.started",
        "subscription.started",
        "subscription.terminated",
        "subscription.terminated",
    ]


def test_an_endpoint_hears_only_what_it_asked_for(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url, event_types=["subscription.started"])
    _register(caller, f"{box.url}/2", event_types=["subscription.terminated"])

    caller.customer()
    caller.subscription()

    assert _told(sandbox) == [("subscription.started", "sub-A1")]


def test_a_webhook_shows_the_row_as_the_api_does(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    caller.customer(name="Ada")
    caller.subscription()
    sandbox.wait_webhooks()

    payloads = {letter.payload["webhook_type"]: letter.payload for letter in box.letters}

    customer = caller.get("/customers/A1").body["customer"]
    told = payloads["subscription.started"]["subscription"]
    assert payloads["customer.created"]["customer"]["lago_id"] == customer["lago_id"]
    assert payloads["customer.created"]["object_type"] == "customer"
    assert (told["external_customer_id"], told["status"], told["plan"]["code"]) == (
        "A1",
        "active",
        "standard",
    )


# --- How it is told -----------------------------------------------------------------------------------


def test_a_token_proves_the_sender_and_holds_the_body(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    caller.customer()
    sandbox.wait_webhooks()
    (letter,) = box.letters

    pem = base64.b64decode(caller.get("/webhooks/public_key").body)
    claims = jwt.decode(letter.headers["X-Lago-Signature"], pem.decode(), algorithms=["RS256"])

    assert letter.headers["X-Lago-Signature-Algorithm"] == "jwt"
    assert (claims["data"].encode(), claims["iss"]) == (letter.body, sandbox.url)
    assert (
        caller.get("/webhooks/json_public_key").body["webhook"]["public_key"]
        == base64.b64encode(pem).decode()
    )


def test_a_shared_secret_signs_where_that_is_asked_for(
    sandbox: Sandbox, caller: Caller, box: PostBox
) -> None:
    _register(caller, box.url, signature_algo="hmac")
    caller.customer()
    sandbox.wait_webhooks()
    (letter,) = box.letters

    secret = sandbox._exchange.lago.world.webhooks.hmac_key

    digest = hmac.digest(secret.encode(), letter.body, hashlib.sha256)
    assert letter.headers["X-Lago-Signature-Algorithm"] == "hmac"
    assert base64.b64decode(letter.headers["X-Lago-Signature"]) == digest


def test_what_is_not_taken_is_tried_again(sandbox: Sandbox, caller: Caller, box: PostBox) -> None:
    _register(caller, box.url)
    box.answers.extend([500, 503])

    caller.customer()
    (delivery,) = sandbox.wait_webhooks()

    assert (delivery["attempts"], delivery["status"]) == (3, 200)
    assert len({letter.headers["X-Lago-Unique-Key"] for letter in box.letters}) == 1


def test_who_does_not_listen_is_given_up(sandbox: Sandbox, caller: Caller) -> None:
    _register(caller, "http://127.0.0.1:1/hook")

    caller.customer()
    (delivery,) = sandbox.wait_webhooks()

    assert (delivery["attempts"], delivery["status"]) == (3, None)


def test_held_webhooks_wait_and_then_tell_what_is_so_by_then(
    sandbox: Sandbox, caller: Caller, box: PostBox
) -> None:
    _register(caller, box.url)
    sandbox.hold_webhooks()
    caller.customer(name="before")
    caller.customer(name="after")
    waiting = sandbox.webhooks()["waiting"]

    sandbox.release_webhooks()
    sandbox.wait_webhooks()

    assert [one["webhook_type"] for one in waiting] == ["customer.created", "customer.updated"]
    assert {letter.payload["customer"]["name"] for letter in box.letters} == {"after"}
