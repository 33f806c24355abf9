"""The door for charge points: their websockets, and what their sessions tell Lago."""

import asyncio
import socket
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as Handshake
from websockets.http11 import Response
from websockets.typing import Subprotocol

from rehearsal.steve import door
from rehearsal.steve.central_system import SILENT, CentralSystem
from rehearsal.steve.tables import Session
from rehearsal.steve.usage import Usage
from rehearsal.steve.world import World


class ChargePoints:
    def __init__(self, world: World, usage: Usage) -> None:
        self._world = world
        self._usage = usage
        self._telling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def served(self, listening: socket.socket) -> AsyncIterator[None]:
        """Let charge points connect meanwhile; at the end drop them, and usage that is not sent yet."""
        async with serve(
            self._converse,
            sock=listening,
            subprotocols=[Subprotocol(door.OCPP_16J)],
            process_request=self._admit,
            logger=SILENT,
            close_timeout=1,
        ):
            yield
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def _admit(self, connection: ServerConnection, handshake: Handshake) -> Response | None:
        """Turn away whom SteVe turns away, before the handshake."""
        refusal = door.turned_away(handshake, self._world.charge_box)
        return None if refusal is None else connection.respond(refusal, "")

    async def _converse(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        charge_box = self._world.charge_box(door.charge_box_id_of(path))
        if charge_box is None:  # it was there when the connection was let in: nothing takes it away
            return
        central_system = CentralSystem(
            charge_box, connection, self._world, metered=self._metered, stopped=self._stopped
        )
        try:
            await central_system.converse()
        except ConnectionClosed:
            return

    def _metered(self, session: Session) -> None:
        self._tell(self._usage.meter(session))

    def _stopped(self, session: Session) -> None:
        self._tell(self._usage.stopped(session))

    def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        """Send usage beside the charge point's answers: the platform is another process."""
        task = asyncio.create_task(telling)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
