"""The REST API as a whole: what its description says of every answer."""

from typing import Any

import pytest

from rehearsal.steve import SteveSandbox
from tests.charging.factories import NEXT_YEAR, charged, charging
from tests.contracts import shapes
from tests.rehearsal.steve.calls import ID_TAG, call, created

CONTRACT = shapes.steve()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_number_is_not_found(steve: SteveSandbox, method: str) -> None:
    assert call(steve, method, "ocppTags/99", {"idTag": ID_TAG}).status_code == 404


def test_a_deletion_takes_the_charging_history_along(steve: SteveSandbox) -> None:
    tag = created(steve)
    charged(steve, ID_TAG)

    deleted = call(steve, "DELETE", f"ocppTags/{tag['ocppTagPk']}")

    assert (deleted.status_code, deleted.json()["idTag"]) == (200, ID_TAG)
    assert call(steve, "GET", "transactions").json() == []


@pytest.mark.parametrize(
    ("method", "path", "operation", "status"),
    [
        ("GET", "ocppTags", "/api/v1/ocppTags", 200),
        ("GET", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("GET", "transactions", "/api/v1/transactions", 200),
        ("POST", "ocppTags", "/api/v1/ocppTags", 201),
        ("PUT", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("DELETE", "ocppTags/1", "/api/v1/ocppTags/{ocppTagPk}", 200),
        ("DELETE", "ocppTags/99", "/api/v1/ocppTags/{ocppTagPk}", 404),
        ("PUT", "ocppTags/99", "/api/v1/ocppTags/{ocppTagPk}", 404),
    ],
)
def test_answers_keep_to_the_api_description(
    steve: SteveSandbox, method: str, path: str, operation: str, status: int
) -> None:
    steve.world.add_tag("FLEET", expiry_date=NEXT_YEAR, note="van", user_pk=3)
    charged(steve, "FLEET")
    charging(steve, "FLEET")

    response = call(steve, method, path, {"idTag": ID_TAG})

    assert response.status_code == status
    reply = f"{method} {operation} {status}"
    assert list(CONTRACT.departures(reply, without_nulls(response.json()))) == []


def without_nulls(answer: Any) -> Any:
    """SteVe writes what is not there as null, of which its own description says nothing."""
    if isinstance(answer, list):
        return [without_nulls(item) for item in answer]
    return {name: value for name, value in answer.items() if value is not None}
