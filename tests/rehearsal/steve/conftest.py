"""A fresh stand-in for each test, and one that is billed to a Lago."""

from collections.abc import Iterator

import pytest
import requests

from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import ID_TAG


@pytest.fixture
def steve() -> Iterator[SteveSandbox]:
    with SteveSandbox(charge_boxes=["TEST-1"]) as sandbox:
        yield sandbox


@pytest.fixture
def lago() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        headers = {"Authorization": f"Bearer {sandbox.key}"}
        subscription = {
            "external_customer_id": "LEGACY-001",
            "plan_code": "standard",
            "external_id": "backfill-LEGACY-001",
            "subscription_at": "2024-01-01T00:00:00Z",
        }
        url = f"{sandbox.url}/api/v1/subscriptions"
        requests.post(
            url, json={"subscription": subscription}, headers=headers, timeout=60
        ).raise_for_status()
        yield sandbox


@pytest.fixture
def billed(lago: Sandbox) -> Iterator[SteveSandbox]:
    """A SteVe whose idTag is billed to the subscription in that Lago."""
    with SteveSandbox(
        lago_url=lago.url,
        lago_key=lago.key,
        charge_boxes=["TEST-1"],
        mapping={ID_TAG: "backfill-LEGACY-001"},
    ) as sandbox:
        sandbox.world.add_tag(ID_TAG)
        yield sandbox
