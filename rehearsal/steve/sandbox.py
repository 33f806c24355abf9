"""The stand-in as an object: its servers on a thread of their own, and a handle to steer them from Python."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from rehearsal.stand_in.messages import Json
from rehearsal.steve.control import Steve, control
from rehearsal.steve.exchange import Exchange
from rehearsal.steve.server import OCPP_PATH, Server
from rehearsal.steve.usage import Usage
from rehearsal.steve.world import World

SANDBOX_USERNAME = "sandbox"
SANDBOX_KEY = "steve-sandbox-key"  # well known: it opens nothing but a sandbox
STEER_S = 60.0


@dataclass(frozen=True, slots=True)
class _Running:
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class SteveSandbox:
    """A SteVe of one's own: `with SteveSandbox(charge_boxes=["TEST-1"]) as steve: … steve.url, steve.key`.

    With `lago_url` and `lago_key` it sends usage of the idTags in `mapping` (idTag → external_id of the
    subscription, by exact spelling), or of those that `subscription_of` knows. Port 0 takes a free one. Any
    thread may steer it.
    """

    def __init__(
        self,
        *,
        lago_url: str = "",
        lago_key: str = "",
        metric_code: str = "ev_charging_kwh",
        charge_boxes: Iterable[str] = (),
        mapping: Mapping[str, str] | None = None,
        subscription_of: Callable[[str], str | None] | None = None,
        username: str = SANDBOX_USERNAME,
        key: str = SANDBOX_KEY,
        host: str = "127.0.0.1",
        port: int = 0,
        ocpp_port: int = 0,
    ) -> None:
        self.username, self.key = username, key
        self.world = World()
        self.host, self.port, self.ocpp_port = host, port, ocpp_port
        rules = dict(mapping or {})
        usage = Usage(lago_url.rstrip("/"), lago_key, metric_code, subscription_of or rules.get)
        self._steve = Steve(self.world, Exchange(self.world, username, key), usage, rules)
        self._running: _Running | None = None
        for charge_box_id in charge_boxes:
            self.world.add_charge_box(charge_box_id)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base, as STEVE_BASE_URL wants it."""
        return f"http://{self.host}:{self.port}/steve"

    @property
    def control_url(self) -> str:
        return f"http://{self.host}:{self.port}/sandbox"

    @property
    def ocpp_url(self) -> str:
        """The websocket without charge box, as STEVE_OCPP_URL wants it."""
        return f"ws://{self.host}:{self.ocpp_port}{OCPP_PATH}"

    def start(self) -> None:
        """Listen from now on; raise OSError if a port cannot be had."""
        rest, ocpp = self._listen()
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        server = Server(self._steve)

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(server.serve(rest, ocpp, stop))

        thread = threading.Thread(target=run, name="steve-sandbox", daemon=True)
        self._running = _Running(thread, loop, stop)
        thread.start()

    def _listen(self) -> tuple[socket.socket, socket.socket]:
        rest = socket.create_server((self.host, self.port))
        try:
            ocpp = socket.create_server((self.host, self.ocpp_port))
        except (OSError, OverflowError):
            rest.close()
            raise
        self.port, self.ocpp_port = rest.getsockname()[1], ocpp.getsockname()[1]
        return rest, ocpp

    def stop(self) -> None:
        """Drop all connections and end the thread; safe to repeat."""
        if self._running:
            self._running.loop.call_soon_threadsafe(self._running.stop.set)
            self._running.thread.join()
            self._running = None

    def steer(self, method: str, name: str, /, **body: Any) -> Json:
        """Do what the module `control` does below /sandbox: `steer("POST", "key", refuse=True)`."""
        if self._running is None:
            raise RuntimeError("the sandbox is not running")
        answer = control(self._steve, method, name, body)
        return asyncio.run_coroutine_threadsafe(answer, self._running.loop).result(STEER_S)

    def state(self) -> Json:
        """Give charge_boxes, id_tags, transactions, events, skipped, mapping, requests, held."""
        return self.steer("GET", "state")

    def map(self, id_tag: str, external_subscription_id: str) -> None:
        """Bill an idTag, in exactly this spelling, to a subscription."""
        self.steer("POST", "mapping", **{id_tag: external_subscription_id})

    def fault(self, spec: str) -> None:
        """Add a fault, e.g. `reset_after,method=POST,path=.*ocppTags,times=forever`."""
        self.steer("POST", "faults", spec=spec)

    def wait_held(self, timeout_s: float = 10.0) -> list[int]:
        """Wait until a `pause_…` fault holds a call; give the numbers of the held calls, none on time-out."""
        held: list[int] = self.steer("GET", "held", timeout_s=timeout_s)["held"]
        return held

    def release(self) -> None:
        """Let the held calls go on."""
        self.steer("POST", "release")
