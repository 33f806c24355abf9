"""The database's part of a revert: what is ours stops first and goes last, and all is written down."""

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers import bulk
from customers.backfill.engine.holds import HoldOf, Result, Written, alone
from customers.backfill.ledger.entries import LedgerStep
from customers.backfill.ledger.recorded import LEFT_OUT
from customers.backfill.revert.rows import RowPlan
from customers.models import BackfillRun, BackfillStep
from kernel import Removal, Removed, Step, Thing, Works

State = BackfillStep.State


@dataclass(frozen=True, slots=True)
class Failure:
    """A removal that did not succeed; what came before it in the row has gone."""

    step: str
    code: str
    why: str


@dataclass(slots=True)
class Leaving:
    """A row whose things are being removed. `removed` is by step, of what was removed elsewhere."""

    row: RowPlan
    closer: dict[str, Any] = field(default_factory=dict)  # by step, what it saw when all was stopped
    removed: dict[str, Removed] = field(default_factory=dict)
    failed: Failure | None = None
    is_through: bool = False  # no request to stop came in between

    @property
    def external_id(self) -> str:
        return self.row.recorded.external_id

    @property
    def results(self) -> list[Result]:
        """Say of each thing elsewhere whether its removal failed; one that was spared says nothing."""
        failed = [(self.failed.step, True)] if self.failed and self.failed.code != "in_use" else []
        return [*((name, False) for name in self.removed), *failed]

    @property
    def is_touched(self) -> bool:
        return self.is_through or bool(self.removed) or self.failed is not None

    @property
    def is_done(self) -> bool:
        """Return whether what is ours may go too."""
        still_there = any(one.removal is Removal.FAILED for one in self.removed.values())
        return self.is_through and self.failed is None and not still_there


Told = tuple[int, str, str, str]  # line, external_id, step, why


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the manifest."""

    line: int
    external_id: str
    step: str
    outcome: str  # removed, gone, kept or failed
    why: str = ""
    code: str = ""
    in_use: bool = False

    @property
    def told(self) -> Told:
        return self.line, self.external_id, self.step, self.why

    def as_line(self) -> dict[str, object]:
        line: dict[str, object] = {
            "line": self.line,
            "external_id": self.external_id,
            "step": self.step,
            "outcome": self.outcome,
        }
        in_use = "yes" if self.in_use else ""
        more = (("code", self.code), ("why", self.why), ("in_use", in_use))
        return line | {key: value for key, value in more if value}


class Removals:
    """Writes a revert's part of the ledger, batch by batch, and does what steps do in its transactions."""

    def __init__(
        self, run: BackfillRun, steps: Sequence[Step], actor: str, *, discard: bool, hold_of: HoldOf = alone
    ) -> None:
        """`hold_of` says by the line of a batch's first row what lets us write that batch."""
        self._run, self._actor, self._discard, self._hold_of = run, actor, discard, hold_of
        self._ours = [step for step in steps if step.works is Works.WITH_LEDGER]
        self._lines: list[Line] = []
        self._steps: list[LedgerStep] = []

    @transaction.atomic
    def open(self, rows: Sequence[RowPlan]) -> list[Leaving]:
        """Put what is ours out of use, before anything is removed; raise NotAlone, with nothing done."""
        self._hold_of(rows[0].recorded.line).opening()
        for step in reversed(self._ours):
            if step.stops and (things := _targets(rows, step)):
                step.stop_all([thing for _, thing in things], None)
        return [Leaving(row) for row in rows]

    @transaction.atomic
    def keep(self, rows: Iterable[tuple[RowPlan, str]], code: str, *, but: Container[int] = ()) -> list[Line]:
        """Write down customers that stay whole, and why; of the lines in `but`, in the manifest only."""
        self._begin()
        for row, why in rows:
            for target in row.remove:
                self._note(row, target.step, "kept", why=why, code=code)
                if row.recorded.line not in but:
                    self._set(row, target.step, State.KEPT, code)
        return self._end()

    @transaction.atomic
    def settle(self, batch: Sequence[Leaving]) -> list[Line]:
        """Write what became of the things elsewhere; then, of rows without a failure, remove what is ours."""
        hold = self._hold_of(batch[0].row.recorded.line)
        hold.settling()
        self._begin()
        for leaving in batch:
            self._elsewhere(leaving)
        whole = [leaving.row for leaving in batch if leaving.is_done]
        for step in reversed(self._ours):
            self._here(step, whole)
        for leaving in batch:
            if leaving.is_through:
                self._left(leaving.row)
        lines = self._end()
        hold.settled(_written(batch, lines))
        return lines

    # --- one batch -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._lines, self._steps = [], []

    def _end(self) -> list[Line]:
        bulk.update(BackfillStep, self._steps, ["state", "code", "settled_at"])
        events = [
            Event(f"{line.step}.{line.outcome}", f"customer:{line.external_id}", {"line": line.line})
            for line in self._lines
        ]
        record(self._run.audit_tag, self._actor, events)
        BackfillRun.objects.filter(pk=self._run.pk).update(settled_at=timezone.now())
        return self._lines

    def _elsewhere(self, leaving: Leaving) -> None:
        for name in leaving.row.gone:
            self._close(leaving.row, name, Removed(Removal.GONE))
        for name, removed in leaving.removed.items():
            self._close(leaving.row, name, removed)
        if failed := leaving.failed:
            self._note(leaving.row, failed.step, "failed", why=failed.why, code=failed.code)

    def _here(self, step: Step, rows: Sequence[RowPlan]) -> None:
        targets = _targets(rows, step)
        if not targets:
            return
        things = [thing for _, thing in targets]
        removed = step.remove_all(things, None, discard=self._discard)
        for (row, _), one in zip(targets, removed, strict=True):
            self._close(row, step.name, one)

    def _left(self, row: RowPlan) -> None:
        for name, why in row.leave.items():
            self._note(row, name, "kept", why=why)
        for name, why in row.left_out.items():
            self._note(row, name, "kept", why=why, code=LEFT_OUT)
            self._set(row, name, State.KEPT, LEFT_OUT)

    def _close(self, row: RowPlan, name: str, removed: Removed) -> None:
        if removed.removal is not Removal.FAILED:
            kept = removed.removal is Removal.KEPT
            self._set(row, name, State.KEPT if kept else State.REMOVED, "")
        self._note(row, name, removed.removal.value, why=removed.why, in_use=removed.in_use)

    def _set(self, row: RowPlan, name: str, state: str, code: str) -> None:
        step = row.recorded.steps[name]
        step.state, step.code, step.settled_at = state, code, timezone.now()
        self._steps.append(step)

    def _note(
        self, row: RowPlan, name: str, outcome: str, *, why: str = "", code: str = "", in_use: bool = False
    ) -> None:
        one = row.recorded
        self._lines.append(Line(one.line, one.external_id, name, outcome, why, code, in_use))


def _written(batch: Sequence[Leaving], lines: Sequence[Line]) -> Written:
    failed = [leaving for leaving in batch if leaving.failed is not None]
    over = len(failed) + sum(leaving.is_through and leaving.failed is None for leaving in batch)
    return Written(
        over,
        [result for leaving in batch for result in leaving.results],
        lambda: [line.as_line() for line in lines],
        failed=[leaving.row.recorded.row.id for leaving in failed],
        counts=Counter(line.outcome for line in lines),
    )


def _targets(rows: Iterable[RowPlan], step: Step) -> list[tuple[RowPlan, Thing]]:
    """Return the things of a step that are to be removed, with their rows."""
    return [(row, target.thing) for row in rows for target in row.remove if target.step == step.name]
