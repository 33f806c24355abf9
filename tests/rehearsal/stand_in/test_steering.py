"""The controls that every stand-in has, over HTTP."""

from typing import Any

import pytest
import requests

from tests.rehearsal.stand_in.till import TillSandbox


def steer(till: TillSandbox, method: str, name: str, body: Any = None) -> requests.Response:
    return requests.request(method, f"{till.control_url}/{name}", json=body, timeout=60)


def ring_up(till: TillSandbox) -> int:
    return requests.post(f"{till.url}/sales/1", timeout=60).status_code


def test_requests_are_logged_and_counted(till: TillSandbox) -> None:
    ring_up(till)
    till.fault("500")
    ring_up(till)

    log = steer(till, "GET", "requests").json()

    entry = {"method": "POST", "path": "/till/sales/1"}
    assert (log["total"], log["most_in_flight"], log["counts"]) == (2, 1, {"POST /sales/:id": 2})
    assert log["requests"] == [
        {"n": 1, "status": 200, "fault": None, **entry},
        {"n": 2, "status": 500, "fault": "500", **entry},
    ]


def test_the_log_can_start_again(till: TillSandbox) -> None:
    ring_up(till)

    steer(till, "POST", "requests/reset")

    assert till.requests() == {"total": 0, "most_in_flight": 0, "counts": {}, "requests": []}


def test_faults_are_added_as_text_or_object_and_tell_what_they_did(till: TillSandbox) -> None:
    steer(till, "POST", "faults", {"spec": "500,path=/sales"})
    steer(till, "POST", "faults", {"kind": "reset_after", "method": "GET", "times": None})
    ring_up(till)

    listed = steer(till, "GET", "faults").json()["faults"]

    assert [(one["kind"], one["seen"], one["fired"], one["times"]) for one in listed] == [
        ("500", 1, 1, 1),
        ("reset_after", 0, 0, None),
    ]


def test_faults_can_be_cleared(till: TillSandbox) -> None:
    till.fault("500,times=forever")

    steer(till, "POST", "faults/clear")

    assert ring_up(till) == 200


def test_what_a_control_needs_may_stand_in_the_query(till: TillSandbox) -> None:
    assert steer(till, "GET", "held?timeout_s=0").json() == {"held": []}
    assert steer(till, "GET", "held?timeout_s=soon").status_code == 400


@pytest.mark.parametrize(
    "body", [{"kind": "explode"}, {"kind": "truncated"}, {"spec": 7}, {"kind": "500", "path": "("}, ["500"]]
)
def test_a_fault_that_makes_no_sense_or_that_this_one_has_not_is_refused(
    till: TillSandbox, body: Any
) -> None:
    answer = steer(till, "POST", "faults", body)

    assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert till.steer("GET", "faults") == {"faults": []}


def test_an_unknown_control_names_those_there_are(till: TillSandbox) -> None:
    answer = steer(till, "GET", "magic")

    assert answer.status_code == 404
    assert "GET /sandbox/requests" in answer.json()["error"]
    assert "GET /sandbox/sales" in answer.json()["error"]
