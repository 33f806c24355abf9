"""A bare HTTP caller: the path goes over the wire exactly as written."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from rehearsal.lago import Sandbox


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> Any:
        return self.body.get("code")

    @property
    def details(self) -> Any:
        return self.body["error_details"]


class Caller:
    """Calls one sandbox over one kept-alive connection, with its key."""

    def __init__(self, sandbox: Sandbox, timeout: float = 60) -> None:
        self.key = sandbox.key
        self._connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc, timeout=timeout)

    def close(self) -> None:
        self._connection.close()

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """`headers` replace the usual ones; a body that is not bytes goes as JSON."""
        sent = body if isinstance(body, bytes) or body is None else json.dumps(body)
        usual = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self._connection.request(method, path, sent, dict(usual if headers is None else headers))
        response = self._connection.getresponse()
        content = response.read()
        is_json = "json" in response.headers["Content-Type"]
        return Answer(response.status, json.loads(content) if is_json else content, response.headers)

    def get(self, path: str) -> Answer:
        return self.send("GET", f"/api/v1{path}")

    def post(self, path: str, body: Any) -> Answer:
        return self.send("POST", f"/api/v1{path}", body)

    def put(self, path: str, body: Any) -> Answer:
        return self.send("PUT", f"/api/v1{path}", body)

    def delete(self, path: str, body: Any = None) -> Answer:
        return self.send("DELETE", f"/api/v1{path}", body)

    def customer(self, external_id: str = "A1", **fields: Any) -> Answer:
        return self.post("/customers", {"customer": {"external_id": external_id, **fields}})

    def subscription(self, external_id: str = "sub-A1", **fields: Any) -> Answer:
        """Subscribe customer A1 to the plan `standard`, unless told otherwise."""
        sent = {"external_id": external_id, "external_customer_id": "A1", "plan_code": "standard", **fields}
        return self.post("/subscriptions", {"subscription": sent})

    def event(self, transaction_id: str = "t1", **fields: Any) -> Answer:
        sent = {"transaction_id": transaction_id, "code": "ev_charging_kwh", **fields}
        return self.post("/events", {"event": {"external_subscription_id": "sub-A1", **sent}})


def escaped(external_id: str) -> str:
    return quote(external_id, safe="").replace(".", "%2E")


def day_from_today(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


def plan_statuses(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Plan and status of every subscription, ended ones included."""
    return [(row["plan_code"], row["status"]) for row in sandbox.state()["subscriptions"]]
