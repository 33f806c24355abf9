"""The two transactions of a batch: before its calls, and after them. They know no step by name."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import record
from customers import bulk
from customers.backfill.engine.at_work import (
    Opened,
    Outcome,
    Settled,
    events_of_opening,
    events_of_settling,
)
from customers.backfill.engine.holds import HoldOf, Result, Written, alone
from customers.backfill.engine.logged import log_line
from customers.backfill.engine.plan import PlannedRow, RowAction, told
from customers.backfill.ledger.entries import rows_of
from customers.backfill.ledger.problems import as_json
from customers.backfill.ledger.progress import note_progress
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import Action, Per, Problem, Step, Task, Thing, Works

State = BackfillStep.State


class Books:
    """Writes the ledger of one run, batch by batch, and does what steps do in its transactions."""

    def __init__(self, run: BackfillRun, steps: Sequence[Step], actor: str, hold_of: HoldOf = alone) -> None:
        """`hold_of` says by the line of a batch's first row what lets us write that batch."""
        self.run = run
        self.actor = actor
        self._hold_of = hold_of
        self._steps = steps
        self._ours = [step for step in steps if step.works is Works.WITH_LEDGER]
        self._here = {step.name for step in self._ours}
        # Customers with further cards to come; None where all may have some. Of others nothing is kept.
        self.several: Collection[str] | None = None
        # Of each customer, for the rows of further cards: the things that are shared, and what they tell.
        self._refs: dict[tuple[str, str], str] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._shared: set[tuple[str, str]] = set()  # what of them was made elsewhere, by customer and step
        self._unbilled: dict[str, Problem] = {}  # customers whose subscription could not be made
        self._refused: dict[str, Problem] = {}  # customers whose first row could not even be begun
        self._counted = monotonic()  # up to when the run's time is written down

    # --- before the calls ----------------------------------------------------------------------------

    @transaction.atomic
    def open(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        """Make what is ours, and write down what is about to be called.

        Raises IntegrityError, with nothing written, where somebody made the same thing since the plan, and
        NotAlone where another run may be at work by now.
        """
        self._hold_of(rows[0].line).opening()
        now = timezone.now()
        opened = self._with_records(rows)
        for step in self._ours:
            self._make(step, opened)
        for item in opened:
            self._intend(item, now)
        columns = [step.row_column.removesuffix("_id") for step in self._ours if step.row_column]
        self._save_records(opened, columns)
        self._save_steps(opened, lambda item: item.steps)
        events = [event for item in opened for event in events_of_opening(item, self._steps)]
        record(self.run.audit_tag, self.actor, events)
        return opened

    def _with_records(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        records = rows_of(self.run.pk, [row.line for row in rows])
        opened = []
        for row in rows:
            stored = records[row.line]
            known = {**self.told(row), **told(row, self._steps)}
            opened.append(Opened(row, stored, stored.steps, known))
        return opened

    def _make(self, step: Step, opened: Sequence[Opened]) -> None:
        """Make the things of one step, and let every row know of its own, made now or found before."""
        new = [item for item in opened if item.row.means(step.name, Action.CREATE)]
        made = step.create_all([_task(item, step) for item in new])
        refs = {item.row.line: one.ref for item, one in zip(new, made, strict=True)}  # type: ignore[union-attr]
        for item in opened:
            external_id, verdict = item.row.wanted.external_id, item.row.verdicts[step.name]
            ref = refs.get(item.row.line) or verdict.ref or self._refs.get((external_id, step.name), "")
            item.known |= {**step.tell(item.row.wanted, ref, verdict.key), **verdict.tells}
            if step.per is Per.CUSTOMER and self._has_several(external_id):
                self._refs[external_id, step.name] = ref
            if step.row_column:
                setattr(item.record, step.row_column, int(ref))
            if verdict.action is Action.CREATE:
                item.steps[step.name].ref = ref

    def _intend(self, item: Opened, now: datetime) -> None:
        ours = {step.name for step in self._ours}
        for name, verdict in item.row.verdicts.items():
            step = item.steps[name]
            if name in ours and verdict.action is Action.CREATE:
                step.state, step.settled_at = State.CREATED, now
            elif name not in ours and verdict.is_to_make:
                step.state, step.intended_at, step.code = State.INTENDED, now, ""
                # What is ours was ours before: no removal has to give it back as it was.
                undo = {} if verdict.action is Action.DONE else dict(verdict.undo or {})
                step.ref, step.undo = verdict.ref, undo
            elif verdict.ref and (step.state == State.PLANNED or step.ref not in ("", verdict.ref)):
                # Somebody made it, or made it anew, since the plan.
                step.state, step.ref, step.undo, step.settled_at = State.ADOPTED, verdict.ref, {}, now
        calls = (name for name, verdict in item.row.verdicts.items() if verdict.is_to_make)
        item.to_call = tuple(name for name in calls if name not in ours)

    @transaction.atomic
    def refuse(self, rows: Sequence[PlannedRow]) -> list[Settled]:
        """Write down rows that can no longer be imported, because the world changed after the plan."""
        hold = self._hold_of(rows[0].line)
        hold.settling()
        found = {record.line: record for record in self.run.rows.filter(line__in=[row.line for row in rows])}
        for row in rows:
            stored = found[row.line]
            stored.outcome, stored.settled_at = Outcome.FAILED, timezone.now()
            stored.problems = [as_json(problem) for problem in row.problems]
            if row.owner_line is None:
                self._refused[row.wanted.external_id] = _owner_failed(row, row.problems)
        bulk.update(BackfillRow, list(found.values()), ["outcome", "problems", "settled_at"])
        settled = [Settled(row, Outcome.FAILED, {}, row.problems) for row in rows]
        hold.settled(_written(settled, ()))
        return settled

    def is_lost(self, row: PlannedRow) -> bool:
        """Return whether the row shares a customer whose own row was refused."""
        return row.owner_line is not None and row.wanted.external_id in self._refused

    def loss(self, row: PlannedRow) -> Problem:
        return self._refused[row.wanted.external_id]

    # --- between them, in any thread -----------------------------------------------------------------

    def told(self, row: PlannedRow) -> dict[str, Any]:
        """Return what is known of the things that a customer's rows share."""
        return self._told.get(row.wanted.external_id, {})

    def hear(self, item: Opened, step: Step) -> None:
        """Take in what was just made, for the steps and the rows after it."""
        made = item.made[step.name]
        facts = {**step.tell(item.row.wanted, made.ref, made.key), **made.tells}
        item.known |= facts
        external_id = item.row.wanted.external_id
        if step.per is Per.CUSTOMER and self._has_several(external_id):
            self._told[external_id] = {**self._told.get(external_id, {}), **facts}
            self._shared.add((external_id, step.name))

    def _has_several(self, external_id: str) -> bool:
        return self.several is None or external_id in self.several

    def is_whole(self, item: Opened) -> bool:
        """Return whether all that the row asks for stands, so that it may be put to use."""
        external_id, verdicts = item.row.wanted.external_id, item.row.verdicts
        called = all(name in item.made for name in item.to_call)
        shared = (name for name in verdicts if item.row.means(name, Action.SHARED) and name not in self._here)
        return called and not item.failed and all((external_id, name) in self._shared for name in shared)

    def thing(self, item: Opened, step: Step) -> Thing:
        """Return what was made or found of a row, with all that is told."""
        made, verdict = item.made.get(step.name), item.row.verdicts[step.name]
        facts = {**item.known, **self.told(item.row)}
        is_made = verdict.action in (Action.CREATE, Action.DONE) and not (made and made.adopted)
        undo = dict((made.undo if made else verdict.undo) or {})
        return Thing(item.row.wanted, made.ref if made else verdict.ref, is_made, undo, facts)

    # --- after the calls -----------------------------------------------------------------------------

    @transaction.atomic
    def settle(self, batch: Sequence[tuple[Opened, bool]]) -> list[Settled]:
        """Write what came of the calls, and put to use the things of whole rows."""
        if not batch:
            return []
        hold = self._hold_of(batch[0][0].row.line)
        hold.settling()
        now = timezone.now()
        items = [item for item, _ in batch]
        settled = []
        for item, is_through in batch:
            self._record(item, now)
            settled.append(self._close(item, now, is_through=is_through))
        self._activate([item for item in items if self._is_done(item)])
        self._save_records(items, ["outcome", "problems", "warnings", "settled_at"])
        used = [step.name for step in self._ours if step.activates]
        self._save_steps(items, lambda item: {*item.to_call, *used})
        events = [
            event
            for item in items
            for event in events_of_settling(item, self._steps, is_done=self._is_done(item))
        ]
        record(self.run.audit_tag, self.actor, events)
        self._note_time(now)
        hold.settled(_written(settled, [result for item in items for result in _results(item)]))
        return settled

    def _is_done(self, item: Opened) -> bool:
        """Return whether a row that is settled may be put to use."""
        return item.record.outcome in (Outcome.CREATED, Outcome.COMPLETED)

    def _note_time(self, now: datetime) -> None:
        seconds, self._counted = monotonic() - self._counted, monotonic()
        note_progress(self.run.pk, now, seconds)

    @staticmethod
    def _record(item: Opened, now: datetime) -> None:
        for name in item.to_call:
            step = item.steps[name]
            if made := item.made.get(name):
                step.state = State.ADOPTED if made.adopted else State.CREATED
                step.ref, step.undo, step.settled_at = made.ref, dict(made.undo or {}), now
            elif failure := item.failed.get(name):
                step.state = State.INTENDED if failure.in_doubt else State.FAILED
                step.code, step.settled_at = failure.problem.code, now
            else:
                step.state = State.PLANNED  # never called

    def _close(self, item: Opened, now: datetime, *, is_through: bool) -> Settled:
        row = item.row
        problems = tuple(failure.problem for failure in item.failed.values())
        if row.owner_line is not None and row.wanted.external_id in self._unbilled:
            problems = (*problems, self._unbilled[row.wanted.external_id])
        if not is_through and not item.failed:
            outcome = Outcome.PENDING
        elif problems:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.COMPLETED if row.action is RowAction.COMPLETE else Outcome.CREATED
        if row.owner_line is None and outcome in (Outcome.PENDING, Outcome.FAILED):
            self._unbilled[row.wanted.external_id] = _owner_failed(row, problems)
        for made in item.made.values():
            for remark in made.remarks:
                row.warn_once(remark)
        item.record.outcome = outcome
        item.record.problems = [as_json(problem) for problem in problems]
        item.record.warnings = [as_json(warning) for warning in row.warnings]
        item.record.settled_at = None if outcome == Outcome.PENDING else now
        there = {name: step for name, step in item.steps.items() if name not in self._here}
        return Settled(
            row,
            outcome,
            {name: _word(item, name) for name in row.verdicts},
            problems,
            made={name: step.ref for name, step in there.items() if step.state == State.CREATED},
            altered=[name for name, step in there.items() if step.state == State.ADOPTED and step.undo],
        )

    def _activate(self, items: Sequence[Opened]) -> None:
        for step in self._ours:
            if step.activates:
                undos = step.activate_all([self._thing(item, step) for item in items])
                for item, undo in zip(items, undos, strict=True):
                    item.steps[step.name].undo = undo

    def _thing(self, item: Opened, step: Step) -> Thing:
        stored = item.steps[step.name]
        facts = {**item.known, **self.told(item.row)}
        return Thing(item.row.wanted, stored.ref, stored.state == State.CREATED, stored.undo, facts)

    # --- both ----------------------------------------------------------------------------------------

    @staticmethod
    def _save_records(items: Sequence[Opened], fields: list[str]) -> None:
        bulk.update(BackfillRow, [item.record for item in items], fields)

    @staticmethod
    def _save_steps(items: Sequence[Opened], touched: Callable[[Opened], Collection[str]]) -> None:
        steps = [step for item in items for name, step in item.steps.items() if name in touched(item)]
        bulk.update(BackfillStep, steps, ["state", "ref", "undo", "code", "intended_at", "settled_at"])


def _written(settled: Sequence[Settled], results: Sequence[Result]) -> Written:
    over = [one for one in settled if one.outcome]
    return Written(len(over), results, lambda: [log_line(one) for one in over])


def _results(item: Opened) -> list[Result]:
    return [(name, name in item.failed) for name in item.to_call if name in item.failed or name in item.made]


def _task(item: Opened, step: Step) -> Task:
    return Task(item.row.wanted, item.row.verdicts[step.name], item.known)


def _owner_failed(row: PlannedRow, problems: Sequence[Problem]) -> Problem:
    return Problem(
        problems[0].code if problems else "lago_unreachable",
        "external_id",
        f"What the customer's cards share is made by line {row.line}, which did not get there.",
        "Run the same command again once that row is right.",
    )


def _word(item: Opened, name: str) -> str:
    return "done" if item.row.verdicts[name].action is Action.DONE else item.steps[name].state
