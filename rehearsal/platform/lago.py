"""Lago, as the platform calls it."""

import base64
from collections.abc import Sequence
from urllib.parse import quote

from rehearsal.platform.http_api import ApiError, HttpApi
from rehearsal.stand_in.messages import Json

PER_PAGE = 100
PAGES = 100  # what is beyond is left out, and the platform takes it for deleted


class LagoApi(HttpApi):
    system = "Lago"

    def __init__(self, url: str, key: str, pause_s: float = 0) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        super().__init__(f"{url.rstrip('/')}/api/v1", headers=headers, pause_s=pause_s)

    def customers(self) -> list[Json]:
        return self._all("customers")

    def active_subscriptions(self) -> list[Json]:
        return self._all("subscriptions")

    def active_subscriptions_of(self, external_customer_id: str) -> list[Json]:
        return self._all("subscriptions", external_customer_id=external_customer_id)

    def wallets_of(self, external_customer_id: str) -> list[Json]:
        return self._all("wallets", external_customer_id=external_customer_id)

    def customer(self, external_id: str) -> Json | None:
        """Return the customer; None where Lago has none, as for an id with a dot, which it cuts off."""
        try:
            found: Json = self.call("GET", f"/customers/{quote(external_id, safe='')}").json()["customer"]
        except ApiError as error:
            if error.status != 404:
                raise
            return None
        return found

    def send(self, events: Sequence[Json]) -> None:
        """Send up to 100 usage events at once; Lago takes all of them or none."""
        self.call("POST", "/events/batch", body={"events": list(events)})

    def public_key(self) -> bytes:
        """Return the key, as PEM, that Lago's webhooks are signed with."""
        return base64.b64decode(self.call("GET", "/webhooks/public_key").content)

    def _all(self, name: str, **query: str) -> list[Json]:
        found: list[Json] = []
        for page in range(1, PAGES + 1):
            asked = {"page": page, "per_page": PER_PAGE, **query}
            rows = self.call("GET", f"/{name}", query=asked).json()[name]
            found += rows
            if len(rows) < PER_PAGE:
                break
        return found
