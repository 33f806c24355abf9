"""Decide what a revert would remove, what it leaves, and for whom it asks first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.abilities import Abilities
from billing.client import supports_skip
from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.ledger.recorded import with_several_rows
from customers.backfill.ledger.standing import Standing, standing_of
from customers.backfill.refused import Refused
from customers.backfill.revert.activity import Activity, Happened
from customers.backfill.revert.chosen import choose
from customers.backfill.revert.order import Order
from customers.backfill.revert.reading import Reading
from customers.backfill.revert.rows import RowPlan
from customers.backfill.revert.told import Told, ToldRow
from customers.backfill.steps import in_order, kinds
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from kernel import Per, Problem

State = BackfillStep.State


@dataclass(slots=True)
class Tally:
    """What rows come to, each kind of thing by the name of its step."""

    goes: Counter[str] = field(default_factory=Counter)
    stays: Counter[str] = field(default_factory=Counter)
    gone: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # why things stay, but for what is left out
    failing: int = 0  # rows of which something cannot go now
    is_empty: bool = True

    def add(self, row: RowPlan) -> None:
        self.goes.update(row.goes)
        self.stays.update(list(row.stays))
        self.gone.update(row.gone)
        self.left_out.update(list(row.left_out))
        self.failing += bool(row.obstacle)
        self.reasons.update([*row.leave.values(), *row.disuse.values()])
        if row.remove or row.gone or row.is_to_note:
            self.is_empty = False


@dataclass(slots=True)
class RevertPlan:
    """`standing` is how far the import came; a revert takes back whatever part there is.

    `chosen` are the customers that it is about; None: all of them. `named` are then those of its rows.
    """

    run: BackfillRun
    reading: Reading
    order: Order
    tally: Tally
    of_active: Tally  # of their rows alone
    active: Activity
    told: Told
    standing: Standing
    cautions: Sequence[Problem] = ()  # of what was looked at as a whole
    chosen: frozenset[str] | None = None
    named: frozenset[str] = frozenset()

    @property
    def found(self) -> Mapping[str, Any]:
        """Return what was looked up for the whole run, by step."""
        return self.reading.found

    @property
    def number(self) -> int:
        """Count the rows of which something may be there."""
        return len(self.order)

    @property
    def rows(self) -> Iterator[ToldRow]:
        """Say of these rows, in the order of the file, what becomes of them."""
        return iter(self.told)

    @property
    def left_out(self) -> int:
        """Count the things that stay where nobody looks."""
        return self.tally.left_out.total()

    def left_out_sentences(self) -> list[str]:
        """Say, for each kind of thing that is left out, how many stay and what that means."""
        counts = self.tally.left_out
        return [kinds()[name].stays(counts[name]) for name in in_order(counts)]

    @property
    def is_empty(self) -> bool:
        return self.tally.is_empty

    def goes(self, *, with_active: bool) -> Counter[str]:
        """Count what will be there no more; of the customers who were active only if they go too."""
        return self.tally.goes if with_active else self.tally.goes - self.of_active.goes

    def why_empty(self, the_run: str) -> str:
        """Say why there is nothing to remove."""
        of_whom = "" if self.chosen is None else " of the chosen customers"
        what = f"what {the_run} created{of_whom}"
        if not self.standing.staged:
            return f"{the_run} created nothing, as no row of it was staged"
        steps = BackfillStep.objects.filter(row__in=self.reading.of_run())
        if kept := steps.filter(state=State.KEPT).count():
            things = "1 thing that was kept" if kept == 1 else f"{kept:,} things that were kept"
            return f"{what} is gone already, but for {things}"
        if steps.filter(state=State.REMOVED).exists():
            return f"{what} is gone already"
        return f"{the_run} created nothing{of_whom}"


def plan_revert(
    run: BackfillRun,
    systems: Systems,
    reclaim: Reclaim | None = None,
    *,
    only: Iterable[str] | None = None,
) -> RevertPlan:
    """Look at everything the run made; nothing is written. Raises Refused or RemoteError.

    `reclaim`: what the run's log knows, and the ledger not yet. `only`: the customers that were chosen.
    """
    chosen = None if only is None else choose(run, only)
    check_world(run, systems)
    _require_unbilled_ends(systems)
    reading = Reading(run, systems.steps, chosen=chosen, reclaim=reclaim)
    order, tally, happened = Order(with_several_rows(reading.of_run())), Tally(), Happened(run, systems.steps)
    named: set[str] = set()
    told = Told()
    for piece in reading.pieces():
        for row in piece.rows:
            one = row.recorded
            order.add(one.row.id, one.external_id, shares=_shares(row))
            tally.add(row)
        told.add(piece.rows)
        if chosen is not None:
            named.update(row.recorded.external_id for row in piece.rows)
        happened.add(piece)
    active = happened.by_customer()
    return RevertPlan(
        run=run,
        reading=reading,
        order=order,
        tally=tally,
        of_active=_tally_of(reading.of_customers(active)) if active else Tally(),
        active=active,
        told=told,
        standing=standing_of(run),
        cautions=[
            caution
            for step in systems.steps
            if step.name in reading.found
            for caution in step.cautions(reading.found[step.name])
        ],
        chosen=chosen,
        named=frozenset(named),
    )


def _tally_of(rows: Iterable[RowPlan]) -> Tally:
    tally = Tally()
    for row in rows:
        tally.add(row)
    return tally


def _shares(row: RowPlan) -> bool:
    """Return whether something is removed of what a customer's cards share."""
    known = kinds()
    return any(known[target.step].per is Per.CUSTOMER for target in row.remove)


def _require_unbilled_ends(systems: Systems) -> None:
    """Refuse before anything is begun what would fail row by row, and leave the run neither here nor gone."""
    version = systems.target.version
    if Abilities(systems.lago, version).ends_unbilled is False:
        told = version if supports_skip(version) is False else "an old one, as its subscriptions show"
        raise Refused(
            f"This Lago is {told}: before 1.32 it bills whenever a subscription ends.",
            "Update Lago, then revert. Nothing was removed, and the run is as it was.",
        )
