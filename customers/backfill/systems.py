"""The systems that a run talks to, connected and proven to answer."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from billing.preflight import Target, preflight
from billing.steps import LagoCustomerStep, LagoSubscriptionStep
from customers.backfill.options import Refused
from customers.steve import SteveClient, SteveIdTagStep
from polaris_backfill.kernel import RemoteError, RemoteStep


@dataclass(frozen=True, slots=True)
class Systems:
    lago: LagoClient
    target: Target
    steve: SteveClient | None
    steps: Sequence[RemoteStep]  # in the order in which they are made

    @property
    def timezone(self) -> ZoneInfo:
        """In which a start_date is a calendar day."""
        return ZoneInfo(settings.BACKFILL_TIMEZONE or self.target.timezone)

    @property
    def steve_url(self) -> str:
        return self.steve.url if self.steve else ""


@contextmanager
def connect(
    *, rate: float | None = None, concurrency: int | None = None, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Systems]:
    """Reach Lago, and SteVe where it is configured; raise Refused if either does not answer as it should."""
    with _lago(rate, concurrency, sleep) as lago, _steve(concurrency, sleep) as steve:
        try:
            target = preflight(lago)
            if steve:
                steve.preflight()
        except RemoteError as error:
            raise Refused(str(error)) from error
        yield Systems(lago, target, steve, _steps(lago, target, steve))


def _lago(rate: float | None, concurrency: int | None, sleep: Callable[[float], None]) -> LagoClient:
    if not settings.LAGO_API_KEY:
        raise ImproperlyConfigured("LAGO_API_KEY is not set: the API key of your Lago organization.")
    try:
        return _client(rate, concurrency, sleep)
    except ValueError as error:  # a key or an address that cannot be sent; the message names the variable
        raise ImproperlyConfigured(str(error)) from error


def _client(rate: float | None, concurrency: int | None, sleep: Callable[[float], None]) -> LagoClient:
    return LagoClient(
        settings.LAGO_API_URL,
        settings.LAGO_API_KEY,
        rate_per_s=settings.BACKFILL_LAGO_RATE if rate is None else rate,
        pool_size=concurrency or settings.BACKFILL_CONCURRENCY,
        timeout_s=settings.LAGO_TIMEOUT_S,
        sleep=sleep,
    )


@contextmanager
def _steve(concurrency: int | None, sleep: Callable[[float], None]) -> Iterator[SteveClient | None]:
    steve = steve_client(pool_size=concurrency or settings.BACKFILL_CONCURRENCY, sleep=sleep)
    try:
        yield steve
    finally:
        if steve:
            steve.close()


def steve_client(**how: Any) -> SteveClient | None:
    """Make the client that the settings describe; None without SteVe. Raises ImproperlyConfigured."""
    names = ("STEVE_BASE_URL", "STEVE_API_USERNAME", "STEVE_API_KEY")
    given = [name for name in names if getattr(settings, name)]
    if not given:
        return None
    for name in names:
        if name not in given:
            raise ImproperlyConfigured(f"{name} is not set, although {given[0]} is.")
    try:
        return SteveClient(*(getattr(settings, name) for name in names), **how)
    except ValueError as error:  # the message names the variable
        raise ImproperlyConfigured(str(error)) from error


def _steps(lago: LagoClient, target: Target, steve: SteveClient | None) -> list[RemoteStep]:
    in_lago: list[RemoteStep] = [LagoCustomerStep(lago, target.plans), LagoSubscriptionStep(lago)]
    return [SteveIdTagStep(steve), *in_lago] if steve else in_lago
