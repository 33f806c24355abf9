"""Decide what a revert would remove, what it leaves, and for whom it asks first."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.client import supports_skip
from customers.backfill.engine.options import Refused
from customers.backfill.engine.plan import CLOCK_TOLERANCE
from customers.backfill.ledger.recorded import Recorded, check_organization, records
from customers.backfill.ledger.standing import Standing, standing_of
from customers.backfill.revert.activity import Activity, find_activity, sessions_by_tag
from customers.backfill.systems import STEVE, Systems
from customers.models import BackfillRun, BackfillStep
from kernel import Action, RemoteStep, StepName

State = BackfillStep.State
BY_CHOICE = "kept_active"  # the code of steps that --keep-active left
LEFT_OUT = "left_out"  # the code of steps in a system that --without named
IN_STEVE = frozenset({StepName.STEVE_ID_TAG})


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to remove. `ref` is the system's own id, also where the run never heard the answer."""

    name: StepName
    ref: str
    undo: Mapping[str, Any]


@dataclass(slots=True)
class RowPlan:
    """What a revert does with a row: what it removes, in that order, and what it leaves."""

    recorded: Recorded
    remove: list[Target] = field(default_factory=list)
    leave: dict[StepName, str] = field(default_factory=dict)  # why
    left_out: dict[StepName, str] = field(default_factory=dict)  # where nobody looks: what stays there
    gone: list[StepName] = field(default_factory=list)
    disuse: dict[StepName, str] = field(default_factory=dict)  # of what is in `remove`, what stays, and why

    @property
    def is_to_note(self) -> bool:
        """Tell whether the ledger does not know yet that something stays where nobody looks."""
        return any(self.recorded.state(name) != State.KEPT for name in self.left_out)

    @property
    def goes(self) -> list[StepName]:
        """Name what will be there no more, in that order."""
        return [target.name for target in self.remove if target.name not in self.disuse]

    @property
    def stays(self) -> dict[StepName, str]:
        return {**self.leave, **self.left_out, **self.disuse}


@dataclass(slots=True)
class RevertPlan:
    """`standing` is how far the import came; a revert takes back whatever part there is."""

    run: BackfillRun
    rows: list[RowPlan]
    active: Activity
    found: Mapping[StepName, Mapping[str, Any]]
    standing: Standing

    @property
    def left_out(self) -> int:
        """Count the things that stay where nobody looks."""
        return sum(len(row.left_out) for row in self.rows)

    @property
    def is_empty(self) -> bool:
        return not any(row.remove or row.gone or row.is_to_note for row in self.rows)

    def is_active(self, row: RowPlan) -> bool:
        return row.recorded.external_id in self.active


def plan_revert(run: BackfillRun, systems: Systems) -> RevertPlan:
    """Look at everything the run made; nothing is written. Raises Refused or RemoteError."""
    check_organization(run, systems)
    if supports_skip(systems.target.version) is False:
        raise Refused(
            f"This Lago is {systems.target.version}: before 1.32 it bills whenever a subscription ends.",
            "Update Lago, then revert. Nothing was removed.",
        )
    recorded = [one for one in records(run) if any(_is_ours(step) for step in one.steps.values())]
    found = {step.name: _look_up(step, recorded) for step in systems.steps}
    left_out = IN_STEVE if STEVE in systems.without else frozenset()
    rows = [_plan_row(one, systems.steps, found, left_out) for one in recorded]
    touched = [row.recorded for row in rows if row.remove]
    sessions = sessions_by_tag(run, touched, systems)
    for row in rows:
        _keep_history(row, sessions.keys())
    active = find_activity(run, touched, systems, sessions) if touched else {}
    return RevertPlan(run, rows, active, found, standing_of(run))


def _is_ours(step: BackfillStep) -> bool:
    """Tell whether a step may have made or altered something that still stands."""
    return (
        step.state in (State.CREATED, State.INTENDED)
        or (step.state == State.ADOPTED and bool(step.undo))
        or (step.state == State.KEPT and step.code in (BY_CHOICE, LEFT_OUT))
    )


def _look_up(step: RemoteStep, recorded: Sequence[Recorded]) -> Mapping[str, Any]:
    wanted = [one.wanted for one in recorded if step.name in one.steps and _is_ours(one.steps[step.name])]
    return step.look_up(wanted) if wanted else {}


def _plan_row(
    one: Recorded,
    remote: Sequence[RemoteStep],
    found: Mapping[StepName, Mapping[str, Any]],
    left_out: Container[StepName],
) -> RowPlan:
    row = RowPlan(one)
    by_name = {step.name: step for step in remote}
    for name in reversed(StepName):
        step = one.steps.get(name)
        if step is None:
            continue
        if not _is_ours(step):
            row.leave |= _left(name, step)
        elif name in left_out:
            row.left_out[name] = _stays_unseen(step)
        elif step.state == State.INTENDED and not step.ref:
            _settle(row, by_name[name], step, found[name])
        else:
            row.remove.append(Target(name, step.ref, step.undo))
    return row


def _keep_history(row: RowPlan, charged: Container[str]) -> None:
    """Say beforehand which idTags stay, blocked: those with a history, and those that are not ours."""
    for target in row.remove:
        if target.name is StepName.ID_TAG_MAPPING and target.undo:
            row.disuse[target.name] = "it was there before the run; it is given back as it was"
        elif target.name is StepName.STEVE_ID_TAG and target.undo:
            row.disuse[target.name] = "it was there before the run; it is blocked again"
        elif target.name is StepName.STEVE_ID_TAG and target.ref in charged:
            row.disuse[target.name] = "it has charged; it is blocked, and kept with its history"


def _stays_unseen(step: BackfillStep) -> str:
    if not step.ref:
        return "SteVe was left out; whether it is there cannot be told"
    return f"SteVe was left out; number {step.ref} stays there as it is"


def _left(name: StepName, step: BackfillStep) -> dict[StepName, str]:
    if step.state == State.ADOPTED:
        return {name: "it was there before the run"}
    if step.state == State.KEPT:
        return {name: "kept by an earlier revert"}
    return {}


def _settle(row: RowPlan, remote: RemoteStep, step: BackfillStep, found: Mapping[str, Any]) -> None:
    """Find out by looking whether an unanswered create was carried out."""
    verdict = remote.check(row.recorded.wanted, found)
    name = StepName(step.name)
    if verdict.action is Action.CREATE:
        row.gone.append(name)
        return
    age_known = verdict.since is not None and step.intended_at is not None
    is_older = age_known and verdict.since < step.intended_at - CLOCK_TOLERANCE  # type: ignore[operator]
    if verdict.action is not Action.ADOPT or verdict.warnings or is_older:
        row.leave[name] = "whether the run made it cannot be told; look at it by hand"
        return
    row.remove.append(Target(name, verdict.ref, {}))
