"""The stand-in's servers: REST and control over HTTP, charge points over websocket, on one loop."""

import asyncio
import json
import socket
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from websockets.asyncio.server import Server as OcppServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response
from websockets.typing import Subprotocol

from rehearsal.stand_in.connections import Connections
from rehearsal.stand_in.messages import Delivery, Reply, Request
from rehearsal.stand_in.wire import MAX_HEAD
from rehearsal.steve.central_system import SILENT, CentralSystem
from rehearsal.steve.control import PREFIX, Steve, UnknownControlError, control
from rehearsal.steve.tables import Session
from rehearsal.steve.world import RefusalError

OCPP_PATH = "/steve/websocket/CentralSystemService"
OCPP_16J = Subprotocol("ocpp1.6")


class Server:
    def __init__(self, steve: Steve) -> None:
        self._steve = steve
        self._connections = Connections(self._answer)
        self._telling: set[asyncio.Task[None]] = set()

    async def serve(self, rest: socket.socket, ocpp: socket.socket, stop: asyncio.Event) -> None:
        """Serve on two listening sockets until `stop` is set."""
        http = await asyncio.start_server(self._connections.connected, sock=rest, limit=MAX_HEAD)
        async with http, await self._charge_points(ocpp):
            await stop.wait()
            http.close()
            await self._connections.drop()
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _charge_points(self, listening: socket.socket) -> OcppServer:
        return await serve(
            self._charge_point,
            sock=listening,
            subprotocols=[OCPP_16J],
            process_request=self._admit,
            logger=SILENT,
            close_timeout=1,
        )

    # --- HTTP --------------------------------------------------------------------------------------

    async def _answer(self, request: Request) -> Delivery:
        if request.path.startswith(PREFIX):
            return Delivery(await self._steer(request))
        return await self._steve.exchange.answer(request)

    async def _steer(self, request: Request) -> Reply:
        name = unquote(request.path.removeprefix(PREFIX)).strip("/")
        try:
            body = json.loads(request.body or b"{}")
            return Reply.json(await control(self._steve, request.method, name, body))
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
