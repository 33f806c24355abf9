"""What happens to a request: faults, held calls, latency and limit, over the wire."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Answer, Caller
from tests.support.processes import wait_for

CUSTOMER = {"customer": {"external_id": "A1"}}


def _created(sandbox: Sandbox) -> bool:
    return sandbox.state()["customers"] != []


@pytest.mark.parametrize(("kind", "done"), [("reset_before", False), ("reset_after", True)])
def test_a_connection_is_reset_before_or_after_the_work(
    sandbox: Sandbox, caller: Caller, kind: str, done: bool
) -> None:
    sandbox.fault(f"{kind},method=POST")

    with pytest.raises(ConnectionResetError):
        caller.customer()

    assert _created(sandbox) is done


@pytest.mark.parametrize(("kind", "done"), [("hang_before", False), ("timeout_after", True)])
def test_no_answer_comes_and_the_connection_ends(
    sandbox: Sandbox, caller: Caller, kind: str, done: bool
) -> None:
    sandbox.fault(f"{kind},seconds=0.05")

    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        caller.customer()

    assert _created(sandbox) is done


def test_a_hanging_call_outlasts_the_patience_of_its_caller(sandbox: Sandbox) -> None:
    sandbox.fault("timeout_after,seconds=30")
    impatient = Caller(sandbox, timeout=0.1)

    with pytest.raises(TimeoutError):
        impatient.customer()

    impatient.close()
    assert _created(sandbox)


@pytest.mark.parametrize(
    ("kind", "status", "body", "done"),
    [
        ("500", 500, {"status": 500, "error": "Internal Server Error"}, False),
        ("500_after", 500, {"status": 500, "error": "Internal Server Error"}, True),
        ("502_html", 502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", False),
        ("429", 429, {"status": 429, "error": "Too Many Requests"}, False),
        ("wrong_json", 200, ["unexpected"], True),
    ],
)
def test_an_answer_goes_wrong(
    sandbox: Sandbox, caller: Caller, kind: str, status: int, body: object, done: bool
) -> None:
    sandbox.fault(kind)

    answer = caller.customer()

    assert (answer.status, answer.body) == (status, body)
    assert _created(sandbox) is done


def test_a_body_that_calls_itself_json_may_be_none(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("not_json")

    with pytest.raises(ValueError, match="Expecting value"):
        caller.customer()

    assert _created(sandbox)


def test_an_answer_is_cut_short(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("truncated")

    with pytest.raises(http.client.IncompleteRead):
        caller.customer()

    assert _created(sandbox)


def test_429_tells_the_quota_as_the_cloud_does(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("429")

    headers = caller.get("/plans").headers

    quota = {name: headers[f"X-RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")}
    assert quota == {"Limit": "50", "Remaining": "0", "Reset": "1"}


# which calls


def _statuses(caller: Caller, count: int) -> list[int]:
    return [caller.get("/plans").status for _ in range(count)]


def test_the_nth_call_and_those_after_go_wrong(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("500,path=/plans,nth=2,times=2")

    caller.get("/customers")

    assert _statuses(caller, 4) == [200, 500, 500, 200]


def test_a_fault_can_last(sandbox: Sandbox, caller: Caller) -> None:
    sandbox.fault("500,times=forever")

    assert _statuses(caller, 3) == [500, 500, 500]

    sandbox.clear_faults()
    assert _statuses(caller, 1) == [200]


# holding a call


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


@pytest.mark.parametrize(("kind", "done"), [("pause_before", False), ("pause_after", True)])
def test_a_call_is_held_before_or_after_its_work(
    sandbox: Sandbox, caller: Caller, pool: ThreadPoolExecutor, kind: str, done: bool
) -> None:
    sandbox.fault(f"{kind},method=POST,nth=2")
    caller.customer("B1")
    asked = pool.submit(caller.customer, "A1")

    held = sandbox.wait_held()
    meanwhile = {customer["external_id"] for customer in sandbox.state()["customers"]}
    sandbox.release()

    assert held == [2]
    assert ("A1" in meanwhile) is done
    assert asked.result(60).status == 200
    assert _created(sandbox)


def test_others_are_served_while_one_is_held(
    sandbox: Sandbox, caller: Caller, pool: ThreadPoolExecutor
) -> None:
    sandbox.fault("pause_after,method=POST")
    asked = pool.submit(caller.customer)
    sandbox.wait_held()
    other = Caller(sandbox)

    answer = other.get("/customers/A1")

    other.close()
    sandbox.release()
    assert (answer.status, asked.result(60).status) == (200, 200)


# latency and limit


def test_latency_does_not_add_up_over_parallel_calls(pool: ThreadPoolExecutor) -> None:
    with Sandbox(latency_ms=600_000) as slow:
        callers = [Caller(slow) for _ in range(8)]

        calls = [pool.submit(one.get, "/plans") for one in callers]

        wait_for(lambda: slow.requests()["most_in_flight"] == 8)  # all of them spend it at the same time
    assert all(isinstance(call.exception(), ConnectionError) for call in calls)
    for one in callers:
        one.close()


def test_latency_passes_before_the_answer() -> None:
    with Sandbox(latency_ms=600_000) as slow:
        impatient = Caller(slow, timeout=0.1)

        with pytest.raises(TimeoutError):
            impatient.get("/plans")

        impatient.close()


def test_above_the_limit_calls_are_refused() -> None:
    with Sandbox(rate_limit=5) as limited:
        caller = Caller(limited)

        answers = [caller.get("/plans") for _ in range(20)]

        caller.close()
    refused: list[Answer] = [answer for answer in answers if answer.status == 429]
    assert len(refused) >= 8  # the twenty calls may fall into two or even three different seconds
    assert answers[0].headers["X-RateLimit-Limit"] == "5"
    assert refused[0].headers["X-RateLimit-Remaining"] == "0"


def test_stopping_ends_hanging_and_held_calls_and_the_thread() -> None:
    with Sandbox(faults=["pause_before,path=/plans", "hang_before,path=/customers"]) as sandbox:
        callers = [Caller(sandbox), Caller(sandbox)]
        with ThreadPoolExecutor() as pool:
            asked = [pool.submit(callers[0].get, "/plans"), pool.submit(callers[1].get, "/customers")]
            sandbox.wait_held()
            sandbox.stop()
            failures = [one.exception(5) for one in asked]
        for caller in callers:
            caller.close()

    assert all(isinstance(failure, ConnectionError | http.client.HTTPException) for failure in failures)
    assert "lago-sandbox" not in [thread.name for thread in threading.enumerate()]
