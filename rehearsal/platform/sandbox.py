"""The platform's stand-in as an object, with a method for each of its controls."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from rehearsal.platform import schema as tables
from rehearsal.platform.control import Platform, controls
from rehearsal.platform.database import Database
from rehearsal.platform.exchange import PlatformExchange
from rehearsal.platform.gate import Gate
from rehearsal.platform.pages import WEBHOOK, Site
from rehearsal.platform.sign_in import Library, SignIn
from rehearsal.platform.signature import Signatures
from rehearsal.platform.surroundings import Surroundings
from rehearsal.platform.sync import Sync
from rehearsal.platform.syncs import Syncs, Worker
from rehearsal.platform.webhooks import Webhooks
from rehearsal.stand_in.messages import Json
from rehearsal.stand_in.stand_in import StandIn

START_S = 30.0
POLL_S = 0.005


class PlatformSandbox(StandIn):
    """A Polaris Express of one's own, beside a Lago and a SteVe: `with PlatformSandbox(…) as platform: …`.

    Its tables are made in the database unless they are there; `holes` leaves out what an upgraded database
    lacks. It syncs when it is told to, by notification or by `sync()`, and by itself every `every_s` seconds.
    """

    name = "Polaris"

    def __init__(
        self,
        *,
        database_url: str,
        lago_url: str,
        lago_key: str,
        steve_url: str,
        steve_username: str,
        steve_key: str,
        schema: str = "public",
        holes: Collection[str] = (),
        metric_code: str = "ev_charging_kwh",
        look_back_minutes: int = 1440,
        library: str = Library.V1_6,
        retry_pause_s: float = 0,
        every_s: float = 0,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Raise ValueError for an argument that makes no sense, psycopg.Error if there is no database."""
        self.database_url = database_url
        self.database = Database(database_url, schema)
        if not tables.exists(database_url, schema=schema):
            tables.create(database_url, schema=schema, holes=holes)
        around = Surroundings(
            self.database,
            lago_url,
            lago_key,
            steve_url,
            steve_username,
            steve_key,
            metric_code,
            timedelta(minutes=look_back_minutes),
            retry_pause_s,
        )
        self._gate, self._ready = Gate(), threading.Event()
        self._syncs = Syncs(Sync(around, self._gate))
        self._worker = Worker(self._syncs, self.database, every_s)
        site = Site(
            Webhooks(around, self._gate),
            Signatures(lambda: _public_key(around)),
            SignIn(self.database, Library(library)),
        )
        exchange = PlatformExchange(site)
        own = controls(Platform(around, self._gate, self._syncs, self._worker, exchange))
        super().__init__(exchange, own, host=host, port=port)

    @property
    def url(self) -> str:
        """The address that customers know, where they sign in."""
        return f"http://{self.host}:{self.port}"

    @property
    def webhook_url(self) -> str:
        """Where Lago is to send its webhooks, signed with `jwt`."""
        return f"{self.url}{WEBHOOK}"

    def variables(self) -> Mapping[str, str]:
        return {"POLARIS_DATABASE_URL": self.database_url, "POLARIS_CUSTOMER_URL": self.url}

    def start(self) -> None:
        """Listen, for requests and for notifications, before anybody can send one."""
        super().start()
        self._ready.wait(START_S)

    def stop(self) -> None:
        """Let go of what is held, and wait for a run that goes on; safe to repeat."""
        self._gate.go_on()
        super().stop()
        self._syncs.join()

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[None]:
        """Let the sync worker work meanwhile."""
        work = [
            asyncio.create_task(self._worker.listen(self._ready)),
            asyncio.create_task(self._worker.run_by_itself()),
        ]
        try:
            yield
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    # --- Steering ----------------------------------------------------------------------------------

    def state(self) -> Json:
        """Return runs, logs, webhooks, notifications and requests."""
        return self.steer("GET", "state")

    def sync(self, timeout_s: float = 120) -> Json:
        """Run a sync, after one that goes on; return its row of `sync_runs`, or raise RuntimeError."""
        deadline = time.monotonic() + timeout_s
        while (before := self._begun()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("the sync before came to no end")
            time.sleep(POLL_S)
        return self.wait_synced(before + 1, timeout_s)

    def begin_sync(self) -> int:
        """Begin a sync and return how many had finished before; raise RuntimeError if one goes on."""
        before = self._begun()
        if before is None:
            raise RuntimeError("a sync goes on")
        return before

    def _begun(self) -> int | None:
        before: int | None = self.steer("POST", "sync")["finished"]
        return before

    def finished(self) -> int:
        """Return how many runs came to an end."""
        number: int = self.steer("GET", "sync")["finished"]
        return number

    def wait_synced(self, finished: int, timeout_s: float = 120) -> Json:
        """Wait until so many runs have finished, and return the last one's row."""
        shown = self._wait(lambda shown: shown["finished"] >= finished, timeout_s)
        if shown["failure"]:
            raise RuntimeError(shown["failure"])
        last: Json = shown["last"]
        return last

    def hold(self, point: str) -> None:
        """Hold whatever comes to the point: sync.lago, sync.tags, sync.usage, sync.end, meta."""
        self.steer("POST", "hold", at=point)

    def slow(self, point: str, seconds: float) -> None:
        self.steer("POST", "slow", at=point, seconds=seconds)

    def wait_at(self, point: str, number: int = 1, timeout_s: float = 60) -> None:
        """Wait until so many are held at the point."""
        self._wait(lambda shown: shown["held"].count(point) >= number, timeout_s)

    def let_one(self, point: str) -> None:
        """Let go of what has waited longest at the point."""
        self.steer("POST", "let-one", at=point)

    def go_on(self) -> None:
        """Let go of everything, and hold nothing any more."""
        self.steer("POST", "go-on")

    def stop_worker(self) -> None:
        """Stop the sync worker: notifications are lost until it is started again."""
        self.steer("POST", "worker", on=False)

    def start_worker(self) -> None:
        self.steer("POST", "worker", on=True)

    def purge(self) -> int:
        purged: int = self.steer("POST", "purge")["purged"]
        return purged

    def make_metas(self) -> int:
        """Run the platform's script that makes METAs and puts cards under them."""
        customers: int = self.steer("POST", "metas")["customers"]
        return customers

    def use_library(self, version: str) -> None:
        """Choose the version of the sign-in library, 1.6 or 1.7."""
        self.steer("POST", "library", version=version)

    def _wait(self, is_so: Callable[[Json], bool], timeout_s: float) -> Json:
        deadline = time.monotonic() + timeout_s
        while not is_so(shown := self.steer("GET", "sync")):
            if time.monotonic() > deadline:
                raise TimeoutError("the platform did not come to that point")
            time.sleep(POLL_S)
        return shown


def _public_key(around: Surroundings) -> bytes:
    with around.lago() as lago:
        return lago.public_key()
