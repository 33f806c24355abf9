"""Every row of a run against the world."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet

from billing.values import Subscription
from customers.backfill.ledger.recorded import Recorded, check_organization, records
from customers.backfill.ledger.standing import Standing, standing_of
from customers.backfill.reconcile.here import billed_elsewhere, diverging_here, extra_mappings
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from kernel import Divergence, RemoteStep, StepName, Wanted

State = BackfillStep.State
STANDING = (State.CREATED, State.ADOPTED)


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
    """`standing` is how far the import came when the comparison began."""

    run: BackfillRun
    standing: Standing
    rows: Counter[str] = field(default_factory=Counter)
    steps: dict[StepName, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.found and self.standing.is_finished

    @property
    def status(self) -> str:
        if self.found:
            return "diverges"
        return "agrees" if self.standing.is_finished else "unfinished"


def reconcile(run: BackfillRun, systems: Systems) -> Reconciliation:
    """Compare every row of a run with the world; raise Refused or RemoteError. Writes nothing."""
    check_organization(run, systems)
    result = Reconciliation(run, standing_of(run))
    looked = {step.name: _look_up(run, step) for step in systems.steps}
    keys = _keys(run, looked[StepName.LAGO_SUBSCRIPTION])
    extra = extra_mappings(run)
    for one in records(run):
        result.rows[one.row.outcome or "pending"] += 1
        result.found.extend(_not_imported(one))
        result.found.extend(_found(one, name, divergence) for name, divergence in _here(one, extra, keys))
        for step in systems.steps:
            result.found.extend(_remote(one, step, looked[step.name]))
        _count(result.steps, one)
    _count_diverging(result)
    return result


def _look_up(run: BackfillRun, step: RemoteStep) -> Mapping[str, Any]:
    """Ask a system for everything at once, by ids alone: the rows themselves would not fit the memory."""
    ids = _standing(run, step.name).values_list("row__external_id", flat=True)
    wanted = [_named(external_id) for external_id in ids.iterator()]
    return step.look_up(wanted) if wanted else {}


def _standing(run: BackfillRun, name: StepName) -> QuerySet[BackfillStep]:
    return BackfillStep.objects.filter(row__run=run, name=name, state__in=STANDING).order_by("row__line")


def _named(external_id: str) -> Wanted:
    return Wanted(
        line=0, email="", display_name="", external_id=external_id, id_tag="", plan_code="",
        start_date=None, subscription_at=None,
    )  # fmt: skip


def _keys(run: BackfillRun, found: Mapping[str, Sequence[Subscription]]) -> dict[str, str]:
    """Give, by customer, what Lago calls the subscription of the run, if it is there."""
    kept = _standing(run, StepName.LAGO_SUBSCRIPTION).values_list("row__external_id", "ref")
    return {
        external_id: subscription.external_id
        for external_id, ref in kept.iterator()
        for subscription in found.get(external_id, ())
        if subscription.lago_id == ref
    }


def _found(one: Recorded, name: StepName, divergence: Divergence) -> Found:
    return Found(one.line, one.external_id, name.value, divergence, one.state(name) == State.ADOPTED)


def _not_imported(one: Recorded) -> Iterator[Found]:
    if one.row.outcome in ("", "failed"):
        codes = ", ".join(problem["code"] for problem in one.row.problems) or "not reached"
        remedy = "Run the same command again, or correct the row if it is at fault."
        yield Found(one.line, one.external_id, "user", Divergence("not_imported", "imported", codes, remedy))


def _here(
    one: Recorded, extra: dict[int, list[str]], keys: Mapping[str, str]
) -> Iterator[tuple[StepName, Divergence]]:
    yield from diverging_here(one, extra)
    if divergence := billed_elsewhere(one, keys):
        yield StepName.ID_TAG_MAPPING, divergence


def _remote(one: Recorded, step: RemoteStep, found: Mapping[str, Any]) -> Iterator[Found]:
    """Compare what one system holds. What was adopted may differ in what the run never wrote."""
    if one.state(step.name) not in STANDING:
        return
    if step.name is StepName.STEVE_ID_TAG and not one.wanted.id_tag:
        return  # its mapping is missing, which is told already
    kept = one.steps[step.name]
    for divergence in step.compare(one.wanted, kept.ref, found):
        if kept.state == State.CREATED or not divergence.kind.endswith("_drifted"):
            yield _found(one, step.name, divergence)


def _count(counts: dict[StepName, StepCount], one: Recorded) -> None:
    for name, step in one.steps.items():
        if step.state in STANDING:
            count = counts.setdefault(name, StepCount())
            count.expected += 1
            count.created += step.state == State.CREATED
            count.adopted += step.state == State.ADOPTED


def _count_diverging(result: Reconciliation) -> None:
    diverging = Counter(step for step, _ in {(one.step, one.line) for one in result.found})
    for name, count in result.steps.items():
        count.diverging = diverging[name.value]
    order = list(StepName)
    result.steps = {name: result.steps[name] for name in order if name in result.steps}
    result.found.sort(key=lambda one: (one.line, order.index(StepName(one.step))))
