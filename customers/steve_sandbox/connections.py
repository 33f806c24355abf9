"""Kept-alive HTTP connections on one asyncio loop: a coroutine each, no locks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from billing.sandbox import wire
from billing.sandbox.values import Reply, Request

Answer = Callable[[Request], Awaitable[Reply | None]]  # None: lose the connection


class Connections:
    """Converse with every client until either side has had enough; `drop` ends all that are open."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()

    async def drop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # lets the transports close their sockets

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; to be given to `asyncio.start_server`."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio runs this callback in a task)
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                request = await wire.read_request(reader)
            except wire.BadRequestError:
                writer.write(wire.encoded(Reply(400, b"", "text/plain", {"Connection": "close"})))
                return
            if request is None:
                return
            reply = await self._answer(request)
            if reply is None:
                wire.reset(writer)
                return
            writer.write(wire.encoded(reply))
            await writer.drain()
            if wire.wants_close(request):
                return
