"""A stand-in as an object: a server on a thread of its own, and a handle to steer it from Python."""

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from rehearsal.stand_in.connections import Connections
from rehearsal.stand_in.exchange import Exchange
from rehearsal.stand_in.messages import Delivery, Json, Request
from rehearsal.stand_in.steering import PREFIX, Controls, Steering
from rehearsal.stand_in.wire import MAX_HEAD

STEER_S = 120.0
BACKLOG = 512


@dataclass(frozen=True, slots=True)
class _Running:
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class StandIn(ABC):
    """A system of one's own: `with …Sandbox() as sandbox: … sandbox.url`. Port 0 takes a free one.

    The methods may be called from any thread while it runs.
    """

    name: ClassVar[str]  # of the system, as people write it

    def __init__(
        self,
        exchange: Exchange,
        controls: Controls,
        *,
        host: str,
        port: int,
        lock: AbstractContextManager[object] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._exchange = exchange
        self._steering = Steering(exchange, controls, lock or nullcontext())
        self._running: _Running | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address that the product is configured with."""

    @abstractmethod
    def variables(self) -> Mapping[str, str]:
        """Return the product's environment variables that lead to this stand-in."""

    def listen(self) -> socket.socket:
        """Open the socket of the API; raise OSError or OverflowError if the port cannot be had."""
        listening = socket.create_server((self.host, self.port), backlog=BACKLOG)
        self.port = listening.getsockname()[1]
        return listening

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Run what a stand-in does besides answering requests, on the same loop and for as long."""
        yield

    # --- Start and stop ----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def control_url(self) -> str:
        return f"http://{self.host}:{self.port}{PREFIX}".rstrip("/")

    def start(self) -> None:
        """Listen from now on; raise OSError or OverflowError if the port cannot be had."""
        listening = self.listen()
        loop, stop = asyncio.new_event_loop(), asyncio.Event()

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(self._serve(listening, stop))

        thread = threading.Thread(target=run, name=f"{self.name.lower()}-sandbox", daemon=True)
        self._running = _Running(thread, loop, stop)
        thread.start()

    def stop(self) -> None:
        """Drop the connections, end what goes on beside them and the thread; safe to repeat."""
        if self._running:
            self._running.loop.call_soon_threadsafe(self._running.stop.set)
            self._running.thread.join()
            self._running = None

    async def _serve(self, listening: socket.socket, stop: asyncio.Event) -> None:
        connections = Connections(self._answer)
        async with self.beside():
            listener = await asyncio.start_server(connections.connected, sock=listening, limit=MAX_HEAD)
            await stop.wait()
            asyncio.get_running_loop().remove_reader(listening)
            await connections.settle()  # asyncio would forget, open, whom it accepted just before a close
            listener.close()
            await connections.drop()

    async def _answer(self, request: Request) -> Delivery:
        if request.path.startswith(PREFIX):
            return Delivery(await self._steering.answer(request))
        return await self._exchange.answer(request)

    # --- Steering ----------------------------------------------------------------------------------

    def steer(self, method: str, name: str, /, **body: Any) -> Json:
        """Use a control without HTTP: `steer("POST", "requests/reset")`."""
        if self._running is None:
            raise RuntimeError("the sandbox is not running")
        answer = self._steering.control(method, name, body)
        return asyncio.run_coroutine_threadsafe(answer, self._running.loop).result(STEER_S)

    def requests(self) -> Json:
        """Return `total`, `most_in_flight`, `counts` ("POST /customers": 3) and the `requests` themselves."""
        return self.steer("GET", "requests")

    def counts(self) -> dict[str, int]:
        counted: dict[str, int] = self.requests()["counts"]
        return counted

    def reset_requests(self) -> None:
        self.steer("POST", "requests/reset")

    def fault(self, spec: str) -> None:
        """Add a fault, e.g. `reset_after,method=POST,path=/customers$,nth=3`."""
        self.steer("POST", "faults", spec=spec)

    def clear_faults(self) -> None:
        """Forget all faults and let held calls go."""
        self.steer("POST", "faults/clear")

    def wait_held(self, timeout_s: float = 60.0) -> list[int]:
        """Wait until a `pause_…` fault holds a call; return the numbers of the held calls, [] on time-out."""
        held: list[int] = self.steer("GET", "held", timeout_s=timeout_s)["held"]
        return held

    def release(self) -> None:
        """Let the held calls go on."""
        self.steer("POST", "release")
