"""The systems that a run talks to, connected and proven to answer."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from billing.preflight import Target, preflight
from billing.steps import LagoCustomerStep, LagoSubscriptionStep
from charging import SteveClient, SteveError, SteveIdTagStep
from customers.backfill.engine.options import Refused
from kernel import RemoteError, RemoteStep

STEVE = "steve"
RETIRED = (
    "If that SteVe is gone for ever, leave its idTags there: python manage.py backfill_revert --without steve"
)


@dataclass(frozen=True, slots=True)
class Systems:
    """`without` names what an operator told a revert to leave alone."""

    lago: LagoClient
    target: Target
    steve: SteveClient | None
    steps: Sequence[RemoteStep]  # in the order in which they are made
    without: Collection[str] = ()

    @property
    def timezone(self) -> ZoneInfo:
        """In which a start_date is a calendar day."""
        return ZoneInfo(settings.BACKFILL_TIMEZONE or self.target.timezone)

    @property
    def steve_url(self) -> str:
        return self.steve.url if self.steve else ""


@contextmanager
def connect(
    *,
    rate: float | None = None,
    concurrency: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
    without: Collection[str] | None = None,
) -> Iterator[Systems]:
    """Reach Lago, and SteVe where it is configured; raise Refused if either does not answer as it should.

    `without` names systems that are not to be reached at all; None where none can be left out.
    """
    left_out = without or ()
    with _lago(rate, concurrency, sleep) as lago, _steve(concurrency, sleep, left_out) as steve:
        try:
            target = preflight(lago)
            if steve:
                steve.preflight()
        except RemoteError as error:
            can_do_without = without is not None and isinstance(error, SteveError)
            raise Refused(str(error), RETIRED if can_do_without else "") from error
        yield Systems(lago, target, steve, _steps(lago, target, steve), left_out)


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
def _steve(
    concurrency: int | None, sleep: Callable[[float], None], without: Collection[str]
) -> Iterator[SteveClient | None]:
    pool_size = concurrency or settings.BACKFILL_CONCURRENCY
    steve = None if STEVE in without else steve_client(pool_size=pool_size, sleep=sleep)
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
