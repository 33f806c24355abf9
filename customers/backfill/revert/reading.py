"""The rows of a run, planned for a revert piece by piece: all of them at once would fill the memory.

What a call tells is asked for once, for all rows, and kept; what lies in a database is read for each piece.
Between two pieces nothing of a row is kept, so whoever needs a row again has it planned again.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db.models import QuerySet

from customers.backfill.ledger import recorded
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.ledger.recorded import LEFT, MADE_OR_ALTERED, Recorded, is_made, records, since
from customers.backfill.revert.rows import (
    THERE,
    RowPlan,
    add_unrecorded,
    foretell,
    is_ours,
    plan_row,
    things_of,
)
from customers.backfill.steps import kinds
from customers.behind import read_ahead
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import Facts, Step, Thing, Wanted, Works
from kernel.chunks import chunks

PIECE = 2_000  # rows; the cards of a customer may lie in two pieces


@dataclass(slots=True)
class Piece:
    """Some rows of a run. `known` is what the things of each tell, by line; `found` what was looked up."""

    rows: list[RowPlan]
    known: Mapping[int, Facts]
    found: Mapping[str, Any]
    back: Mapping[str, Any] = field(default_factory=dict)

    @property
    def touched(self) -> list[RowPlan]:
        return [row for row in self.rows if row.remove]

    def things(self, name: str) -> list[Thing]:
        """Return the things of a kind that may be there, of the rows of which something is to be removed."""
        return things_of(self.touched, name, self.known)


class Reading:
    """Reads the rows of a run of which something may be there, and plans them.

    `found` and `back` are by step, of those that work per row, as they were looked up for the whole run.
    """

    def __init__(
        self,
        run: BackfillRun,
        steps: Sequence[Step],
        *,
        chosen: Collection[str] | None,
        reclaim: Reclaim | None = None,
        found: Mapping[str, Any] | None = None,
    ) -> None:
        """Look up what takes calls, but for what is `found`. Raises RemoteError.

        `chosen` are the customers that it is about.
        """
        self.run, self._steps, self._chosen, self._reclaim = run, steps, chosen, reclaim
        self._connected = {step.name: step for step in steps}
        self._finding = [step for step in steps if step.finds_unrecorded]
        given = found or {}
        self.found = {
            step.name: given[step.name] if step.name in given else step.look_up(self._wanted(step))
            for step in steps
            if is_asked_once(step)
        }

    @cached_property
    def back(self) -> Mapping[str, Any]:
        """Look back, where that takes calls: whoever only removes has no need of it. Raises RemoteError."""
        return {
            step.name: step.look_back(self._things(step), since(self.run))
            for step in self._steps
            if is_asked_once(step)
        }

    def of_run(self) -> QuerySet[BackfillRow]:
        rows = self.run.rows.all()
        return rows if self._chosen is None else rows.filter(external_id__in=self._chosen)

    def pieces(self) -> Iterator[Piece]:
        """Plan all rows, in the order of the file, and say what will stay of them."""
        for some in read_ahead(chunks(self._recorded(self.of_run()), PIECE)):
            yield self._foretold(self._planned(some))

    def of_customers(self, external_ids: Iterable[str]) -> Iterator[RowPlan]:
        """Plan the rows of some customers, in the order of the file, and say what will stay of them."""
        some = list(external_ids)
        for piece in chunks(self._recorded(self.of_run().filter(external_id__in=some)), PIECE):
            yield from self._foretold(self._planned(piece)).rows

    def keys_of(self, external_ids: Collection[str]) -> list[int]:
        """Return the keys of all rows of some customers, in the order of the file."""
        keys: list[tuple[int, int]] = []
        for some in chunks(external_ids):
            keys += self.of_run().filter(external_id__in=some).values_list("line", "pk")
        return [pk for _, pk in sorted(keys)]

    def of_keys(self, pks: Iterable[int]) -> Iterator[RowPlan]:
        """Plan some rows, in the order of their keys, while others are being removed."""
        for some in chunks(pks, PIECE):
            read = list(self._recorded(BackfillRow.objects.filter(pk__in=some)))
            rows = {row.recorded.row.id: row for row in self._planned(read).rows}
            yield from (rows[pk] for pk in some if pk in rows)

    # --- a piece -------------------------------------------------------------------------------------

    def _recorded(self, rows: QuerySet[BackfillRow]) -> Iterator[Recorded]:
        """Read the rows of which something may be there."""
        for one in records(self.run, rows, with_times=False):
            laid = one if self._reclaim is None else self._reclaim.laid_over(one)
            if any(is_ours(step) for step in laid.steps.values()):
                yield laid

    def _planned(self, read: Sequence[Recorded]) -> Piece:
        piece = self._drafted(read)
        for row in piece.rows if self._finding else ():
            known = piece.known[row.recorded.line]
            add_unrecorded(row, self._finding, self._ending, piece.found, known)
        return piece

    def _drafted(self, read: Sequence[Recorded]) -> Piece:
        here = [step for step in self._steps if not is_asked_once(step)]
        found = {**self.found, **{step.name: step.look_up(_asked_here(step, read)) for step in here}}
        known = {one.line: known_of(one, self._steps) for one in read}
        rows = [plan_row(one, self._connected, found, known[one.line]) for one in read]
        for row in rows:
            row.found = self.found
        return Piece(rows, known, found)

    def _foretold(self, piece: Piece) -> Piece:
        here = [step for step in self._steps if not is_asked_once(step)]
        after = since(self.run)
        piece.back = {
            **self.back,
            **{step.name: step.look_back(piece.things(step.name), after) for step in here},
        }
        for row in piece.touched:
            foretell(row, self._steps, piece.found, piece.back)
        return piece

    @cached_property
    def _ending(self) -> Collection[str]:
        """Return the customers who stop paying, wherever their rows are; none if nobody asks."""
        if not any(self._lacks(step.name) for step in self._finding):
            return frozenset()
        pieces = chunks(self._recorded(self.of_run()), PIECE)
        return {
            row.recorded.external_id for some in pieces for row in self._drafted(some).rows if row.ends_paying
        }

    def _lacks(self, name: str) -> bool:
        """Return whether rows of the run know nothing of a kind of thing."""
        return self.of_run().exclude(steps__name=name).exists()

    # --- for all rows at once ------------------------------------------------------------------------

    def _wanted(self, step: Step) -> Iterable[Wanted]:
        if self._reclaim is not None or step.finds_unrecorded:
            return Again(lambda: _asked(step, self._recorded(self.of_run())))
        ours = self._steps_of_run().filter(MADE_OR_ALTERED | LEFT, name=step.name)
        return Again(lambda: (thing.wanted for thing in recorded.things_of(self.run, ours)))

    def _things(self, step: Step) -> Iterable[Thing]:
        """Return what `Piece.things` would, without planning each row, unless a look has to settle some."""
        if self._reclaim is not None or step.finds_unrecorded or self._are_in_doubt():
            return Again(lambda: self._planned_things(step.name))
        known = self._connected.keys() & kinds().keys()
        going = self._steps_of_run().filter(MADE_OR_ALTERED | LEFT, name__in=known)
        there = self._steps_of_run().filter(name=step.name, state__in=THERE, row__in=going.values("row"))
        return Again(lambda: recorded.things_of(self.run, there))

    def _planned_things(self, name: str) -> Iterator[Thing]:
        for some in chunks(self._recorded(self.of_run()), PIECE):
            yield from self._planned(some).things(name)

    def _are_in_doubt(self) -> bool:
        """Return whether there are things of which the run never heard whether they were made."""
        return self._steps_of_run().filter(MADE_OR_ALTERED | LEFT, ref="").exists()

    def _steps_of_run(self) -> QuerySet[BackfillStep]:
        of_run = BackfillStep.objects.filter(row__run=self.run)
        return of_run if self._chosen is None else of_run.filter(row__external_id__in=self._chosen)


@dataclass(frozen=True, slots=True)
class Again:
    """Something to go through, read anew each time."""

    begin: Callable[[], Iterable[Any]]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.begin())


def known_of(one: Recorded, steps: Sequence[Step]) -> dict[str, Any]:
    """Return what a row's things tell: those in our own database, and elsewhere those that the run made."""
    ours = {step.name for step in steps if step.works is Works.WITH_LEDGER}
    return one.tell(steps, lambda step: step.name in ours or is_made(step))


def is_asked_once(step: Step) -> bool:
    return step.works is Works.PER_ROW


def _asked_here(step: Step, read: Sequence[Recorded]) -> Iterator[Wanted]:
    """Return what is to be looked up for a piece: of our own things only what the ledger does not know."""
    if step.works is not Works.WITH_LEDGER:
        return _asked(step, read)
    doubted = (one for one in read if step.name in one.steps and not one.steps[step.name].ref)
    return _asked(step, doubted)


def _asked(step: Step, read: Iterable[Recorded]) -> Iterator[Wanted]:
    """Return what rows wanted of a kind of thing that may be there."""
    for one in read:
        known = one.steps.get(step.name)
        if step.finds_unrecorded if known is None else is_ours(known):
            yield one.wanted
