"""The ledger's part of a repair: what is made again takes the place of what was recorded, in the same run."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers import bulk
from customers.backfill.engine.at_work import Opened, Settled
from customers.backfill.engine.batch import Books
from customers.backfill.engine.guard import Guard
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.repair.values import RowRepair
from customers.models import BackfillRun, BackfillStep
from kernel import Action, Problem, Step
from kernel.chunks import chunks

State = BackfillStep.State
REPAIRED, FAILED = "repaired", "failed"


class NothingPaid(Guard):
    """Holds a repair to what it promises: nothing by which somebody pays is made or changed."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._kept = [step.name for step in steps if not step.repairs]

    def against(self, rows: Sequence[PlannedRow]) -> str:
        asked = {
            name
            for row in rows
            for name in self._kept
            if name in row.verdicts and row.verdicts[name].is_to_make
        }
        return f"a repair never makes this: {', '.join(sorted(asked))}" if asked else ""


class RepairBooks(Books):
    """Keeps how the rows of the import ended: a repair changes things, and not what once became of a row.

    A thing whose call is not answered, or was refused, stays `intended`: reconcile names it, the next repair
    settles it by looking, and a revert does so too.
    """

    def __init__(
        self, run: BackfillRun, steps: Sequence[Step], actor: str, rows: Mapping[int, RowRepair]
    ) -> None:
        super().__init__(run, steps, actor)
        self._rows = rows
        self._repaired: set[int] = set()

    @transaction.atomic
    def intend_shared(self) -> None:
        """Write down what rows are about to be put right because of what another row of theirs makes again.

        Beforehand: once that is made, and nobody has come to these, they would look as if given away.
        """
        now, changed = timezone.now(), []
        shared = {line: row.planned for line, row in self._rows.items() if row.planned.owner_line is not None}
        ours = {step.name for step in self._ours}
        for some in chunks(shared):
            steps = BackfillStep.objects.filter(row__run=self.run, row__line__in=some)
            for step in steps.select_related("row"):
                verdict = shared[step.row.line].verdicts.get(step.name)
                if verdict is not None and verdict.change and step.name not in ours:
                    step.state, step.intended_at, step.code = State.INTENDED, now, ""
                    step.undo = {} if verdict.action is Action.DONE else dict(verdict.undo or {})
                    changed.append(step)
        bulk.update(BackfillStep, changed, ["state", "intended_at", "code", "undo"])

    def _intend(self, item: Opened, now: datetime) -> None:
        super()._intend(item, now)
        for name, verdict in item.row.verdicts.items():
            step = item.steps[name]
            if (
                step.state == State.INTENDED
                and not verdict.is_to_make
                and verdict.action is not Action.SHARED
            ):
                step.state = State.ADOPTED if step.undo else State.CREATED
                step.ref, step.code, step.settled_at = verdict.ref, "", now

    @transaction.atomic
    def refuse(self, rows: Sequence[PlannedRow]) -> list[Settled]:
        """Leave rows alone of which somebody made something since the plan."""
        return [Settled(row, FAILED, {}, row.problems) for row in rows]

    @staticmethod
    def _record(item: Opened, now: datetime) -> None:
        Books._record(item, now)
        for name in item.to_call:
            if name not in item.made:
                item.steps[name].state = State.INTENDED

    def _close(self, item: Opened, now: datetime, *, is_through: bool) -> Settled:
        problems: tuple[Problem, ...] = tuple(failure.problem for failure in item.failed.values())
        outcome = FAILED if problems else ""
        if is_through and self.is_whole(item):
            self._repaired.add(item.row.line)
            outcome = REPAIRED
        elif is_through and not problems:
            outcome = FAILED  # what it shares with another row of its customer was not made
        steps = {doing.step: _word(item, doing.step) for doing in self._rows[item.row.line].doings}
        return Settled(item.row, outcome, steps, problems)

    def _is_done(self, item: Opened) -> bool:
        return item.row.line in self._repaired

    def _note_time(self, now: datetime) -> None:
        BackfillRun.objects.filter(pk=self.run.pk).update(settled_at=now)

    @transaction.atomic
    def settle(self, batch: Sequence[tuple[Opened, bool]]) -> list[Settled]:
        settled = super().settle(batch)
        told = [self._event(one) for one in settled if one.outcome == REPAIRED]
        record(self.run.audit_tag, self.actor, told)
        return settled

    def _event(self, one: Settled) -> Event:
        """Tell of a whole row what was done, and which things of before were replaced."""
        doings = self._rows[one.row.line].doings
        data = {
            "line": one.row.line,
            "steps": [f"{doing.step}: {doing.verb}" for doing in doings],
            "instead_of": [f"{doing.step} {doing.was}" for doing in doings if doing.was],
        }
        return Event("row.repaired", f"customer:{one.row.wanted.external_id}", data)


def _word(item: Opened, name: str) -> str:
    return str(item.steps[name].state) if name in item.to_call or name in item.made else "repaired"
