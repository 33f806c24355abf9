"""Whether Lago, SteVe, the queue and a worker answer; asked while somebody looks, so shortly, and once."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from customers import queueing
from customers.backfill.beside import is_beside_platform
from customers.backfill.systems import steve_client
from customers.models import WorkerBeat
from kernel import RemoteError
from polaris import PlatformDatabase

TIMEOUT_S = 2.0
QUEUE_AWAY = "Q_BROKER_URL does not answer: what is asked for waits, and begins when it is back"


@dataclass(frozen=True, slots=True)
class System:
    """`told` says what it is, or why it cannot be reached; `url` leads to its own pages.

    `is_well` is None while nobody has looked: each of those is asked for by itself, as any may hang.
    """

    name: str
    is_well: bool | None
    told: str = ""
    url: str = ""
    seen_at: datetime | None = None
    key: str = ""


def systems(*, look: bool) -> list[System]:
    """Return those that are configured, looked up or not, and the worker, of which the database knows."""
    found = [_ASK[system.key]() if look else system for system in _configured()]
    return [*found, _worker()]


def look_up(key: str) -> System | None:
    """Ask one of them, once; nothing here takes the page down. None if it is not configured."""
    return next((_ASK[system.key]() for system in _configured() if system.key == key), None)


def _configured() -> list[System]:
    names = {"lago": "Lago"}
    if settings.STEVE_BASE_URL or settings.STEVE_API_USERNAME or settings.STEVE_API_KEY:
        names["steve"] = "SteVe"
    if is_beside_platform():
        names["polaris"] = "Polaris"
    if settings.Q_BROKER_URL:
        names["queue"] = "Queue"
    return [System(name, None, key=key) for key, name in names.items()]


def _lago() -> System:
    if not settings.LAGO_API_KEY:
        return System("Lago", False, "LAGO_API_KEY is not set")
    try:
        with LagoClient(
            settings.LAGO_API_URL, settings.LAGO_API_KEY, rate_per_s=0, timeout_s=TIMEOUT_S, tries=1
        ) as lago:
            organization = lago.organization(tries=1)
    except (RemoteError, ValueError) as error:  # the latter of a key or an address that cannot be sent
        return System("Lago", False, str(error), settings.LAGO_DASHBOARD_URL)
    return System("Lago", True, organization.name, settings.LAGO_DASHBOARD_URL)


def _steve() -> System:
    try:
        steve = steve_client(timeout_s=TIMEOUT_S, tries=1)
        if steve is None:
            return System("SteVe", False, "it is not configured")
        with closing(steve):
            steve.preflight()
            return System("SteVe", True, steve.url)
    except (RemoteError, ImproperlyConfigured) as error:
        return System("SteVe", False, str(error))


def _platform() -> System:
    with PlatformDatabase.for_a_look(settings.POLARIS_DATABASE_URL, TIMEOUT_S) as platform:
        try:
            platform.preflight()
            ((customers,),) = platform.read("SELECT count(*) FROM users WHERE role = 'customer'")
        except RemoteError as error:
            return System("Polaris", False, str(error))
        return System("Polaris", True, f"{platform.place}, customers: {customers:,}")


def _queue() -> System:
    is_there = queueing.answers()
    return System("Queue", is_there, "" if is_there else QUEUE_AWAY)


def _worker() -> System:
    seen_at = WorkerBeat.last()
    if WorkerBeat.is_fresh():
        return System("Worker", True, seen_at=seen_at)
    told = "last seen" if seen_at else "never seen; start one: python manage.py qcluster"
    return System("Worker", False, told, seen_at=seen_at)


_ASK = {"lago": _lago, "steve": _steve, "polaris": _platform, "queue": _queue}
