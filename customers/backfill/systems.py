"""The systems that a run talks to, connected and proven to answer."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from billing.client import LagoClient
from billing.preflight import Target, preflight
from charging import SteveClient, SteveIdTagStep
from customers.backfill import unasked
from customers.backfill.beside import is_beside_platform
from customers.backfill.connections import Connections
from customers.backfill.refused import Refused
from customers.backfill.steps import STEPS, leavable
from kernel import RemoteError, Step
from kernel.deadline import Deadline
from kernel.pace import Limiter
from kernel.patience import waiting_for
from kernel.tally import Tally
from kernel.zones import zone_of
from polaris import PlatformDatabase

STEVE = SteveIdTagStep.system_key()
PLATFORM, LAGO = "polaris", "lago"


@dataclass(frozen=True, slots=True)
class Systems:
    """`steps` are in the order in which things are made; `without` names what a revert is to leave alone."""

    lago: LagoClient
    target: Target
    steve: SteveClient | None
    platform: PlatformDatabase | None
    steps: Sequence[Step]
    without: Collection[str] = ()
    remarks: Sequence[str] = ()  # what an operator should hear before anything else

    @property
    def timezone(self) -> ZoneInfo:
        """In which a start_date is a calendar day."""
        return ZoneInfo(settings.BACKFILL_TIMEZONE or self.target.timezone)

    @property
    def billing_zone(self) -> ZoneInfo:
        """Whose days Lago bills by, whatever day a start_date means."""
        return billing_zone(self.target)

    @property
    def steve_url(self) -> str:
        return self.steve.url if self.steve else ""

    @property
    def platform_place(self) -> str:
        """Name the platform's database; blank without one. Safe to show."""
        return self.platform.place if self.platform else ""

    @property
    def tallies(self) -> dict[str, Tally]:
        """Return who counts the calls to each system that is connected, by its key."""
        clients = {LAGO: self.lago, STEVE: self.steve, PLATFORM: self.platform}
        return {key: client.tally for key, client in clients.items() if client is not None}

    @property
    def world(self) -> dict[str, str]:
        """Name each system that is one of several, for a run to remember; Lago it remembers by itself."""
        known = ((step.system_key(), step.identity()) for step in self.steps)
        return {key: which for key, which in known if which}


def billing_zone(target: Target) -> ZoneInfo:
    """Return Lago's zone; one that this machine does not know has to be BACKFILL_TIMEZONE in other words."""
    return zone_of(target.timezone, settings.BACKFILL_TIMEZONE)


@contextmanager
def connect(
    *,
    rate: float | None = None,
    concurrency: int | None = None,
    sleep: Callable[[float], None] = time.sleep,
    without: Collection[str] | None = None,
    writes: bool = False,
    deadline: Deadline | None = None,
    limiter: Limiter | None = None,
) -> Iterator[Systems]:
    """Reach every system that is configured; raise Refused if one does not answer as it should.

    `without` names systems that are not to be reached at all; None where none can be left out. `writes`:
    whoever asks is going to change something. `deadline`: for all that is asked of them together, where a
    page waits (`page_looks`). `limiter` paces the calls to Lago instead of `rate`.
    """
    left_out = without or ()
    for key in left_out:
        if key not in leavable():
            raise Refused(f"There is no system {key!r} that could be left alone.")
    with ExitStack() as stack:
        sleep = deadline.sleep if deadline else sleep
        how = {"sleep": sleep, "deadline": deadline}
        lago = stack.enter_context(_lago(rate, concurrency, limiter=limiter, **how))
        try:
            with waiting_for(f"Lago at {lago.url}"):
                target = preflight(lago)
        except RemoteError as error:
            raise Refused(str(error)) from error
        pool_size = concurrency or settings.BACKFILL_CONCURRENCY
        steve = None if STEVE in left_out else steve_client(pool_size=pool_size, **how)
        platform = None if PLATFORM in left_out else stack.enter_context(_platform(steve, deadline))
        remarks = () if platform or PLATFORM in left_out else unasked.remarks()
        if remarks and writes:
            unasked.require_answer()
        steps = _connected(Connections(lago, target, steve, platform, billing_zone(target)), left_out)
        for step in steps:
            stack.callback(step.close)
        _reach(steps, can_be_left=without is not None)
        yield Systems(lago, target, steve, platform, steps, left_out, remarks)


def _connected(connections: Connections, left_out: Collection[str]) -> list[Step]:
    wanted = [listed for listed in STEPS if listed.kind.system_key() not in left_out]
    made = [listed.connect(connections) for listed in wanted]
    return [step for step in made if step is not None]


def _reach(steps: Sequence[Step], *, can_be_left: bool) -> None:
    for step in steps:
        try:
            with waiting_for(step.system):
                step.preflight()
        except RemoteError as error:
            way = way_out(type(step)) if can_be_left else ""
            raise Refused(f"{error}." if way else str(error), way) from error


@contextmanager
def _platform(steve: SteveClient | None, deadline: Deadline | None) -> Iterator[PlatformDatabase | None]:
    """Open the platform's database, where one is configured."""
    if not is_beside_platform():
        yield None
        return
    if steve is None:
        raise ImproperlyConfigured(
            "POLARIS_DATABASE_URL needs SteVe, as each card of the platform has its number there:"
            f" set {', '.join(SteveIdTagStep.variables)}."
        )
    with platform_database(deadline) as platform:
        yield platform


@contextmanager
def platform_database(deadline: Deadline | None) -> Iterator[PlatformDatabase]:
    """Open the database that the settings name; who waits at a page waits no longer than the deadline."""
    url = settings.POLARIS_DATABASE_URL
    looked_at = PlatformDatabase.for_a_look(url, deadline.left_s) if deadline else None
    with looked_at or closing(PlatformDatabase(url)) as database:
        yield database


def way_out(kind: type[Step], run_id: str = "ID") -> str:
    """Say how a revert does without a system that is gone for ever; blank where it cannot."""
    if not kind.can_be_left:
        return ""
    return (
        f"If that {kind.system} is gone for ever, a revert can leave its {kind.noun}s there: "
        f"python manage.py backfill_revert --without {kind.system_key()} --run-id {run_id}"
    )


def _lago(rate: float | None, concurrency: int | None, **how: Any) -> LagoClient:
    return lago_client(
        rate_per_s=settings.BACKFILL_LAGO_RATE if rate is None else rate,
        pool_size=concurrency or settings.BACKFILL_CONCURRENCY,
        **how,
    )


def lago_client(**how: Any) -> LagoClient:
    """Make the client that the settings describe. Raises ImproperlyConfigured."""
    if not settings.LAGO_API_KEY:
        raise ImproperlyConfigured("LAGO_API_KEY is not set: the API key of your Lago organization.")
    how = {"rate_per_s": settings.BACKFILL_LAGO_RATE, "timeout_s": settings.LAGO_TIMEOUT_S, **how}
    try:
        return LagoClient(settings.LAGO_API_URL, settings.LAGO_API_KEY, **how)
    except ValueError as error:  # a key or an address that cannot be sent; the message names the variable
        raise ImproperlyConfigured(str(error)) from error


def steve_client(**how: Any) -> SteveClient | None:
    """Make the client that the settings describe; None without SteVe. Raises ImproperlyConfigured."""
    names = SteveIdTagStep.variables
    given = [name for name in names if getattr(settings, name)]
    if not given:
        return None
    for name in names:
        if name not in given:
            raise ImproperlyConfigured(f"{name} is not set, although {given[0]} is.")
    try:
        how = {
            "key_header": settings.STEVE_API_KEY_HEADER,
            "timeout_s": settings.STEVE_TIMEOUT_S,
            **how,
        }
        return SteveClient(*(getattr(settings, name) for name in names), **how)
    except ValueError as error:  # the message names the variable
        raise ImproperlyConfigured(str(error)) from error
