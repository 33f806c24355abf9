"""The control interface below /sandbox, over HTTP."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR
from tests.rehearsal.steve.calls import ID_TAG, call, created

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


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
        ("id-tags", {"id_tag": ID_TAG, "parent_id_tag": 7}, 400),
        ("id-tags", {"id_tag": ID_TAG, "parent_id_tag": "NOBODY"}, 400),
        ("id-tags", {"id_tag": ID_TAG, "note": 7}, 400),
        ("id-tags", {"id_tag": ID_TAG, "max_active_transaction_count": True}, 400),
        ("id-tags", {"id_tag": ID_TAG, "expiry_date": "soon"}, 400),
        ("id-tags", {"id_tag": 7}, 400),
        ("reservations", {"id_tag": "NOBODY", "charge_box_id": "TEST-1"}, 400),
        ("charge-boxes", {"charge_boxes": ["X"], "registration": "Perhaps"}, 400),
        ("users", {"username": "x"}, 400),
        ("clock", {"offset_s": "soon"}, 400),
        ("cost", {}, 400),
        ("api", {}, 400),
        ("key", {}, 400),
    ],
)
def test_a_senseless_control_says_so_and_changes_nothing(
    steve: SteveSandbox, name: str, body: Any, status: int
) -> None:
    response = requests.post(f"{steve.control_url}/{name}", json=body, timeout=60)

    assert (response.status_code, "error" in response.json()) == (status, True)
    assert call(steve, "GET", "ocppTags").json() == []


def test_an_administrator_changes_an_id_tag_behind_the_products_back(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    tag = created(steve)
    changed = {
        "parent_id_tag": "FLEET",
        "max_active_transaction_count": 2,
        "note": "",
        "expiry_date": "2030-11-22T12:00:00",
        "user_pk": 7,
    }

    for name, value in changed.items():
        steve.steer("POST", "id-tags", id_tag=ID_TAG, **{name: value})

    after = call(steve, "GET", f"ocppTags/{tag['ocppTagPk']}").json()
    shown = ("parentIdTag", "maxActiveTransactionCount", "note", "expiryDate", "userPk")
    assert [after[name] for name in shown] == ["FLEET", 2, "", "2030-11-22T12:00:00.000Z", 7]
    assert steve.counts() == {"POST /steve/api/v1/ocppTags": 1, "GET /steve/api/v1/ocppTags/:pk": 1}


def test_the_clock_can_be_put_ahead_and_behind() -> None:
    with SteveSandbox(now=lambda: NOW, clock_offset_s=600) as steve:
        ahead = steve.state()["now"]
        behind = steve.steer("POST", "clock", offset_s=-600)["now"]

    assert (ahead, behind) == ("2026-03-01T12:10:00.000Z", "2026-03-01T11:50:00.000Z")


def test_calls_are_counted_by_what_they_are_about(steve: SteveSandbox) -> None:
    for number in range(2):
        pk = created(steve, idTag=f"TAG{number}")["ocppTagPk"]
        call(steve, "GET", f"ocppTags/{pk}")
        call(steve, "DELETE", f"ocppTags/{pk}")
    call(steve, "GET", "ocppTags")
    call(steve, "GET", "ocppTags", idTag="TAG0")
    call(steve, "GET", "ocppTags", idTag="TAG1", blocked="TRUE")
    call(steve, "GET", "transactions", type="ALL", ocppIdTag="TAG0,TAG1")

    base = "/steve/api/v1"
    assert steve.counts() == {
        f"POST {base}/ocppTags": 2,
        f"GET {base}/ocppTags/:pk": 2,
        f"DELETE {base}/ocppTags/:pk": 2,
        f"GET {base}/ocppTags": 1,
        f"GET {base}/ocppTags?idTag": 1,
        f"GET {base}/ocppTags?blocked&idTag": 1,
        f"GET {base}/transactions?ocppIdTag&type": 1,
    }
