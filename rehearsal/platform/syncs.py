"""The sync worker: one run at a time, at once when it is told to, and deaf while it runs."""

import asyncio
import json
import threading
from dataclasses import asdict, dataclass

import psycopg

from rehearsal.platform.database import Database, Row
from rehearsal.platform.sync import Sync
from rehearsal.stand_in.messages import Json

CHANNEL = "sync_trigger"
RECONNECT_S = 0.2


@dataclass(slots=True)
class Heard:
    """Notifications: each began a run, came while one ran, was no JSON object, or met a stopped worker."""

    followed: int = 0
    dropped: int = 0
    refused: int = 0
    missed: int = 0


class Syncs:
    """Begin runs, each on a thread of its own. May be used from any thread."""

    def __init__(self, sync: Sync) -> None:
        self.heard = Heard()
        self.last: Row | None = None
        self.failure = ""  # why the last run came to no end at all
        self.finished = 0
        self._sync = sync
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        return self._thread is not None

    def begin(self) -> int | None:
        """Begin a run and return how many had finished before; None if one goes on."""
        with self._lock:
            if self._thread is not None:
                return None
            self._thread = threading.Thread(target=self._run, name="polaris-sync", daemon=True)
            self._thread.start()
            return self.finished

    def join(self) -> None:
        """Wait for the run that goes on, if one does."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def told(self, payload: str) -> None:
        """Follow a notification."""
        if not _is_object(payload):
            self.heard.refused += 1
        elif self.begin() is not None:
            self.heard.followed += 1
        else:
            self.heard.dropped += 1

    def _run(self) -> None:
        try:
            self.last, self.failure = self._sync.run(), ""
        except psycopg.Error as error:
            self.failure = type(error).__name__
        finally:
            with self._lock:  # who sees that it finished can begin the next
                self._thread = None
                self.finished += 1


def _is_object(payload: str) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except ValueError:
        return False


@dataclass(slots=True)
class Worker:
    """Listens for notifications, and runs by itself every so often (0: never)."""

    syncs: Syncs
    database: Database
    every_s: float = 0
    on: bool = True

    async def listen(self, ready: threading.Event) -> None:
        """Follow notifications until cancelled; come back when the database does."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self.database.url, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    ready.set()
                    async for notification in connection.notifies():
                        self._told(notification.payload)
            except psycopg.OperationalError:
                await asyncio.sleep(RECONNECT_S)

    def _told(self, payload: str) -> None:
        if self.on:
            self.syncs.told(payload)
        else:
            self.syncs.heard.missed += 1

    async def run_by_itself(self) -> None:
        while self.every_s:
            await asyncio.sleep(self.every_s)
            if self.on:
                self.syncs.begin()


def shown(syncs: Syncs) -> Json:
    return {
        "running": syncs.running,
        "finished": syncs.finished,
        "failure": syncs.failure,
        "last": _plain(syncs.last),
        "notifications": asdict(syncs.heard),
    }


def _plain(run: Row | None) -> Json | None:
    if run is None:
        return None
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in run.items()}
