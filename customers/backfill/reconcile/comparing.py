"""Every row of a run against the world, step by step; no step is known by name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.recorded import READ_SIZE, Recorded, records
from customers.backfill.ledger.standing import Standing, standing_of
from customers.backfill.steps import in_order
from customers.backfill.systems import Systems
from customers.chunks import chunks
from customers.models import BackfillRun, BackfillStep
from kernel import Divergence, Facts, Per, Step, Thing, Works

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
    steps: dict[str, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.found and self.standing.is_finished

    @property
    def status(self) -> str:
        if self.found:
            return "diverges"
        return "agrees" if self.standing.is_finished else "unfinished"


@dataclass(frozen=True, slots=True)
class Looked:
    """What one step found of everything that the run recorded; `shared` is told to the further cards."""

    step: Step
    found: Any
    shared: Mapping[str, Facts]


def reconcile(run: BackfillRun, systems: Systems) -> Reconciliation:
    """Compare every row of a run with the world; raise Refused or RemoteError. Writes nothing."""
    check_world(run, systems)
    result = Reconciliation(run, standing_of(run))
    looked = {step.name: _look(run, step) for step in systems.steps if step.works is Works.PER_ROW}
    for some in chunks(records(run), READ_SIZE):
        _compare(result, some, systems.steps, looked)
    _order(result)
    return result


def _look(run: BackfillRun, step: Step) -> Looked:
    """Ask a system for everything at once. The rows are read once more for it: all would fill the memory."""
    things = _Things(run, step.name)
    found = step.look_again(things) if things else {}
    shared = {}
    if step.per is Per.CUSTOMER and things:
        shared = {thing.wanted.external_id: facts for thing in things if (facts := _told(step, thing, found))}
    return Looked(step, found, shared)


@dataclass(frozen=True, slots=True)
class _Things:
    """All things of a kind that a run answers for, read anew each time they are gone through."""

    run: BackfillRun
    name: str

    def __bool__(self) -> bool:
        return BackfillStep.objects.filter(row__run=self.run, name=self.name, state__in=STANDING).exists()

    def __iter__(self) -> Iterator[Thing]:
        rows = self.run.rows.filter(steps__name=self.name, steps__state__in=STANDING)
        return (one.thing(self.name, {}) for one in records(self.run, rows))


def _told(step: Step, thing: Thing, found: Any) -> Facts:
    """Return what a thing tells as it is now; nothing if it is not there."""
    key = step.key_of(thing, found)
    return {} if key is None else step.tell(thing.wanted, thing.ref, key)


def _compare(
    result: Reconciliation,
    some: Sequence[Recorded],
    steps: Sequence[Step],
    looked: Mapping[str, Looked],
) -> None:
    """Compare some rows. What lies in a database is looked up for them alone, which costs little memory."""
    known = {one.line: _known(one, steps, looked) for one in some}
    here = {}
    for step in steps:
        if step.name not in looked:
            things = [one.thing(step.name, known[one.line]) for one in some if step.name in one.steps]
            here[step.name] = step.look_again(things)
    for one in some:
        result.rows[one.row.outcome or "pending"] += 1
        result.found.extend(_not_imported(one))
        for step in steps:
            found = here[step.name] if step.name in here else looked[step.name].found
            if _answers(one, step, steps):
                result.found.extend(_divergences(one, step, found, known[one.line]))
        _count(result, one)


def _known(one: Recorded, steps: Sequence[Step], looked: Mapping[str, Looked]) -> dict[str, Any]:
    """Return what the things of a row tell each other, as they are now."""
    facts: dict[str, Any] = {}
    for step in steps:
        if step.name not in one.steps:
            continue
        if step.name not in looked:
            facts |= step.tell(one.wanted, one.ref(step.name), "")
        elif one.external_id in looked[step.name].shared:
            facts |= looked[step.name].shared[one.external_id]
        elif one.state(step.name) in STANDING and step.per is Per.CARD:
            facts |= _told(step, one.thing(step.name, {}), looked[step.name].found)
    return facts


def _not_imported(one: Recorded) -> Iterator[Found]:
    if one.row.outcome in ("", "failed"):
        codes = ", ".join(problem["code"] for problem in one.row.problems) or "not reached"
        remedy = "Run the same command again, or correct the row if it is at fault."
        step = next(iter(in_order(one.steps)), "user")
        yield Found(one.line, one.external_id, step, Divergence("not_imported", "imported", codes, remedy))


def _answers(one: Recorded, step: Step, steps: Iterable[Step]) -> bool:
    """Return whether a row answers for a thing.

    A further card does for a shared one that has gone from our database, as long as its own mapping stands.
    """
    if one.state(step.name) != State.SHARED:
        return one.state(step.name) in STANDING
    has_gone = bool(step.row_column) and not one.ref(step.name)
    return has_gone and any(one.state(other.name) in STANDING for other in steps if other.is_keystone)


def _divergences(one: Recorded, step: Step, found: Any, known: Facts) -> Iterable[Found]:
    """Compare one thing. What was adopted may differ in what the run never wrote.

    Of a row that is not whole, what is put to use at its end is no divergence.
    """
    if step.works is not Works.PER_ROW and one.row.outcome in ("", "failed"):
        return
    adopted = one.state(step.name) == State.ADOPTED
    for divergence in step.compare(one.thing(step.name, known), found):
        if not adopted or not divergence.kind.endswith("_drifted"):
            yield Found(one.line, one.external_id, step.name, divergence, adopted)


def _count(result: Reconciliation, one: Recorded) -> None:
    for name, step in one.steps.items():
        if step.state in STANDING:
            count = result.steps.setdefault(name, StepCount())
            count.expected += 1
            count.created += step.state == State.CREATED
            count.adopted += step.state == State.ADOPTED


def _order(result: Reconciliation) -> None:
    diverging = Counter(
        step
        for step, _ in {(one.step, one.line) for one in result.found if one.divergence.kind != "not_imported"}
    )
    for name, count in result.steps.items():
        count.diverging = diverging[name]
    order = in_order({*result.steps, *(one.step for one in result.found)})
    result.steps = {name: result.steps[name] for name in order if name in result.steps}
    result.found.sort(key=lambda one: (one.line, order.index(one.step)))
