"""Lago's JSON objects, as it would send them."""

from collections.abc import Sequence
from typing import Any

from tests.billing.scripted import Answer

CREATED_AT = "2026-11-22T17:00:00Z"
ORGANIZATION = {
    "lago_id": "o1",
    "name": "Acme Charging",
    "timezone": "Europe/Berlin",
    "default_currency": "EUR",
}


def organization(**changes: Any) -> Answer:
    return Answer(body={"organization": {**ORGANIZATION, **changes}})


def customer(external_id: str, /, **changes: Any) -> dict[str, Any]:
    return {
        "lago_id": f"lago-{external_id}",
        "external_id": external_id,
        "name": "Ada",
        "email": "ada@example.com",
        "currency": None,
        "applicable_timezone": "UTC",
        "created_at": CREATED_AT,
        **changes,
    }


def subscription(external_id: str, /, **changes: Any) -> dict[str, Any]:
    return {
        "lago_id": f"lago-{external_id}",
        "external_id": external_id,
        "external_customer_id": "A1",
        "plan_code": "standard",
        "status": "active",
        "billing_time": "calendar",
        "subscription_at": "2026-11-01T00:00:00Z",
        "started_at": "2026-11-01T00:00:00.000Z",
        "created_at": CREATED_AT,
        "previous_plan_code": None,
        **changes,
    }


def listing(name: str, items: Sequence[dict[str, Any]], *, page: int = 1, per_page: int = 500) -> Answer:
    """Return one page of a listing, as Lago pages it."""
    total = len(items)
    meta = {"total_pages": -(-total // per_page), "total_count": total, "current_page": page if total else 0}
    return Answer(body={name: items[(page - 1) * per_page : page * per_page], "meta": meta})


def refusal(status: int, code: str, **details: Any) -> Answer:
    body = {"status": status, "error": "…", "code": code}
    return Answer(status, {**body, "error_details": details} if details else body)
