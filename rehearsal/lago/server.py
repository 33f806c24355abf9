"""The sandbox's HTTP server: one asyncio loop, a coroutine per connection, no locks."""

import asyncio
import json
import socket
import time
from pathlib import Path
from urllib.parse import unquote

from rehearsal.lago.control import PREFIX, UnknownControlError, control
from rehearsal.lago.exchange import Exchange
from rehearsal.lago.params import parse_query
from rehearsal.lago.state_file import save
from rehearsal.lago.subscriptions.calendar import tick
from rehearsal.stand_in.connections import Connections
from rehearsal.stand_in.messages import Delivery, Json, Reply, Request
from rehearsal.stand_in.wire import MAX_HEAD

HOUSEKEEPING_S = 5.0
SHARE = 50  # the pause is at least this many times as long as the work took


class Server:
    """Serve until `stop` is set; connections still open then are dropped."""

    def __init__(self, exchange: Exchange, state_file: Path | None) -> None:
        self._exchange = exchange
        self._state_file = state_file
        self._connections = Connections(self._answer)
        self._saved_at = 0

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        listener = await asyncio.start_server(self._connections.connected, sock=listening, limit=MAX_HEAD)
        chores = asyncio.create_task(self._keep_house())
        await stop.wait()
        listener.close()
        chores.cancel()
        await asyncio.gather(chores, return_exceptions=True)
        await self._connections.drop()
        self._save()

    async def _keep_house(self) -> None:
        """Follow the clock and save; a large state less often, since nobody is served meanwhile."""
        pause = HOUSEKEEPING_S
        while True:
            await asyncio.sleep(pause)
            started = time.monotonic()
            tick(self._exchange.lago.world)
            if self._exchange.log.total != self._saved_at:
                self._save()
            pause = max(HOUSEKEEPING_S, SHARE * (time.monotonic() - started))

    def _save(self) -> None:
        if self._state_file:
            save(self._exchange.lago.world, self._state_file)
            self._saved_at = self._exchange.log.total

    async def _answer(self, request: Request) -> Delivery:
        if request.path.startswith(PREFIX):
            return Delivery(await self._steer(request))
        return await self._exchange.answer(request)

    async def _steer(self, request: Request) -> Reply:
        name = unquote(request.path.removeprefix(PREFIX)).strip("/")
        try:
            body: Json = json.loads(request.body) if request.body else parse_query(request.query)
            return Reply.json(await control(self._exchange, request.method, name, body))
        except UnknownControlError as error:
            return Reply.json({"error": f"There are: {error}"}, 404)
        except (ValueError, TypeError, KeyError) as error:
            return Reply.json({"error": f"{type(error).__name__}: {error}"}, 400)
