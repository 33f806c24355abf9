"""The stand-in's servers: REST and control over HTTP, charge points over websocket, on one loop."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from websockets.asyncio.server import Server as OcppServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response
from websockets.typing import Subprotocol

from billing.sandbox.values import Reply, Request
from customers.steve_sandbox.central_system import SILENT, CentralSystem
from customers.steve_sandbox.connections import Connections
from customers.steve_sandbox.control import PREFIX, Steve, UnknownControlError, control
from customers.steve_sandbox.tables import Session
from customers.steve_sandbox.world import RefusalError

OCPP_PATH = "/steve/websocket/CentralSystemService"
OCPP_16J = Subprotocol("ocpp1.6")
HTTP_HEAD_BYTES = 64 * 1024


class Server:
    def __init__(self, steve: Steve) -> None:
        self._steve = steve
        self._connections = Connections(self._answer)
        self._telling: set[asyncio.Task[None]] = set()
        self.port = 0
        self.ocpp_port = 0

    async def run(
        self, host: str, port: int, ocpp_port: int, ready: Callable[[], None], stop: asyncio.Event
    ) -> None:
        """Serve from `ready` until `stop`; raise OSError if a port is taken."""
        http = await asyncio.start_server(self._connections.connected, host, port, limit=HTTP_HEAD_BYTES)
        async with http, await self._ocpp(host, ocpp_port) as ocpp:
            self.port = http.sockets[0].getsockname()[1]
            self.ocpp_port = next(iter(ocpp.sockets)).getsockname()[1]
            ready()
            await stop.wait()
            http.close()
            await self._connections.drop()
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _ocpp(self, host: str, port: int) -> OcppServer:
        return await serve(
            self._charge_point,
            host,
            port,
            subprotocols=[OCPP_16J],
            process_request=self._admit,
            logger=SILENT,
            close_timeout=1,
        )

    # --- HTTP --------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Reply | None:
        if request.path.startswith(PREFIX):
            return self._steer(request)
        return await self._steve.exchange.answer(request)

    def _steer(self, request: Request) -> Reply:
        name = unquote(request.path.removeprefix(PREFIX)).strip("/")
        try:
            body = json.loads(request.body or b"{}")
            return Reply.json(control(self._steve, request.method, name, body))
        except UnknownControlError as error:
            return Reply.json({"error": f"There are: {error}"}, 404)
        except (ValueError, TypeError, KeyError, AttributeError, RefusalError) as error:
            return Reply.json({"error": f"{type(error).__name__}: {error}"}, 400)

    # --- OCPP --------------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, handshake: Handshake) -> Response | None:
        """Turn away a charge box that SteVe does not know, as SteVe does, before the handshake."""
        base, _, charge_box_id = handshake.path.rpartition("/")
        if base != OCPP_PATH or unquote(charge_box_id) not in self._steve.world.charge_boxes:
            return connection.respond(HTTPStatus.NOT_FOUND, "")
        return None

    async def _charge_point(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        central_system = CentralSystem(
            unquote(path.rpartition("/")[2]),
            connection,
            self._steve.world,
            metered=self._metered,
            stopped=self._stopped,
        )
        try:
            await central_system.start()
        except ConnectionClosed:
            return

    def _metered(self, session: Session) -> None:
        self._tell(self._steve.usage.meter(session))

    def _stopped(self, session: Session) -> None:
        self._tell(self._steve.usage.stopped(session))

    def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        """Send usage beside the charge point's answers: the platform is another process."""
        task = asyncio.create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
