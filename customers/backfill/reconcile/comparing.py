"""Every row of a run against the world, step by step; no step is known by name."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from customers.backfill.ledger.identity import check_world
from customers.backfill.ledger.recorded import READ_SIZE, Recorded, Things, records, since, with_several_rows
from customers.backfill.ledger.standing import standing_of
from customers.backfill.ledger.taken_back import taken_back, to_go_on
from customers.backfill.money.invoiced import InvoicedSince
from customers.backfill.reconcile.result import Found, Reconciliation, Remark, StepCount
from customers.backfill.steps import in_order, kinds
from customers.backfill.systems import Systems
from customers.behind import read_ahead
from customers.models import BackfillRun, BackfillStep
from kernel import Divergence, Fact, Facts, Invoiced, Per, Step, Thing, Works
from kernel.chunks import chunks

State = BackfillStep.State
STANDING = (State.CREATED, State.ADOPTED)
UNFINISHED = ("", "failed")  # outcomes of rows that are not whole
BEFORE_USE = ("missing", "other_owner")  # what may be held against a thing that is not put to use yet


@dataclass(frozen=True, slots=True)
class Looked:
    """What one step found of everything that the run recorded.

    `shared` is what it tells to the cards of customers who have several.
    """

    step: Step
    found: Any
    shared: Mapping[str, Facts]


def reconcile(run: BackfillRun, systems: Systems) -> Reconciliation:
    """Compare every row of a run with the world; raise Refused or RemoteError. Writes nothing."""
    check_world(run, systems)
    result = Reconciliation(run, standing_of(run))
    several = with_several_rows(run.rows.all())
    once = [step for step in systems.steps if step.works is Works.PER_ROW]
    looked = {step.name: _look(run, step, several) for step in once}
    result.cautions = [
        caution for one in looked.values() if one.found for caution in one.step.cautions(one.found)
    ]
    gone = taken_back(run)
    seen: set[str] = set()
    for some in read_ahead(chunks(records(run, with_times=False), READ_SIZE)):
        things = {one.line: _things(one, systems.steps, looked, seen) for one in some}
        _compare(result, some, systems.steps, looked, things, gone)
    _order(result)
    result.invoiced = InvoicedSince.of(_invoiced(run, systems.steps))
    if run.status == BackfillRun.Status.REVERTING:
        result.found = [_in_a_revert(one, f"backfill_revert --run-id {run.run_id}") for one in result.found]
    if run.taking_back:
        going = set(run.taking_back)
        result.found = [
            _in_a_revert(one, to_go_on(run)) if one.external_id in going else one for one in result.found
        ]
    return result


def _invoiced(run: BackfillRun, steps: Iterable[Step]) -> Iterator[Invoiced]:
    for step in steps:
        if step.costs:
            yield from step.invoiced(Things(run, step.name, STANDING), since(run))


def _in_a_revert(one: Found, command: str) -> Found:
    """Advise nothing else while a revert is unfinished: it has stopped on purpose what looks broken."""
    remedy = f"Finish the revert: python manage.py {command}"
    return replace(one, divergence=replace(one.divergence, remedy=remedy))


def _look(run: BackfillRun, step: Step, several: Container[str]) -> Looked:
    """Ask a system for everything at once. The rows are read once more for it: all would fill the memory."""
    things = Things(run, step.name, STANDING)
    found = step.look_again(things, since(run)) if things else {}
    shared = {}
    if step.per is Per.CUSTOMER and several and things:
        theirs = (thing for thing in things if thing.wanted.external_id in several)
        shared = {thing.wanted.external_id: facts for thing in theirs if (facts := _told(step, thing, found))}
    return Looked(step, found, shared)


def _told(step: Step, thing: Thing, found: Any) -> Facts:
    """Return what a thing tells as it is now; nothing if it is not there."""
    key = step.key_of(thing, found)
    return {} if key is None else step.tell(thing.wanted, thing.ref, key)


def _compare(
    result: Reconciliation,
    some: Sequence[Recorded],
    steps: Sequence[Step],
    looked: Mapping[str, Looked],
    things: Mapping[int, Mapping[str, Thing]],
    gone: Container[str],
) -> None:
    """Compare some rows; `things` are theirs, by line and step, and `gone` who was taken back on purpose.

    What lies in a database is looked up for these rows alone, which costs little memory.
    """
    found = {name: one.found for name, one in looked.items()}
    after = since(result.run)
    for step in steps:
        if step.name not in looked:
            theirs = [things[one.line][step.name] for one in some if step.name in one.steps]
            found[step.name] = step.look_again(theirs, after)
    for one in some:
        result.rows[one.row.outcome or "pending"] += 1
        result.found.extend(() if one.external_id in gone else _not_imported(one))
        result.found.extend(_unanswered(one, result.run))
        for step in steps:
            if step.name not in one.steps:
                continue
            thing, answers = things[one.line][step.name], _answers(one, step, steps)
            told = list(_divergences(one, step, found[step.name], thing)) if answers else []
            result.found.extend(told)
            if one.state(step.name) in STANDING:
                _count(result, one, step.name, diverges=bool(told))
                result.remarks.extend(_remarks(one, step, found[step.name], thing))


def _things(
    one: Recorded, steps: Sequence[Step], looked: Mapping[str, Looked], seen: set[str]
) -> Mapping[str, Thing]:
    """Return a row's things, with what they tell each other as they are now; `seen`: customers so far."""
    answers = one.row.outcome not in UNFINISHED and any(
        one.state(step.name) in STANDING for step in steps if step.is_keystone
    )
    facts: dict[str, Any] = {Fact.IS_FIRST: answers and one.external_id not in seen}
    if answers:
        seen.add(one.external_id)
    things = {name: one.thing(name, facts) for name in one.steps}
    for step in steps:
        if step.name not in things:
            continue
        if step.name not in looked:
            facts |= step.tell(one.wanted, one.ref(step.name), "")
        elif one.external_id in looked[step.name].shared:
            facts |= looked[step.name].shared[one.external_id]
        elif one.state(step.name) in STANDING:
            facts |= _told(step, things[step.name], looked[step.name].found)
    return things


def _not_imported(one: Recorded) -> Iterator[Found]:
    if one.row.outcome in UNFINISHED:
        codes = ", ".join(problem["code"] for problem in one.row.problems) or _how_far(one)
        remedy = "Run the same command again, or correct the row if it is at fault."
        step = next(iter(kinds()))  # a row that failed may have none of its own
        yield Found(one.line, one.external_id, step, Divergence("not_imported", "imported", codes, remedy))


def _unanswered(one: Recorded, run: BackfillRun) -> Iterator[Found]:
    """Name what a repair was about to do of a row that was whole before, and never heard the answer of."""
    if one.row.outcome in UNFINISHED:
        return
    remedy = f"Repair once more: python manage.py backfill_repair --run-id {run.run_id}"
    for name, step in one.steps.items():
        if step.state == State.INTENDED:
            told = step.code or "a call without an answer"
            yield Found(one.line, one.external_id, name, Divergence("unrepaired", "repaired", told, remedy))


def _how_far(one: Recorded) -> str:
    if any(step.state == State.INTENDED for step in one.steps.values()):
        return "was under way: calls without an answer"
    return "not reached"


def _answers(one: Recorded, step: Step, steps: Iterable[Step]) -> bool:
    """Return whether a row answers for a thing.

    A further card does for a shared one that has gone from our database, as long as its own mapping stands.
    """
    if one.state(step.name) != State.SHARED:
        return one.state(step.name) in STANDING
    has_gone = bool(step.row_column) and not one.ref(step.name)
    return has_gone and any(one.state(other.name) in STANDING for other in steps if other.is_keystone)


def _divergences(one: Recorded, step: Step, found: Any, thing: Thing) -> Iterable[Found]:
    """Compare one thing. What was adopted may differ in what the run never wrote.

    Of a row that is not whole, a thing that is put to use at the end must only be there.
    """
    adopted = one.state(step.name) == State.ADOPTED
    before_use = step.activates and one.row.outcome in UNFINISHED
    for divergence in step.compare(thing, found):
        drifted = adopted and divergence.kind.endswith("_drifted")
        if not drifted and (not before_use or divergence.kind in BEFORE_USE):
            yield Found(one.line, one.external_id, step.name, divergence, adopted)


def _remarks(one: Recorded, step: Step, found: Any, thing: Thing) -> Iterator[Remark]:
    for what in step.remarks(thing, found):
        yield Remark(one.line, one.external_id, step.name, what)


def _count(result: Reconciliation, one: Recorded, name: str, *, diverges: bool) -> None:
    if (count := result.steps.get(name)) is None:
        count = result.steps[name] = StepCount()
    count.expected += 1
    count.created += one.state(name) == State.CREATED
    count.adopted += one.state(name) == State.ADOPTED
    count.diverging += diverges


def _order(result: Reconciliation) -> None:
    order = in_order({*result.steps, *(one.step for one in result.found)})
    result.steps = {name: result.steps[name] for name in order if name in result.steps}
    result.found.sort(key=lambda one: (one.line, order.index(one.step)))
