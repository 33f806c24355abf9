"""Transactions over the REST API."""

from datetime import UTC, datetime, timedelta

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import charged, charging
from tests.rehearsal.steve.calls import ID_TAG, call, created


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 3),
        ({"periodType": "TODAY"}, 1),
        ({"periodType": "LAST_30"}, 2),
        ({"type": "ACTIVE"}, 1),
        ({"type": "STOPPED"}, 2),
        ({"chargeBoxId": "TEST-9"}, 0),
        ({"periodType": "FROM_TO", "from": "2020-01-01T00:00:00", "to": "2020-12-31T00:00:00"}, 1),
    ],
)
def test_transactions_can_be_filtered(steve: SteveSandbox, query: dict[str, str], count: int) -> None:
    created(steve)
    charged(steve, ID_TAG, started_at=datetime(2020, 6, 1, tzinfo=UTC))
    charged(steve, ID_TAG, started_at=datetime.now(UTC) - timedelta(days=20))
    charging(steve, ID_TAG)

    assert len(call(steve, "GET", "transactions", **query).json()) == count
