"""The sandbox as an object: a server on a thread of its own, and a handle to steer it from Python."""

import asyncio
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from rehearsal.lago.api import Lago
from rehearsal.lago.behaviour import Compat
from rehearsal.lago.control import control
from rehearsal.lago.exchange import Exchange
from rehearsal.lago.seeds import DEFAULT_PLANS, PlanSpec, parse_plan, put_plans
from rehearsal.lago.server import Server
from rehearsal.lago.state_file import load
from rehearsal.stand_in.faults import parse_fault
from rehearsal.stand_in.messages import Json

SANDBOX_KEY = "5a4db0c5-0000-4000-8000-000000000001"  # well known: it opens nothing but a sandbox
STEER_S = 120.0


@dataclass(frozen=True, slots=True)
class _Running:
    thread: threading.Thread
    loop: asyncio.AbstractEventLoop
    stop: asyncio.Event


class Sandbox:
    """A Lago of one's own: `with Sandbox() as sandbox: … sandbox.url, sandbox.key`.

    `plans` and `faults` are as on the command line; `port` 0 takes a free one; `rate_limit` is in calls per
    second, 0 is none. The state in `state_file` is gone on with; `plans` are then added to it.
    The methods may be called from any thread while it runs.
    """

    def __init__(
        self,
        plans: Sequence[str | PlanSpec] = (),
        *,
        key: str = SANDBOX_KEY,
        latency_ms: float = 0,
        compat: str = Compat.RELEASED,
        host: str = "127.0.0.1",
        port: int = 0,
        faults: Sequence[str] = (),
        rate_limit: int = 0,
        state_file: Path | None = None,
    ) -> None:
        """Raise ValueError if an argument, or the state in `state_file`, makes no sense."""
        if latency_ms < 0 or rate_limit < 0:
            raise ValueError("Neither a latency nor a rate limit can be below 0.")
        self.key = key
        self.host = host
        self.port = port
        self._state_file = state_file
        specs = [parse_plan(one) if isinstance(one, str) else one for one in plans]
        lago = Lago(Compat(compat), key, specs or [parse_plan(one) for one in DEFAULT_PLANS])
        if state_file and state_file.exists():
            load(lago.world, state_file)
            put_plans(lago.world, specs)
        else:
            lago.begin()
        self._exchange = Exchange(lago, latency_ms / 1000, rate_limit)
        self._exchange.faults.all = [parse_fault(text) for text in faults]
        self._running: _Running | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base without /api/v1, as LAGO_API_URL wants it."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen from now on; raise OSError if the port cannot be had."""
        listening = socket.create_server((self.host, self.port), backlog=512)
        self.port = listening.getsockname()[1]
        loop, stop = asyncio.new_event_loop(), asyncio.Event()
        server = Server(self._exchange, self._state_file)

        def run() -> None:
            with asyncio.Runner(loop_factory=lambda: loop) as runner:
                runner.run(server.serve(listening, stop))

        thread = threading.Thread(target=run, name="lago-sandbox", daemon=True)
        self._running = _Running(thread, loop, stop)
        thread.start()

    def stop(self) -> None:
        """Drop the connections, save the state if there is a file for it, end the thread; safe to repeat."""
        if self._running:
            self._running.loop.call_soon_threadsafe(self._running.stop.set)
            self._running.thread.join()
            self._running = None

    def steer(self, method: str, name: str, **body: Any) -> Json:
        """Use a control of `rehearsal.lago.control` without HTTP: `steer("POST", "clock", advance_s=60)`."""
        if self._running is None:
            raise RuntimeError("the sandbox is not running")
        answer = control(self._exchange, method, name, body)
        return asyncio.run_coroutine_threadsafe(answer, self._running.loop).result(STEER_S)

    def state(self, *, live: bool = False, volatile: bool = False) -> Json:
        """Give all rows, sorted and comparable between equal histories.

        `live` leaves out deleted customers and ended subscriptions, which Lago keeps as history;
        `volatile` adds the ids and times that Lago itself gives.
        """
        return self.steer("GET", "state", live=live, volatile=volatile)

    def journal(self) -> Json:
        """Give the invoices and credit notes, each with `why`, oldest first."""
        return self.steer("GET", "journal")

    def requests(self) -> Json:
        """Give `total`, `most_in_flight`, `counts` ("POST /customers": 3) and the `requests` themselves."""
        return self.steer("GET", "requests")

    def counts(self) -> dict[str, int]:
        counted: dict[str, int] = self.requests()["counts"]
        return counted

    def reset_requests(self) -> None:
        self.steer("POST", "requests/reset")

    def reset(self) -> None:
        """Begin again: no customers, subscriptions, invoices, faults, logged requests; real time."""
        self.steer("POST", "reset")

    def fault(self, spec: str) -> None:
        """Add a fault, e.g. `reset_after,method=POST,path=/customers$,nth=3`."""
        self.steer("POST", "faults", spec=spec)

    def clear_faults(self) -> None:
        """Forget all faults and let held calls go."""
        self.steer("POST", "faults/clear")

    def wait_held(self, timeout_s: float = 60.0) -> list[int]:
        """Wait until a `pause_…` fault holds a call; give the numbers of the held calls, none on time-out."""
        held: list[int] = self.steer("GET", "held", timeout_s=timeout_s)["held"]
        return held

    def release(self) -> None:
        """Let the held calls go on."""
        self.steer("POST", "release")

    def set_clock(self, at: str, *, frozen: bool = False) -> None:
        """Set the sandbox's time (ISO 8601); what is due then happens."""
        self.steer("POST", "clock", at=at, frozen=frozen)

    def advance_clock(self, seconds: float) -> None:
        self.steer("POST", "clock", advance_s=seconds)

    def hold_jobs(self) -> None:
        """Keep background jobs (after DELETE of a customer or plan) waiting from now on."""
        self.steer("POST", "jobs/hold")

    def run_jobs(self) -> int:
        """Run the waiting jobs once; later ones still wait."""
        ran: int = self.steer("POST", "jobs/run")["ran"]
        return ran

    def put_plans(self, *plans: str | Json) -> None:
        """Add or change plans, as text of the command line or as fields of PlanSpec."""
        self.steer("POST", "plans", plans=list(plans))

    def put_metrics(self, *metrics: Json) -> None:
        """Replace the billable metrics; none leaves the plans without a charge."""
        self.steer("POST", "metrics", metrics=list(metrics))

    def set_organization(self, **settings: Any) -> None:
        """Change settings: `version="v1.31.0"`, `billing_entity_timezone="Europe/Berlin"`, permissions…"""
        self.steer("POST", "organization", **settings)
