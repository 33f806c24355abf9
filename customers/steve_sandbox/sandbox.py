"""The stand-in as an object: its servers on a thread of their own, and a handle to steer them from Python."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Self

from billing.sandbox.values import Json
from customers.steve_sandbox.control import Steve, control
from customers.steve_sandbox.exchange import Exchange
from customers.steve_sandbox.server import OCPP_PATH, Server
from customers.steve_sandbox.usage import Usage
from customers.steve_sandbox.world import World

SANDBOX_USERNAME = "sandbox"
SANDBOX_KEY = "steve-sandbox-key"  # well known: it opens nothing but a sandbox
START_S = 10.0


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
        self._host, self._ports = host, (port, ocpp_port)
        rules = dict(mapping or {})
        usage = Usage(lago_url.rstrip("/"), lago_key, metric_code, subscription_of or rules.get)
        self._steve = Steve(self.world, Exchange(self.world, username, key), usage, rules)
        self._server = Server(self._steve)
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] | None = None
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
        return f"http://{self._host}:{self._server.port}/steve"

    @property
    def control_url(self) -> str:
        return f"http://{self._host}:{self._server.port}/sandbox"

    @property
    def ocpp_url(self) -> str:
        """The websocket without charge box, as STEVE_OCPP_URL wants it."""
        return f"ws://{self._host}:{self._server.ocpp_port}{OCPP_PATH}"

    def start(self) -> None:
        """Listen; raise OSError if a port is taken."""
        ready: Future[Callable[[], object]] = Future()
        self._thread = threading.Thread(target=self._run, args=(ready,), name="steve-sandbox", daemon=True)
        self._thread.start()
        self._stop = ready.result(START_S)

    def stop(self) -> None:
        """Close everything and end the thread; safe to repeat."""
        if self._stop and self._thread:
            self._stop()
            self._thread.join()
        self._stop = None

    def control(self, method: str, name: str, **body: Any) -> Json:
        """Do what the control interface does below /sandbox."""
        return control(self._steve, method, name, body)

    def state(self) -> Json:
        return self.control("GET", "state")

    def map(self, id_tag: str, external_subscription_id: str) -> None:
        """Bill an idTag, in exactly this spelling, to a subscription."""
        self.control("POST", "mapping", **{id_tag: external_subscription_id})

    def _run(self, ready: "Future[Callable[[], object]]") -> None:
        try:
            asyncio.run(self._serve(ready))
        except OSError as error:
            ready.set_exception(error)

    async def _serve(self, ready: "Future[Callable[[], object]]") -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def listening() -> None:
            ready.set_result(partial(loop.call_soon_threadsafe, stop.set))

        await self._server.run(self._host, *self._ports, listening, stop)
