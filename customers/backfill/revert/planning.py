"""Decide what a revert would remove, what it leaves, and for whom it asks first."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import QuerySet

from billing.abilities import Abilities
from billing.client import supports_skip
from customers.backfill.ledger.entries import LedgerStep
from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.ledger.recorded import Recorded, records, since, was_left
from customers.backfill.ledger.standing import Standing, standing_of
from customers.backfill.refused import Refused
from customers.backfill.revert.activity import Activity, find_activity, known_of
from customers.backfill.revert.chosen import choose
from customers.backfill.steps import in_order, kinds
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import Action, Facts, Problem, Step, Thing

State = BackfillStep.State
THERE = (State.CREATED, State.ADOPTED, State.INTENDED, State.KEPT)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to remove. Its `ref` is the system's own id, also where the run never heard the answer."""

    step: str
    thing: Thing


@dataclass(slots=True)
class RowPlan:
    """What a revert does with a row: what it removes, in that order, and what it leaves."""

    recorded: Recorded
    remove: list[Target] = field(default_factory=list)
    leave: dict[str, str] = field(default_factory=dict)  # why
    left_out: dict[str, str] = field(default_factory=dict)  # where nobody looks: what stays there
    gone: list[str] = field(default_factory=list)
    disuse: dict[str, str] = field(default_factory=dict)  # of what is in `remove`, what stays, and why
    unrecorded: list[Target] = field(default_factory=list)  # what others made of it; stopped, and left

    @property
    def is_to_note(self) -> bool:
        """Return whether the ledger does not know yet that something stays where nobody looks."""
        return any(self.recorded.state(name) != State.KEPT for name in self.left_out)

    @property
    def goes(self) -> list[str]:
        """Name what will be there no more, in that order."""
        return [target.step for target in self.remove if target.step not in self.disuse]

    @property
    def stays(self) -> dict[str, str]:
        return {**self.leave, **self.left_out, **self.disuse}


@dataclass(slots=True)
class RevertPlan:
    """`standing` is how far the import came; a revert takes back whatever part there is.

    `chosen` are the customers that it is about; None: all of them.
    """

    run: BackfillRun
    rows: list[RowPlan]
    active: Activity
    found: Mapping[str, Any]
    standing: Standing
    cautions: Sequence[Problem] = ()  # of what was looked at as a whole
    chosen: frozenset[str] | None = None

    @property
    def left_out(self) -> int:
        """Count the things that stay where nobody looks."""
        return sum(len(row.left_out) for row in self.rows)

    def left_out_sentences(self) -> list[str]:
        """Say, for each kind of thing that is left out, how many stay and what that means."""
        counts = Counter(name for row in self.rows for name in row.left_out)
        return [kinds()[name].stays(counts[name]) for name in in_order(counts)]

    @property
    def is_empty(self) -> bool:
        return not any(row.remove or row.gone or row.is_to_note for row in self.rows)

    def why_empty(self, the_run: str) -> str:
        """Say why there is nothing to remove."""
        of_whom = "" if self.chosen is None else " of the chosen customers"
        what = f"what {the_run} created{of_whom}"
        if not self.standing.staged:
            return f"{the_run} created nothing, as no row of it was staged"
        steps = BackfillStep.objects.filter(row__in=_rows(self.run, self.chosen))
        if kept := steps.filter(state=State.KEPT).count():
            things = "1 thing that was kept" if kept == 1 else f"{kept:,} things that were kept"
            return f"{what} is gone already, but for {things}"
        if steps.filter(state=State.REMOVED).exists():
            return f"{what} is gone already"
        return f"{the_run} created nothing{of_whom}"

    def is_active(self, row: RowPlan) -> bool:
        return row.recorded.external_id in self.active


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
    read = records(run, _rows(run, chosen))
    read = read if reclaim is None else map(reclaim.laid_over, read)
    recorded = [one for one in read if any(_is_ours(step) for step in one.steps.values())]
    found = {step.name: _look_up(step, recorded) for step in systems.steps}
    known = {one.line: known_of(one, systems.steps) for one in recorded}
    rows = [_plan_row(one, systems, found, known[one.line]) for one in recorded]
    _find_unrecorded(rows, systems.steps, found, known)
    touched = [row for row in rows if row.remove]
    things = {step.name: _things(touched, step.name, known) for step in systems.steps}
    back = {step.name: step.look_back(things[step.name], since(run)) for step in systems.steps}
    for row in touched:
        _foretell(row, systems.steps, found, back)
    active = find_activity(run, things, systems.steps, found, back) if touched else {}
    cautions = [caution for step in systems.steps for caution in step.cautions(found[step.name])]
    return RevertPlan(run, rows, active, found, standing_of(run), cautions, chosen)


def _rows(run: BackfillRun, chosen: frozenset[str] | None) -> QuerySet[BackfillRow]:
    return run.rows.all() if chosen is None else run.rows.filter(external_id__in=chosen)


def _require_unbilled_ends(systems: Systems) -> None:
    """Refuse before anything is begun what would fail row by row, and leave the run neither here nor gone."""
    version = systems.target.version
    if Abilities(systems.lago, version).ends_unbilled is False:
        told = version if supports_skip(version) is False else "an old one, as its subscriptions show"
        raise Refused(
            f"This Lago is {told}: before 1.32 it bills whenever a subscription ends.",
            "Update Lago, then revert. Nothing was removed, and the run is as it was.",
        )


def _is_ours(step: LedgerStep) -> bool:
    """Return whether a step may have made or altered something that still stands."""
    return (
        step.state in (State.CREATED, State.INTENDED)
        or (step.state == State.ADOPTED and bool(step.undo))
        or was_left(step)
    )


def _look_up(step: Step, recorded: Sequence[Recorded]) -> Any:
    wanted = [
        one.wanted
        for one in recorded
        if (_is_ours(one.steps[step.name]) if step.name in one.steps else step.finds_unrecorded)
    ]
    return step.look_up(wanted)


def _find_unrecorded(
    rows: Sequence[RowPlan], steps: Sequence[Step], found: Mapping[str, Any], known: Mapping[int, Facts]
) -> None:
    """Find what others made, in a system that the run knew nothing of, of customers who stop paying."""
    ending = {row.recorded.external_id for row in rows if any(_pays(target) for target in row.remove)}
    finding = [step for step in steps if step.finds_unrecorded]
    for row in rows:
        one = row.recorded
        for step in finding if one.external_id in ending else ():
            if step.name in one.steps:
                continue
            for thing in step.unrecorded(one.wanted, found[step.name]):
                row.unrecorded.append(Target(step.name, replace(thing, facts=known[one.line])))
                row.leave[step.name] = step.unrecorded_stays()


def _pays(target: Target) -> bool:
    return kinds()[target.step].costs


def _plan_row(one: Recorded, systems: Systems, found: Mapping[str, Any], known: Facts) -> RowPlan:
    row = RowPlan(one)
    connected = {step.name: step for step in systems.steps}
    for name in reversed(in_order(one.steps)):
        step = one.steps[name]
        if not _is_ours(step):
            row.leave |= _left(name, step)
        elif name not in kinds():  # left out by an earlier revert, and its step is gone since
            row.leave[name] = "kept by an earlier revert"
        elif name not in connected:
            row.left_out[name] = _stays_unseen(name, step)
        elif not step.ref:
            _settle(row, connected[name], found[name], known)
        else:
            row.remove.append(Target(name, one.thing(name, known)))
    return row


def _stays_unseen(name: str, step: LedgerStep) -> str:
    system = kinds()[name].system
    if not step.ref:
        return f"{system} was left out; whether it is there cannot be told"
    return f"{system} was left out; number {step.ref} stays there as it is"


def _things(rows: Sequence[RowPlan], name: str, known: Mapping[int, Facts]) -> list[Thing]:
    """Return the things of a kind that may be there; of those to be removed, as the look settled them."""
    things = []
    for row in rows:
        settled = next((target.thing for target in row.remove if target.step == name), None)
        if settled is None and row.recorded.state(name) in THERE:
            settled = row.recorded.thing(name, known[row.recorded.line])
        if settled is not None:
            things.append(settled)
        things += [target.thing for target in row.unrecorded if target.step == name]
    return things


def _foretell(row: RowPlan, steps: Sequence[Step], found: Mapping[str, Any], back: Mapping[str, Any]) -> None:
    """Say beforehand what stays of what is to be removed: what has a history, and what is not ours."""
    by_name = {step.name: step for step in steps}
    for target in row.remove:
        name = target.step
        if why := by_name[name].forecast(target.thing, found[name], back[name]):
            row.disuse[name] = why


def _left(name: str, step: LedgerStep) -> dict[str, str]:
    if step.state == State.ADOPTED:
        return {name: "it was there before the run"}
    if step.state == State.KEPT:
        return {name: "kept by an earlier revert"}
    return {}


def _settle(row: RowPlan, step: Step, found: Any, known: Facts) -> None:
    """Find out by looking whether an unanswered create was carried out."""
    wanted = row.recorded.wanted
    verdict = step.reconsider(wanted, found, step.check(wanted, found), known)
    if verdict.action is Action.CREATE:
        row.gone.append(step.name)
        return
    if verdict.action is not Action.ADOPT or not verdict.may_be_ours:
        row.leave[step.name] = "whether the run made it cannot be told; look at it by hand"
        return
    thing = Thing(row.recorded.wanted, verdict.ref, is_made=True, facts=known)
    row.remove.append(Target(step.name, thing))
