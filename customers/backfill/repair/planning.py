"""Decide what a repair would do: the ordinary judgement of steps, over the rows that a run recorded.

No step is known by name. What a step lets a repair put right it says itself, in `Step.repairs`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from customers.backfill.engine.plan import Looked, PlannedRow, RowAction, verdicts_on
from customers.backfill.ledger.recorded import Recorded, records
from customers.backfill.ledger.taken_back import to_go_on
from customers.backfill.reconcile import Found, reconcile
from customers.backfill.refused import Refused
from customers.backfill.repair.cards import readable, whole
from customers.backfill.repair.objections import (
    INACTIVE,
    MISSING,
    Objections,
    changed_customers,
    is_safe,
    objections,
)
from customers.backfill.repair.syncing import waiting_for_sync
from customers.backfill.repair.values import Advice, Doing, RepairPlan, RowRepair, Verb
from customers.backfill.steps import kinds, label
from customers.backfill.systems import Systems
from customers.models import BackfillRun, BackfillStep
from kernel import Action, Per, Step, Verdict, Wanted, Works
from kernel.chunks import chunks
from kernel.masking import mask_id_tag

Status, State = BackfillRun.Status, BackfillStep.State
NOT_NOW = {
    Status.QUEUED: "it waits for a worker",
    Status.RUNNING: "it is under way",
    Status.ABANDONED: "a later run over the same file has taken its place; repair that one",
    Status.REVERTING: "a revert of it is unfinished; finish that first",
    Status.REVERTED: "it was reverted, and nothing that it made is expected any more",
}
NO_CARD = (
    "No system that is connected still knows the idTag for sure, so it cannot be made again from what the run"
    " recorded. Import a file with this row alone and --skip-existing."
)


Owners = Mapping[tuple[str, str], int]


class NotSafe(Exception):
    """Something of a row is not as it has to be for a repair; says what and what to do."""


def plan_repair(run: BackfillRun, systems: Systems) -> RepairPlan:
    """Look at everything that the run recorded; nothing is written. Raises Refused or RemoteError."""
    check_now(run)
    told = reconcile(run, systems)
    steps = {step.name: step for step in systems.steps}
    plan = RepairPlan(run, told.standing)
    safe = {one for one in told.found if is_safe(one, steps)}
    against = objections(run, told.found, steps)
    why = _plan_rows(plan, systems.steps, safe, against) if safe else {}
    done = plan.keys
    left = [one for one in told.found if one not in safe or f"{one.line}:{one.step}" not in done]
    plan.waiting = waiting_for_sync(run, systems, left, plan.doings)
    left = [one for one in left if one not in plan.waiting]
    who = changed_customers(run, {one.external_id for one in left if _is_customer_off(one)})
    for one in left:
        means = kinds()[one.step].consequence(one.divergence.kind)
        by = who.get(one.external_id, "") if _is_customer_off(one) else ""
        plan.advice.append(Advice(one, f"{means} {by}".strip(), why.get(one.line, "") if one in safe else ""))
    return plan


def check_now(run: BackfillRun) -> None:
    """Raise Refused of a run that is not to be repaired as it is."""
    if not_now := NOT_NOW.get(Status(run.status)):
        raise Refused(f"The run {run.run_id} cannot be repaired: {not_now}.", _way(run))
    if run.taking_back:
        raise Refused(
            f"The run {run.run_id} cannot be repaired: a revert of chosen customers of it is unfinished.",
            f"Finish it first: python manage.py {to_go_on(run)}",
        )


def _is_customer_off(one: Found) -> bool:
    return one.divergence.kind == INACTIVE and kinds()[one.step].per is Per.CUSTOMER


def _way(run: BackfillRun) -> str:
    if run.status == Status.REVERTING:
        return f"Finish the revert: python manage.py backfill_revert --run-id {run.run_id}"
    return f"See it with: python manage.py backfill_runs {run.run_id}"


# --- rows ------------------------------------------------------------------------------------------------


def _plan_rows(
    plan: RepairPlan, steps: Sequence[Step], safe: Collection[Found], against: Objections
) -> dict[int, str]:
    """Add the rows that can be repaired; return, by line, why others are not."""
    by_line: dict[int, list[Found]] = defaultdict(list)
    for each in safe:
        by_line[each.line].append(each)
    owners = _owners(safe)
    recorded = list(_recorded(plan.run, by_line, {external_id for external_id, _ in owners}))
    looked, wanted = _look(plan.run, steps, recorded)
    why = {}
    for one in recorded:
        judging = Judging(one, wanted[one.line], by_line.get(one.line, []), owners)
        try:
            row = judging.row(looked, against)
        except NotSafe as reason:
            why[one.line] = str(reason)
            continue
        if row.doings:
            plan.rows.append(row)
    _leave_without_owner(plan, why)
    return why


def _leave_without_owner(plan: RepairPlan, why: dict[int, str]) -> None:
    """Leave rows alone that share what another one was to make, which cannot be repaired."""
    lines = {row.planned.line for row in plan.rows}
    for row in plan.rows:
        if row.planned.owner_line not in (None, *lines):
            why[row.planned.line] = (
                f"What it shares is made by line {row.planned.owner_line}. Settle that first."
            )
    plan.rows = [row for row in plan.rows if row.planned.line not in why]


def _recorded(run: BackfillRun, lines: Iterable[int], shared: Iterable[str]) -> Iterator[Recorded]:
    """Read the rows of these lines, and all of the customers of whom something shared is to be made."""
    seen = set(lines)
    for some in chunks(sorted(seen)):
        yield from records(run, run.rows.filter(line__in=some))
    for customers in chunks(shared):
        further = run.rows.filter(external_id__in=customers).exclude(line__in=seen)
        yield from records(run, further.exclude(outcome__in=("", "failed")))


def _owners(safe: Iterable[Found]) -> Owners:
    """Return the line that makes what a customer's cards share, by customer and step."""
    return {(one.external_id, one.step): one.line for one in safe if kinds()[one.step].per is Per.CUSTOMER}


def _look(
    run: BackfillRun, steps: Sequence[Step], recorded: Sequence[Recorded]
) -> tuple[list[Looked], dict[int, Wanted]]:
    """Look elsewhere first: what has gone here may be told from there."""
    known = [one.wanted for one in recorded]
    elsewhere = {
        step.name: Looked(step, step.look_up(known)) for step in steps if step.works is not Works.WITH_LEDGER
    }
    wanted = {one.line: whole(one, run, list(elsewhere.values())) for one in recorded}
    looked = [elsewhere.get(step.name) or Looked(step, step.look_up(list(wanted.values()))) for step in steps]
    return looked, wanted


class Judging:
    """The judgement of one row: what an import would do of it, and what of that is safe."""

    def __init__(self, one: Recorded, wanted: Wanted, found: Sequence[Found], owners: Owners) -> None:
        """`found` are the divergences of the row that a repair may put right."""
        self._one, self._wanted, self._owners = one, wanted, owners
        self._found = {each.step for each in found}
        self._kinds = {each.divergence.kind for each in found}
        self._of_customer = [line for (who, _), line in owners.items() if who == one.external_id]
        self._made_again = False  # something before the step that is being judged

    def row(self, looked: Sequence[Looked], against: Objections) -> RowRepair:
        """Return what is to be done; raise NotSafe."""
        if reason := against.against(self._one, self._kinds):
            raise NotSafe(reason)
        if not self._wanted.id_tag:
            raise NotSafe(NO_CARD)
        steps = [look.step for look in looked if look.step.name in self._one.steps]
        judged = verdicts_on(self._wanted, [look for look in looked if look.step in steps])
        verdicts = {
            step.name: self._verdict(step, judged[step.name]) for step in steps if step.name in judged
        }
        doings = [doing for step in steps if (doing := self._doing(step, verdicts.get(step.name)))]
        owner = min(self._of_customer, default=self._one.line)
        planned = PlannedRow(
            readable(self._one, self._wanted),
            RowAction.COMPLETE,
            verdicts,
            owner_line=owner if owner != self._one.line else None,
        )
        return RowRepair(planned, doings)

    def _verdict(self, step: Step, verdict: Verdict) -> Verdict:
        """Turn a step's verdict into what it means of a thing that the run recorded."""
        recorded = self._one.steps[step.name]
        if verdict.problems or verdict.leave or verdict.action is None:
            raise NotSafe(_against(step, verdict))
        if verdict.action is Action.CREATE:
            return self._again(step, verdict)
        if recorded.ref not in ("", verdict.ref):
            raise NotSafe(
                f"{_named(step)} is another than the run's: somebody made it anew. Find out who, and why."
            )
        if recorded.state == State.INTENDED and not recorded.ref and not verdict.may_be_ours:
            raise NotSafe(f"Whether a repair made {_named(step).lower()} cannot be told. Look at it by hand.")
        is_theirs = recorded.state == State.ADOPTED or bool(recorded.undo)
        change = self._changes(step, verdict)
        # What a removal is to give back is how it was before the run, and not how it was before the repair.
        undo = (recorded.undo or verdict.undo) if change and is_theirs else None
        return replace(verdict, action=Action.ADOPT if is_theirs else Action.DONE, change=change, undo=undo)

    def _again(self, step: Step, verdict: Verdict) -> Verdict:
        """Have a thing made that has gone, if it is one that a repair makes."""
        state = self._one.state(step.name)
        if MISSING not in step.repairs or state == State.ADOPTED:
            raise NotSafe(f"{_named(step)} is not there, and a repair does not make it. Settle that first.")
        self._made_again = True
        if state == State.SHARED:
            if (self._one.external_id, step.name) not in self._owners:
                raise NotSafe(f"{_named(step)} is not there, and the row that makes it is not repaired.")
            return replace(verdict, action=Action.SHARED)
        return replace(verdict, tried=state == State.INTENDED)

    def _changes(self, step: Step, verdict: Verdict) -> bool:
        """Return whether a thing elsewhere is put right: only where that was found, or follows from it."""
        if not step.repairs or step.works is Works.WITH_LEDGER:
            return False
        follows = step.carries and self._made_again
        return follows or (verdict.change and (step.name in self._found or bool(self._of_customer)))

    def _doing(self, step: Step, verdict: Verdict | None) -> Doing | None:
        verb = self._verb(step, verdict) if verdict else None
        if verb is None:
            return None
        one, was = self._one, self._one.steps[step.name].ref if verb is Verb.MAKE else ""
        return Doing(one.line, one.external_id, step.name, verb, mask_id_tag(self._wanted.id_tag), was)

    def _verb(self, step: Step, verdict: Verdict) -> Verb | None:
        is_found = step.name in self._found
        if verdict.action is Action.CREATE:
            return Verb.MAKE
        if verdict.change:
            return Verb.USE if is_found and step.activates else Verb.PUT_RIGHT
        if self._one.state(step.name) == State.INTENDED:
            return Verb.SETTLE
        return Verb.USE if is_found and step.activates else None


def _named(step: Step) -> str:
    return f"The {label(step.name)}"


def _against(step: Step, verdict: Verdict) -> str:
    told = verdict.problems[0] if verdict.problems else verdict.leave
    return f"{told.message} {told.hint}".strip() if told else f"{_named(step)} cannot be judged."
