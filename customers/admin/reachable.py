"""Whether Lago, SteVe and a worker answer; asked while somebody waits for a page, so shortly, and once."""

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from customers.backfill.systems import steve_client
from customers.workers import worker_is_alive, worker_seen_at
from polaris_backfill.kernel import RemoteError

TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class System:
    """`told` says what it is, or why it cannot be reached; `url` leads to its own pages."""

    name: str
    is_well: bool
    told: str = ""
    url: str = ""
    seen_at: datetime | None = None


def systems() -> list[System]:
    """Ask each once; nothing here takes the page down."""
    return [system for system in (_lago(), _steve(), _worker()) if system]


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


def _steve() -> System | None:
    try:
        steve = steve_client(timeout_s=TIMEOUT_S, tries=1)
        if steve is None:
            return None
        with closing(steve):
            steve.preflight()
            return System("SteVe", True, steve.url)
    except (RemoteError, ImproperlyConfigured) as error:
        return System("SteVe", False, str(error))


def _worker() -> System:
    seen_at = worker_seen_at()
    if worker_is_alive():
        return System("Worker", True, seen_at=seen_at)
    told = "last seen" if seen_at else "never seen; start one: python manage.py qcluster"
    return System("Worker", False, told, seen_at=seen_at)
