"""A central system that judges stops by its own clock, as SteVe does, and can be told to misbehave."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

PATH = "/steve/websocket/CentralSystemService"
AHEAD_AT_MOST = timedelta(minutes=5)  # what SteVe takes of a stop's time


@dataclass
class Transaction:
    id_tag: str
    meter_start: int
    started_at: datetime
    stopped_at: datetime | None = None
    meter_stop: int | None = None
    reason: str | None = None
    meter_values: list[datetime] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.stopped_at is None


@dataclass
class CentralSystem:
    """`ahead`: of our clock. `silent_at`, `closes_at`: actions that it does not answer when they first come.

    `ignored_stops`: so many stops are answered and not carried out, whatever they say.
    """

    ahead: timedelta = timedelta(0)
    charge_box_id: str = "TEST-1"
    password: str = ""
    status_at_start: str = "Accepted"
    silent_at: set[str] = field(default_factory=set)
    closes_at: set[str] = field(default_factory=set)
    ignored_stops: int = 0
    transactions: dict[int, Transaction] = field(default_factory=dict)
    connections: int = 0
    heard: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}{PATH}"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    @asynccontextmanager
    async def served(self) -> AsyncIterator["CentralSystem"]:
        ours = [Subprotocol("ocpp1.6")]
        async with serve(
            self._converse, "127.0.0.1", 0, subprotocols=ours, process_request=self._admit, close_timeout=1
        ) as server:
            self.port = next(iter(server.sockets)).getsockname()[1]
            yield self

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        base, _, charge_box_id = request.path.rpartition("/")
        if base != PATH or charge_box_id.lower() != self.charge_box_id.lower():
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        login = base64.b64encode(f"{charge_box_id}:{self.password}".encode()).decode()
        if self.password and request.headers.get("Authorization") != f"Basic {login}":
            return connection.respond(HTTPStatus.UNAUTHORIZED, "")
        return None

    async def _converse(self, connection: ServerConnection) -> None:
        self.connections += 1
        try:
            async for message in connection:
                await self._hear(connection, str(message))
        except ConnectionClosed:
            return

    async def _hear(self, connection: ServerConnection, message: str) -> None:
        action = message.split('"')[3]
        self.heard.append(action)
        if action in self.closes_at:
            self.closes_at.discard(action)
            await connection.close()
        elif action in self.silent_at:
            self.silent_at.discard(action)
            await connection.wait_closed()
        else:
            await Answering(self, connection).route_message(message)

    def stop(self, pk: int, stopped_at: datetime, meter_stop: int, id_tag: str, reason: str | None) -> None:
        """End a session if SteVe would; the answer is the same if not."""
        found = self.transactions.get(pk)
        if self.ignored_stops:
            self.ignored_stops -= 1
        elif (
            found is not None
            and found.is_running
            and found.id_tag == id_tag
            and found.started_at <= stopped_at <= self.now() + AHEAD_AT_MOST
            and meter_stop >= found.meter_start
        ):
            found.stopped_at, found.meter_stop, found.reason = stopped_at, meter_stop, reason


class Answering(ChargePoint):  # type: ignore[misc]  # the library has no types
    def __init__(self, system: CentralSystem, connection: ServerConnection) -> None:
        super().__init__(system.charge_box_id, connection)
        self._system = system

    @on(Action.boot_notification)  # type: ignore[untyped-decorator]
    def on_boot(self, **_: Any) -> Any:
        return call_result.BootNotification(self._system.now().isoformat(), 60, "Accepted")  # type: ignore[arg-type]

    @on(Action.status_notification)  # type: ignore[untyped-decorator]
    def on_status(self, **_: Any) -> Any:
        return call_result.StatusNotification()

    @on(Action.authorize)  # type: ignore[untyped-decorator]
    def on_authorize(self, **_: Any) -> Any:
        return call_result.Authorize({"status": "Accepted"})  # type: ignore[arg-type]

    @on(Action.start_transaction)  # type: ignore[untyped-decorator]
    def on_start(self, id_tag: str, meter_start: int, timestamp: str, **_: Any) -> Any:
        pk = len(self._system.transactions) + 1
        self._system.transactions[pk] = Transaction(id_tag, meter_start, datetime.fromisoformat(timestamp))
        status = {"status": self._system.status_at_start}
        return call_result.StartTransaction(pk, status)  # type: ignore[arg-type]

    @on(Action.meter_values)  # type: ignore[untyped-decorator]
    def on_meter_values(self, meter_value: list[dict[str, Any]], transaction_id: int, **_: Any) -> Any:
        told = [datetime.fromisoformat(value["timestamp"]) for value in meter_value]
        self._system.transactions[transaction_id].meter_values += told
        return call_result.MeterValues()

    @on(Action.stop_transaction)  # type: ignore[untyped-decorator]
    def on_stop(
        self,
        transaction_id: int,
        timestamp: str,
        meter_stop: int,
        id_tag: str,
        reason: str | None = None,
        **_: Any,
    ) -> Any:
        stopped_at = datetime.fromisoformat(timestamp)
        self._system.stop(transaction_id, stopped_at, meter_stop, id_tag, reason)
        return call_result.StopTransaction()
