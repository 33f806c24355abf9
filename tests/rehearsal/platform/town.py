"""The three systems side by side, and what an import, a charger and an operator do there."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import requests

from charging.charge_point import charging_session
from rehearsal.lago import Sandbox
from rehearsal.platform import PlatformSandbox
from rehearsal.steve import SteveSandbox
from tests.rehearsal.platform.rows import add_mapping, add_user

CHARGE_BOX = "TEST-1"
START = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Town:
    lago: Sandbox
    steve: SteveSandbox
    platform: PlatformSandbox
    database: psycopg.Connection

    # --- SteVe ---------------------------------------------------------------------------------------

    def steve_call(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(
            method,
            f"{self.steve.url}/api/v1/{path}",
            json=body,
            auth=(self.steve.username, self.steve.key),
            timeout=60,
        )
        response.raise_for_status()
        return response.json()

    def add_tag(self, id_tag: str, limit: int = -1, **form: Any) -> int:
        sent = {"idTag": id_tag, "maxActiveTransactionCount": limit, **form}
        made: int = self.steve_call("POST", "ocppTags", sent)["ocppTagPk"]
        return made

    def tag(self, id_tag: str) -> Any:
        return next(tag for tag in self.steve_call("GET", "ocppTags") if tag["idTag"] == id_tag)

    def limits(self) -> dict[str, int]:
        tags = self.steve_call("GET", "ocppTags")
        return {tag["idTag"]: tag["maxActiveTransactionCount"] for tag in tags}

    def charge(self, id_tag: str, energy_wh: int = 7400) -> int:
        """Charge now, over OCPP, and return SteVe's number of the session."""
        session = charging_session(self.steve.ocpp_url, CHARGE_BOX, id_tag, energy_wh=energy_wh)
        return asyncio.run(session).transaction_id

    def charged(self, id_tag: str, hours_ago: float, energy_wh: int = 1000) -> int:
        """Have a session that began so many hours ago and has stopped just now."""
        now = datetime.now(UTC)
        session, _ = self.steve.world.start(CHARGE_BOX, 1, id_tag, 0, now - timedelta(hours=hours_ago))
        self.steve.world.stop(session.pk, energy_wh, now, None)
        return session.pk

    # --- Lago ------------------------------------------------------------------------------------------

    def lago_call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.lago.key}"}
        url = f"{self.lago.url}/api/v1/{path}"
        response = requests.request(method, url, json=body, headers=headers, timeout=60)
        response.raise_for_status()
        return response.json()

    def add_customer(self, external_id: str = "LEGACY-001", **fields: Any) -> None:
        usual = {"name": "Alice Example", "email": f"{external_id.lower()}@example.com"}
        self.lago_call("POST", "customers", {"customer": {"external_id": external_id, **usual, **fields}})

    def subscribe(self, external_id: str = "LEGACY-001", **fields: Any) -> None:
        usual = {
            "external_customer_id": external_id,
            "external_id": f"backfill-{external_id}",
            "plan_code": "standard",
            "subscription_at": START,
        }
        self.lago_call("POST", "subscriptions", {"subscription": {**usual, **fields}})

    def events(self) -> list[tuple[str, str, str]]:
        """Return transaction id, subscription and kWh of each usage event."""
        return sorted(
            (event["transaction_id"], event["external_subscription_id"], event["properties"]["value"])
            for event in self.lago_call("GET", "events")["events"]
        )

    def send_webhooks(self, algorithm: str = "jwt") -> None:
        endpoint = {"webhook_url": self.platform.webhook_url, "signature_algo": algorithm}
        self.lago_call("POST", "webhook_endpoints", {"webhook_endpoint": endpoint})

    # --- The platform's rows ---------------------------------------------------------------------------

    def import_rows(self, external_id: str = "LEGACY-001", cards: int = 1, **mapping: Any) -> list[str]:
        """Write user, idTags and mappings, inactive and with the subscription, and return the idTags."""
        user = add_user(self.database, external_id)
        id_tags = [f"{external_id}-{number}" for number in range(1, cards + 1)]
        for id_tag in id_tags:
            add_mapping(
                self.database,
                user,
                self.add_tag(id_tag),
                **{
                    "steve_ocpp_id_tag": id_tag,
                    "lago_customer_external_id": external_id,
                    "lago_subscription_external_id": f"backfill-{external_id}",
                    **mapping,
                },
            )
        return id_tags

    def activate(self) -> None:
        self.database.execute("update user_mappings set is_active = true")

    def imported(self, external_id: str = "LEGACY-001", cards: int = 1) -> list[str]:
        """Import a customer whole, as it is where no webhook helps, and return the idTags."""
        id_tags = self.import_rows(external_id, cards)
        self.add_customer(external_id)
        self.subscribe(external_id)
        self.activate()
        return id_tags

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.database.execute(query, values or None).fetchall()

    def metas(self) -> list[tuple[Any, ...]]:
        """Return idTag and whether it is active, of each META."""
        return self.rows(
            "select steve_ocpp_id_tag, is_active from user_mappings where tag_type = 'meta' order by id"
        )


def wait_until(is_so: Callable[[], bool], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@contextmanager
def town(database_url: str, **options: Any) -> Iterator[Town]:
    """Run the three beside each other. `options` are the platform's."""
    with (
        Sandbox(on_a_quiet_day=True) as lago,
        SteveSandbox(charge_boxes=[CHARGE_BOX]) as steve,
        PlatformSandbox(
            database_url=database_url,
            lago_url=lago.url,
            lago_key=lago.key,
            steve_url=steve.url,
            steve_username=steve.username,
            steve_key=steve.key,
            **options,
        ) as platform,
        psycopg.connect(database_url, autocommit=True) as database,
    ):
        yield Town(lago, steve, platform, database)
