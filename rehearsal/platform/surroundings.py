"""What one platform is connected to and how it is set up."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rehearsal.platform.database import Database
from rehearsal.platform.lago import LagoApi
from rehearsal.platform.steve import SteveApi


@dataclass(frozen=True, slots=True)
class Surroundings:
    database: Database
    lago_url: str
    lago_key: str
    steve_url: str
    steve_username: str
    steve_key: str
    metric_code: str = "ev_charging_kwh"
    look_back: timedelta = timedelta(hours=24)
    retry_pause_s: float = 0

    @contextmanager
    def lago(self) -> Iterator[LagoApi]:
        with closing(LagoApi(self.lago_url, self.lago_key, self.retry_pause_s)) as api:
            yield api

    @contextmanager
    def steve(self) -> Iterator[SteveApi]:
        with closing(
            SteveApi(self.steve_url, self.steve_username, self.steve_key, self.retry_pause_s)
        ) as api:
            yield api
