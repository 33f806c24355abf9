"""Every row of a run against the world."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from billing.values import Subscription
from customers.backfill.reconcile.here import billed_elsewhere, diverging_here, extra_mappings
from customers.backfill.recorded import Recorded, check_organization, records
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from polaris_backfill.kernel import Divergence, RemoteStep, StepName

State = BackfillStep.State


@dataclass(frozen=True, slots=True)
class Found:
    """One divergence, named so that it can be looked up anywhere. `adopted`: not made by the run."""

    line: int
    external_id: str
    step: str
    divergence: Divergence
    adopted: bool = False


@dataclass(slots=True)
class StepCount:
    """How many things of a kind the run answers for, and how many are as recorded."""

    expected: int = 0
    created: int = 0
    adopted: int = 0
    diverging: int = 0

    @property
    def agreeing(self) -> int:
        return self.expected - self.diverging


@dataclass(slots=True)
class Reconciliation:
    run: BackfillRun
    rows: Counter[str] = field(default_factory=Counter)
    steps: dict[StepName, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.found


def reconcile(run: BackfillRun, systems: Systems) -> Reconciliation:
    """Compare every row of a run with the world; raise Refused or RemoteError. Writes nothing."""
    check_organization(run, systems)
    result = Reconciliation(run)
    recorded = list(records(run))
    extra = extra_mappings(run)
    for one in recorded:
        result.rows[one.row.outcome or "pending"] += 1
        result.found.extend(_not_imported(one))
        for name, divergence in diverging_here(one, extra):
            result.found.append(_found(one, name, divergence))
    for step in systems.steps:
        there = _there(step, recorded)
        found = step.look_up([one.wanted for one in there]) if there else {}
        result.found.extend(_remote(step, there, found))
        if step.name is StepName.LAGO_SUBSCRIPTION:
            result.found.extend(_billed_elsewhere(recorded, _keys(there, found)))
    result.found.sort(key=lambda found: (found.line, list(StepName).index(StepName(found.step or "user"))))
    result.steps = _counts(recorded, result.found)
    return result


def _found(one: Recorded, name: StepName, divergence: Divergence) -> Found:
    return Found(one.line, one.external_id, name.value, divergence, one.state(name) == State.ADOPTED)


def _not_imported(one: Recorded) -> Iterator[Found]:
    if one.row.outcome in ("", "failed"):
        codes = ", ".join(problem["code"] for problem in one.row.problems) or "not reached"
        remedy = "Run the same command again: it continues this run."
        yield Found(one.line, one.external_id, "user", Divergence("not_imported", "imported", codes, remedy))


def _there(step: RemoteStep, recorded: Sequence[Recorded]) -> list[Recorded]:
    there = [one for one in recorded if one.state(step.name) in (State.CREATED, State.ADOPTED)]
    if step.name is StepName.STEVE_ID_TAG:
        return [one for one in there if one.wanted.id_tag]  # without its mapping, which is told already
    return there


def _remote(step: RemoteStep, there: Sequence[Recorded], found: Mapping[str, Any]) -> Iterator[Found]:
    """Compare what one system holds. What was adopted may differ in what the run never wrote."""
    for one in there:
        kept = one.steps[step.name]
        for divergence in step.compare(one.wanted, kept.ref, found):
            if kept.state == State.CREATED or not divergence.kind.endswith("_drifted"):
                yield _found(one, step.name, divergence)


def _keys(there: Sequence[Recorded], found: Mapping[str, Sequence[Subscription]]) -> dict[str, str]:
    """Give, by customer, what Lago calls the subscription of the run, if it is there."""
    refs = {one.external_id: one.steps[StepName.LAGO_SUBSCRIPTION].ref for one in there}
    return {
        external_id: subscription.external_id
        for external_id, ref in refs.items()
        for subscription in found.get(external_id, ())
        if subscription.lago_id == ref
    }


def _billed_elsewhere(recorded: Sequence[Recorded], keys: Mapping[str, str]) -> Iterator[Found]:
    for one in recorded:
        if divergence := billed_elsewhere(one, keys):
            yield _found(one, StepName.ID_TAG_MAPPING, divergence)


def _counts(recorded: Sequence[Recorded], found: Sequence[Found]) -> dict[StepName, StepCount]:
    counts: dict[StepName, StepCount] = {}
    for one in recorded:
        for name, step in one.steps.items():
            if step.state in (State.CREATED, State.ADOPTED):
                count = counts.setdefault(name, StepCount())
                count.expected += 1
                count.created += step.state == State.CREATED
                count.adopted += step.state == State.ADOPTED
    diverging = Counter(step for step, _ in {(one.step, one.line) for one in found})
    for name, count in counts.items():
        count.diverging = diverging[name.value]
    return {name: counts[name] for name in StepName if name in counts}
