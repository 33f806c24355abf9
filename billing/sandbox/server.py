"""The sandbox's HTTP server: one asyncio loop, a coroutine per connection, no locks."""

import asyncio
import contextlib
import json
import socket
import time
from pathlib import Path
from urllib.parse import unquote

from billing.sandbox.control import PREFIX, UnknownControlError, control
from billing.sandbox.exchange import Delivery, Exchange
from billing.sandbox.params import parse_query
from billing.sandbox.persist import save
from billing.sandbox.subscriptions.calendar import tick
from billing.sandbox.values import Json, Reply, Request
from billing.sandbox.wire import MAX_HEAD, BadRequestError, encoded, read_request, reset, wants_close

HOUSEKEEPING_S = 5.0
SHARE = 50  # the pause is at least this many times as long as the work took


class Server:
    """Serve until `stop` is set; connections still open then are dropped."""

    def __init__(self, exchange: Exchange, state_file: Path | None) -> None:
        self._exchange = exchange
        self._state_file = state_file
        self._connections: set[asyncio.Task[None]] = set()
        self._saved_at = 0

    async def serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        listener = await asyncio.start_server(self._connected, sock=listening, limit=MAX_HEAD)
        chores = asyncio.create_task(self._keep_house())
        await stop.wait()
        listener.close()
        ending = [chores, *self._connections]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports close their sockets
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

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio runs this callback in a task)
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other until either side has had enough."""
        while True:
            try:
                request = await read_request(reader)
            except BadRequestError:
                writer.write(encoded(Reply(400, b"", "text/plain", {"Connection": "close"})))
                return
            if request is None:
                return
            delivery = await self._answer(request)
            if not await _deliver(writer, delivery) or wants_close(request):
                return

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


async def _deliver(writer: asyncio.StreamWriter, delivery: Delivery) -> bool:
    """Send the reply as intended and say whether the connection can go on."""
    if delivery.reply is None:
        reset(writer)
        return False
    data = encoded(delivery.reply)
    if delivery.cut is not None:
        writer.write(data[: len(data) - len(delivery.reply.body) + delivery.cut])
        return False
    writer.write(data)
    await writer.drain()
    return True
