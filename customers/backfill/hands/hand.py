"""What a worker does for a run in shares: it takes one after the other for a while, and does each whole."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from customers.backfill.engine.acceptance import KEY, Accepted
from customers.backfill.engine.apply import Importer
from customers.backfill.engine.at_work import Settled
from customers.backfill.engine.batch import Books
from customers.backfill.engine.guard import Guard
from customers.backfill.engine.hearing import Hearing
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.logged import log_line, without_calls
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Plan, PlannedRow, Policy, RowAction, make_plan
from customers.backfill.engine.planning import Look
from customers.backfill.engine.staging import stage
from customers.backfill.engine.stop import Stop, now_s
from customers.backfill.hands import packing
from customers.backfill.hands.keeping import Keeper
from customers.backfill.hands.leased import Holds, Leased
from customers.backfill.hands.pace import SharedPace
from customers.backfill.ledger import identity, log_parts, shares
from customers.backfill.ledger.at_work import Taken
from customers.backfill.ledger.pace import Pace, pace_of
from customers.backfill.ledger.recorded import made_elsewhere
from customers.backfill.ledger.taken_back import taken_back
from customers.backfill.refused import Refused
from customers.backfill.settling_in import wake_platform
from customers.backfill.systems import Systems, connect
from customers.models import BackfillRow, BackfillRun, RunShare, SharedRun
from kernel import RemoteError

HAND_S = 20.0  # then it asks for its turn again, behind whatever else waits in the queue
DEATHS = 3  # of workers, over one share and with nothing settled between them
CALL_S = 3.0  # how often whoever is at it looks whether others could come
DIED = "the worker died {} times over the lines {} to {}; see its log"
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
        shares.refuse(run.pk, worker.name, f"{error} {getattr(error, 'hint', '')}".strip())
        return Lent.REFUSED
    finally:
        shares.give_back(token)
    return Lent.WORKED


def _work(
    run: BackfillRun, shared: SharedRun, worker: Worker, keeper: Keeper, pace: SharedPace, stop: Stop,
    first: RunShare,
) -> None:  # fmt: skip
    options = Options.kept(shared.kept["options"])
    chosen = pace_of(run).over(Pace(None, options.concurrency))
    with connect(concurrency=chosen.concurrency, sleep=stop.sleep, writes=True, limiter=pace) as systems:
        check_systems(run, shared, systems)
        Hand(run, shared, systems, options, worker, keeper, stop).work(first)
        if stop.requested:
            wake_platform(systems)  # what there is of it is not waited for
    if stop.requested and not (stop.interrupted or stop.paused or stop.has_lapsed):
        shares.halt(run.pk, stop.reason, broken=stop.broken)


def check_systems(run: BackfillRun, shared: SharedRun, systems: Systems) -> None:
    """Raise Refused where this machine is configured otherwise than the one that planned."""
    identity.check_world(run, systems)
    planned, here = shared.kept["steps"], [step.name for step in systems.steps]
    if planned != here:
        raise Refused(OTHER_SYSTEMS.format(", ".join(here), ", ".join(planned)))
    shares.accept(run.pk)


class Hand:
    """One worker at one run, from its first share to its last."""

    def __init__(
        self, run: BackfillRun, shared: SharedRun, systems: Systems, options: Options, worker: Worker,
        keeper: Keeper, stop: Stop,
    ) -> None:  # fmt: skip
        self.run, self._shared, self._systems, self._options = run, shared, systems, options
        self._worker, self._keeper, self._stop = worker, keeper, stop
        self._holds = Holds()
        self._priced: set[str] = set()
        self._ends_at = time.monotonic() + worker.for_s

    @property
    def _policy(self) -> Policy:
        return Policy(
            self._options.skip_existing,
            self.run.pk,
            self._options.allowed,
            self._options.accept_invoices_today,
            Accepted.kept(self.run.options),
            taken_back(self.run),
        )

    def work(self, first: RunShare) -> None:
        """Take shares until the time is up, none is left, or somebody asks for an end; raise Taken."""
        steps, options, actor = self._systems.steps, self._options, self._shared.actor
        lanes = Lanes(pace_of(self.run).concurrency or options.concurrency)
        importer = Importer(
            self.run, steps, Policy(options.skip_existing, self.run.pk, options.allowed),
            actor=actor, stop=self._stop, max_failures=options.max_failures,
            settled=_is_logged,
            guard=Guard(steps, Accepted.kept({KEY: self._shared.kept["accepted"]}), self._time_there),
            lanes=lanes,
            hearing=HandHearing(self.run, self._systems, self._stop, lanes, self._worker.call),
            books=Books(self.run, steps, actor, self._holds),
        )  # fmt: skip
        importer.carry_out(self._batches(first), batch_size=options.batch_size)

    def _batches(self, first: RunShare) -> Iterator[Sequence[PlannedRow]]:
        share: RunShare | None = first
        while share is not None:
            if share.deaths >= DEATHS:
                self._stop.request(DIED.format(share.deaths, share.first_line, share.last_line))
                return
            try:
                hold, rows = self._opened(share)
            except (RemoteError, packing.Unreadable) as error:  # what is in flight is settled first
                self._stop.request(str(error))
                return
            yield from self._holds.batches(hold, rows, self._options.batch_size)
            is_over = self._stop.requested or time.monotonic() > self._ends_at
            share = None if is_over else self._next()

    def _next(self) -> RunShare | None:
        claimed_at = now_s()
        share = shares.claim(self.run.pk, self._keeper.token, self._worker.name)
        if share is not None:
            self._keeper.hold(share.pk, claimed_at)
        return share

    def _opened(self, share: RunShare) -> tuple[Leased, Sequence[PlannedRow]]:
        """Return what is to be done of a share. One that somebody had before is looked at anew."""
        packed = packing.unpack(bytes(share.content))
        for step in self._systems.steps:
            step.recall(packed.known.get(step.name, {}))
        hold = Leased(self.run, share, self._keeper, self._stop, _lines, self._options.max_failures)
        self._read_prices(packed.rows)
        rows = packed.rows if share.claims == 1 else self._looked_at_anew(packed.rows, hold)
        with transaction.atomic():
            hold.settling()
            hold.begin(len(rows))
        return hold, rows

    def _read_prices(self, rows: Sequence[PlannedRow]) -> None:
        """Read what plans cost by which nobody here was billed yet."""
        new = [row.wanted for row in rows if row.wanted.plan_code not in self._priced]
        if new:
            self._priced |= {wanted.plan_code for wanted in new}
            for step in self._systems.steps:
                step.read_prices(new, self._time_there())

    def _looked_at_anew(self, rows: Sequence[PlannedRow], hold: Leased) -> Sequence[PlannedRow]:
        """Plan a share again, by what there is: so what was `intended` is settled, as in a continued run."""
        wanted = [row.wanted for row in rows]
        steps = self._systems.steps
        for row in rows:
            row.action, row.verdicts, row.problems, row.owner_line = RowAction.CREATE, {}, (), None
        today = self._time_there().astimezone(self._systems.billing_zone).date()
        plan = make_plan(list(rows), Look(steps, wanted, None), steps, self._policy, today)
        for row in rows:
            row.warnings = tuple(dict.fromkeys(row.warnings))  # it had those of the first plan already
        with transaction.atomic():
            hold.settling()
            self._write_down(plan)
        return plan.to_do()

    def _write_down(self, plan: Plan) -> None:
        lines = [row.line for row in plan.rows]
        pending = self.run.rows.filter(line__in=lines, outcome=BackfillRow.Outcome.PENDING)
        open_lines = set(pending.values_list("line", flat=True))
        stage(self.run, plan, self._shared.actor, only=lines)
        over = [row for row in plan.rows if not row.is_to_do and row.line in open_lines]
        made = made_elsewhere(self.run, [row.line for row in over])
        log_parts.write(self.run, _lines([without_calls(row, made.get(row.line, {})) for row in over]))

    def _time_there(self) -> datetime:
        return self._systems.target.clock(self._worker.now())


class HandHearing(Hearing):
    """Hears, beside what is asked of the run, that another worker has had it halted."""

    def __init__(
        self, run: BackfillRun, systems: Systems, stop: Stop, lanes: Lanes, call: Callable[[int], None]
    ) -> None:
        super().__init__(run, systems, stop, lanes, _say_nothing)
        self._run, self._call, self._call_due = run, call, time.monotonic() + CALL_S

    def look(self) -> None:
        super().look()
        halted = SharedRun.objects.filter(run_id=self._run.pk).values_list("halted", flat=True).first()
        if halted:
            self._stop.request(halted["reason"], broken=halted["broken"])
        if time.monotonic() >= self._call_due and not self._stop.requested:
            self._call_due = time.monotonic() + CALL_S
            self._call(self._run.pk)


def _lines(settled: Sequence[Settled]) -> list[dict[str, object]]:
    return [log_line(one) for one in settled]


def _is_logged(settled: Sequence[Settled]) -> None:
    """Do nothing: what is settled was logged in the transaction that settled it."""


def _say_nothing(message: str) -> None:
    """Say nothing: whoever follows the run says it."""
