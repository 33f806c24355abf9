"""Five hundred rows beside a SteVe that has idTags of every kind: in, and back, and nothing has changed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.charging.factories import LAST_YEAR, NEXT_YEAR, charged, charging
from tests.customers.backfill.steve.world import divergences, planned_revert, reverted, run_of, states, tags
from tests.customers.factories import Row, imported, row

pytestmark = pytest.mark.django_db

# Every tenth of fifty rows meets an idTag of one of these kinds.
THERE: list[dict[str, Any]] = [
    {"max_active_transaction_count": 0, "note": "lost, said on the phone"},
    {"max_active_transaction_count": 0, "parent_id_tag": "FLEET", "expiry_date": NEXT_YEAR, "user_pk": 3},
    {"parent_id_tag": "FLEET", "note": "van 7"},
    {"max_active_transaction_count": 1, "expiry_date": NEXT_YEAR},
    {"user_pk": 7, "note": ""},
    {"expiry_date": LAST_YEAR},
]


def five_hundred() -> list[Row]:
    """Four hundred customers; every fourth has a second card."""
    cards = [row(number) for number in range(1, 401)]
    return cards + [row(number, id_tag=f"MORE{number:04}") for number in range(4, 401, 4)]


def furnish(steve: SteveSandbox) -> None:
    steve.world.add_tag("FLEET")
    for number in range(10, 401, 10):
        steve.world.add_tag(f"TAG{number:04}", **THERE[number // 10 % len(THERE)])
    steve.world.add_tag("tag0001")
    charged(steve, "TAG0002", started_at=LAST_YEAR)  # unknown, so SteVe inserted it, blocked
    steve.world.add_tag("TAG0003")
    charging(steve, "TAG0003", started_at=datetime.now(UTC) - timedelta(hours=1))


def calls(steve: SteveSandbox) -> int:
    return sum(steve.state()["requests"].values())


def test_five_hundred_rows_go_in_and_back_and_steve_is_as_before(steve: SteveSandbox, lago: Sandbox) -> None:
    furnish(steve)
    before, sessions, known = tags(steve), steve.state()["transactions"], len(steve.world.tags)

    report = imported(five_hundred(), skip_existing=True, allow_partial=True)
    run = run_of(report)
    made = len(steve.world.tags) - known
    calls_in = calls(steve)
    diverging = divergences(run)
    active = planned_revert(run).active
    calls_before = calls(steve)
    undone = reverted(run, discard_activity=True)
    calls_back = calls(steve) - calls_before

    expired = [number for number in range(10, 401, 10) if number // 10 % len(THERE) == 5]
    assert report.status == "partial"
    assert diverging == [("user", "not_imported")] * len(expired)
    assert made == 500 - 40 - 3
    assert active == {"C-3": ["charged since"]}  # it has been charging all the time
    assert undone.status == "reverted"
    assert lago.state(live=True)["customers"] == []
    assert tags(steve) == before
    assert steve.state()["transactions"] == sessions
    assert {state for state, _ in states(run)} == {"removed", "kept", "adopted"}
    unblocked = 7 + 7 + 1
    assert calls_in <= made + 2 * unblocked + 3
    assert calls_back <= 2.1 * (made + unblocked)
