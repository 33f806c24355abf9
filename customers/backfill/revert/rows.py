"""What a revert does with one row: decided by what the run recorded, and by what was looked up."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from customers.backfill.ledger.entries import LedgerStep
from customers.backfill.ledger.recorded import Recorded, was_left
from customers.backfill.steps import in_order, kinds
from customers.models import BackfillStep
from kernel import Action, Facts, Step, Thing

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
    found: Mapping[str, Any] = field(default_factory=dict, repr=False)  # by step, what a removal needs
    remove: list[Target] = field(default_factory=list)
    leave: dict[str, str] = field(default_factory=dict)  # why
    left_out: dict[str, str] = field(default_factory=dict)  # where nobody looks: what stays there
    gone: list[str] = field(default_factory=list)
    disuse: dict[str, str] = field(default_factory=dict)  # of what is in `remove`, what stays, and why
    obstacle: str = ""  # why a removal would fail now, from that thing on
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

    @property
    def ends_paying(self) -> bool:
        """Return whether what the customer pays by goes with this row."""
        return any(kinds()[target.step].costs for target in self.remove)


def is_ours(step: LedgerStep) -> bool:
    """Return whether a step may have made or altered something that still stands."""
    return (
        step.state in (State.CREATED, State.INTENDED)
        or (step.state == State.ADOPTED and bool(step.undo))
        or was_left(step)
    )


def plan_row(one: Recorded, connected: Mapping[str, Step], found: Mapping[str, Any], known: Facts) -> RowPlan:
    """Decide a row; `connected` are the steps by name, `known` what the things of the row tell each other."""
    row, known_kinds = RowPlan(one), kinds()
    for name in reversed(in_order(one.steps)):
        step = one.steps[name]
        if not is_ours(step):
            row.leave |= _left(name, step)
        elif name not in known_kinds:  # left out by an earlier revert, and its step is gone since
            row.leave[name] = "kept by an earlier revert"
        elif name not in connected:
            row.left_out[name] = _stays_unseen(name, step)
        elif not step.ref:
            _settle(row, connected[name], found[name], known)
        else:
            row.remove.append(Target(name, one.thing(name, known)))
    return row


def add_unrecorded(
    row: RowPlan, finding: Iterable[Step], ending: Container[str], found: Mapping[str, Any], known: Facts
) -> None:
    """Add what others made of a row, in a system that the run knew nothing of, if its customer stops paying.

    `finding` are the steps that look for it; `ending`, the customers who stop.
    """
    one = row.recorded
    for step in finding if one.external_id in ending else ():
        if step.name in one.steps:
            continue
        for thing in step.unrecorded(one.wanted, found[step.name]):
            row.unrecorded.append(Target(step.name, replace(thing, facts=known)))
            row.leave[step.name] = step.unrecorded_stays()


def things_of(rows: Iterable[RowPlan], name: str, known: Mapping[int, Facts]) -> list[Thing]:
    """Return the things of a kind that may be there; of those to be removed, as the look settled them.

    `known` is by the row's line.
    """
    things = []
    for row in rows:
        settled = next((target.thing for target in row.remove if target.step == name), None)
        if settled is None and row.recorded.state(name) in THERE:
            settled = row.recorded.thing(name, known[row.recorded.line])
        if settled is not None:
            things.append(settled)
        things += [target.thing for target in row.unrecorded if target.step == name]
    return things


def foretell(row: RowPlan, steps: Sequence[Step], found: Mapping[str, Any], back: Mapping[str, Any]) -> None:
    """Say beforehand what stays of what is to be removed: it has a history, is not ours, or cannot go now."""
    by_name = {step.name: step for step in steps}
    for target in row.remove:
        name = target.step
        row.obstacle = row.obstacle or by_name[name].obstacle(target.thing, found[name])
        if why := row.obstacle or by_name[name].forecast(target.thing, found[name], back[name]):
            row.disuse[name] = why


def _stays_unseen(name: str, step: LedgerStep) -> str:
    system = kinds()[name].system
    if not step.ref:
        return f"{system} was left out; whether it is there cannot be told"
    return f"{system} was left out; number {step.ref} stays there as it is"


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
