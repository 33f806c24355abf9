"""Kept-alive HTTP connections on one asyncio loop: a coroutine each, no locks."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from rehearsal.stand_in.messages import Delivery, Reply, Request
from rehearsal.stand_in.wire import BadRequestError, encoded, read_request, reset, wants_close

SETTLING = 5  # turns of the loop that a connection takes from being accepted to being served, and to spare


class Connections:
    """Serve every client until either side has had enough; `drop` ends what is still open."""

    def __init__(self, answer: Callable[[Request], Awaitable[Delivery]]) -> None:
        self._answer = answer
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client; this is what `asyncio.start_server` calls."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  (asyncio runs this callback in a task)
        if self._closed:  # it came in while the others were dropped
            writer.close()
            return
        self._tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def drop(self) -> None:
        """End what is open, and whatever still comes in."""
        self._closed = True
        ending = list(self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await self.settle()  # the last ones come in, and the transports close their sockets

    async def settle(self) -> None:
        """Let the loop turn until whoever was accepted is served."""
        for _ in range(SETTLING):
            await asyncio.sleep(0)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other."""
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


async def _deliver(writer: asyncio.StreamWriter, delivery: Delivery) -> bool:
    """Send the reply as intended and return whether the connection can go on."""
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
