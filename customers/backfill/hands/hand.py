"""What a worker does for a run in shares: it takes one after the other for a while, and does each whole."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.options import Options
from customers.backfill.engine.stop import Stop, now_s
from customers.backfill.hands import packing
from customers.backfill.hands.importing import Importing
from customers.backfill.hands.keeping import Keeper
from customers.backfill.hands.leased import Holds, Leased
from customers.backfill.hands.pace import SharedPace
from customers.backfill.hands.reverting import Reverting
from customers.backfill.hands.trade import Bench, Trade
from customers.backfill.ledger import identity, log_parts, shares
from customers.backfill.ledger.at_work import Taken
from customers.backfill.ledger.pace import pace_of
from customers.backfill.refused import Refused
from customers.backfill.settling_in import wake_platform
from customers.backfill.systems import Systems, connect
from customers.models import BackfillRun, RunShare, SharedRun
from kernel import RemoteError

logger = logging.getLogger(__name__)

Row = TypeVar("Row")
HAND_S = 20.0  # then it asks for its turn again, behind whatever else waits in the queue
DEATHS = 3  # of workers, over one share and with nothing settled between them
CALL_S = 1.0  # until whoever is at it looks again whether others could come; longer each time
DIED = "the worker died {} times over the lines {} to {}; see its log"
OTHER_VERSION = "the run was shared out by another version of this service than the worker's"
LEFT_BY_VERSION = (
    "the run was shared out by another version of this service, whose workers are gone; run the same command"
    " again, or continue it in the console, to go on with this one"
)
PUT_BACK = (
    "a backup was put back: the log of this run here knows more than the database does. Go on at a terminal"
    " with --reclaim (docs/backup.md)"
)
OTHER_SYSTEMS = "it is not connected to the systems with which the run was planned: {} instead of {}"


class Lent(StrEnum):
    """How a hand has ended."""

    WORKED = "worked"
    NOTHING = "nothing"  # no share is free
    LOST = "lost"  # its lease was over, and another one goes on
    REFUSED = "refused"  # this worker cannot do it; the run knows why


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works: `name` says which machine and process it is; `call` has others come, if there is room."""

    name: str
    call: Callable[[int], None]
    now: Callable[[], datetime]
    for_s: float = HAND_S


def lend(run: BackfillRun, shared: SharedRun, worker: Worker) -> Lent:
    """Do shares of a run for a while. Safe at any moment; who calls it is one of those who do the run.

    What is not done is given back. Whoever it was that asked for an end, it is left to `closing`.
    """
    if shared.kept.get("version") != packing.shape():
        return _leave(run, shared, worker)
    if not shared.is_revert and log_parts.is_behind_file(run, shared.opened_at):
        shares.halt(run.pk, PUT_BACK, broken=False)
        return Lent.NOTHING
    token, stop = uuid4(), Stop()
    claimed_at, first = now_s(), shares.claim(run.pk, token, worker.name)
    if first is None:
        return Lent.NOTHING
    pace = SharedPace(run.pk, stop)
    try:
        with Keeper(token, pace, stop) as keeper:
            keeper.hold(first.pk, claimed_at)
            _work(run, shared, worker, keeper, pace, stop, first)
    except Taken:
        return Lent.LOST
    except (Refused, ImproperlyConfigured) as error:
        return _refused(run, worker, f"{error} {getattr(error, 'hint', '')}".strip())
    finally:
        shares.give_back(token)
    return Lent.WORKED


def _leave(run: BackfillRun, shared: SharedRun, worker: Worker) -> Lent:
    """Leave a run to workers of its version; where none of them has come for some minutes, end it."""
    if not shares.is_left(shared):
        return _refused(run, worker, f"{OTHER_VERSION}.")
    shares.halt(run.pk, LEFT_BY_VERSION, broken=False)
    return Lent.NOTHING


def _refused(run: BackfillRun, worker: Worker, reason: str) -> Lent:
    logger.warning("This worker does not take part in the run %s: %s", run.run_id, reason)
    shares.refuse(run.pk, worker.name, reason)
    return Lent.REFUSED


def _work(
    run: BackfillRun, shared: SharedRun, worker: Worker, keeper: Keeper, pace: SharedPace, stop: Stop,
    first: RunShare,
) -> None:  # fmt: skip
    options = None if shared.is_revert else Options.kept(shared.kept["options"])
    own = options.concurrency if options else settings.BACKFILL_CONCURRENCY
    concurrency = pace_of(run).concurrency or own
    with ExitStack() as connected:
        try:
            systems = connected.enter_context(
                connect(
                    concurrency=concurrency, sleep=stop.sleep, without=shared.kept.get("without"),
                    writes=True, limiter=pace,
                )
            )  # fmt: skip
            check_systems(run, shared, systems)
        except (Refused, ImproperlyConfigured):
            shares.give_back_untouched(keeper.token)
            raise
        lanes, holds = Lanes(concurrency), Holds()
        hearing = HandHearing(run, systems, stop, lanes, worker.call)
        bench = Bench(run, shared, systems, stop, lanes, hearing, holds, worker.now)
        if options:
            Hand(bench, Importing(bench, options), holds, worker, keeper).work(first)
        else:
            Hand(bench, Reverting(bench), holds, worker, keeper).work(first)
        if stop.requested:
            wake_platform(systems)  # what there is of it is not waited for
    if stop.requested and not (stop.interrupted or stop.paused or stop.has_lapsed):
        shares.halt(run.pk, stop.reason, broken=stop.broken)


def check_systems(run: BackfillRun, shared: SharedRun, systems: Systems) -> None:
    """Raise Refused where this machine is configured otherwise than the one that planned."""
    identity.check_world(run, systems, made=shared.kept["made"])
    planned, here = shared.kept["steps"], [step.name for step in systems.steps]
    if planned != here:
        raise Refused(OTHER_SYSTEMS.format(", ".join(here), ", ".join(planned)))


class Hand(Generic[Row]):
    """One worker at one run, from its first share to its last."""

    def __init__(self, bench: Bench, trade: Trade[Row], holds: Holds, worker: Worker, keeper: Keeper) -> None:
        self._run, self._stop, self._trade = bench.run, bench.stop, trade
        self._holds, self._worker, self._keeper = holds, worker, keeper
        self._ends_at = time.monotonic() + worker.for_s

    def work(self, first: RunShare) -> None:
        """Take shares until the time is up, none is left, or somebody asks for an end; raise Taken."""
        self._trade.carry_out(self._batches(first))

    def _batches(self, first: RunShare) -> Iterator[Sequence[Row]]:
        share: RunShare | None = first
        while share is not None:
            if share.deaths >= DEATHS:
                self._stop.request(DIED.format(share.deaths, share.first_line, share.last_line))
                return
            hold = Leased(
                self._run, share, self._keeper, self._stop, self._trade.log, self._trade.max_failures
            )
            try:
                rows = self._trade.opened(share, hold)
            except (RemoteError, packing.Unreadable) as error:  # what is in flight is settled first
                self._stop.request(str(error), broken=isinstance(error, RemoteError))
                return
            with transaction.atomic():
                hold.settling()
                hold.begin(len(rows))
            yield from self._holds.batches(hold, rows, self._trade.batch_size, self._trade.line_of)
            is_over = self._stop.requested or time.monotonic() > self._ends_at
            share = None if is_over else self._next()

    def _next(self) -> RunShare | None:
        claimed_at = now_s()
        share = shares.claim(self._run.pk, self._keeper.token, self._worker.name)
        if share is not None:
            self._keeper.hold(share.pk, claimed_at)
        return share


class HandHearing(Hearing):
    """Hears, beside what is asked of the run, that another worker has had it halted."""

    def __init__(
        self, run: BackfillRun, systems: Systems, stop: Stop, lanes: Lanes, call: Callable[[int], None]
    ) -> None:
        super().__init__(run, systems, stop, lanes, _say_nothing)
        self._run, self._call, self._call_due, self._call_s = run, call, 0.0, CALL_S

    def look(self) -> None:
        super().look()
        halted = SharedRun.objects.filter(run_id=self._run.pk).values_list("halted", flat=True).first()
        if halted:
            self._stop.request(halted["reason"], broken=halted["broken"])
        if time.monotonic() >= self._call_due and not self._stop.requested:
            self._call_due, self._call_s = time.monotonic() + self._call_s, 2 * self._call_s
            self._call(self._run.pk)


def _say_nothing(message: str) -> None:
    """Say nothing: whoever follows the run says it."""
