"""The control interface below /sandbox, over HTTP."""

from typing import Any

import pytest
import requests

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR
from tests.rehearsal.steve.calls import ID_TAG, call


def test_a_key_can_be_refused_on_demand(steve: SteveSandbox) -> None:
    steve.steer("POST", "key", refuse=True)

    assert call(steve, "GET", "ocppTags").status_code == 401


def test_it_can_be_steered_over_http(steve: SteveSandbox) -> None:
    def post(name: str, **body: Any) -> int:
        return requests.post(f"{steve.control_url}/{name}", json=body, timeout=60).status_code

    answers = [
        post("charge-boxes", charge_boxes=["TEST-2"]),
        post("id-tags", id_tag=ID_TAG, max_active_transaction_count=0, expiry_date=LAST_YEAR.isoformat()),
        post("mapping", **{ID_TAG: "sub-1", "OTHER": "sub-2"}),
        post("mapping", OTHER=None),
    ]

    state = requests.get(f"{steve.control_url}/state", timeout=60).json()
    assert answers == [200] * 4
    assert (state["charge_boxes"], state["mapping"]) == (["TEST-1", "TEST-2"], {ID_TAG: "sub-1"})
    assert (state["id_tags"][0]["blocked"], state["id_tags"][0]["expiryDate"]) == (
        True,
        "2025-11-22T12:00:00.000Z",
    )


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("nonsense", {}, 404),
        ("faults", {"kind": "nonsense"}, 400),
        ("faults", {"kind": "truncated"}, 400),
        ("usage", {"nonsense": 1}, 400),
        ("id-tags", {"id_tag": ID_TAG, "nonsense": 1}, 400),
        ("key", {}, 400),
    ],
)
def test_a_senseless_control_says_so(steve: SteveSandbox, name: str, body: Any, status: int) -> None:
    response = requests.post(f"{steve.control_url}/{name}", json=body, timeout=60)

    assert (response.status_code, "error" in response.json()) == (status, True)
