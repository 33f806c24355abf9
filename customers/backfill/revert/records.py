"""The database's part of a revert: mappings stop billing first, our things go last, all is written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.engine.activation import give_back, still_ours
from customers.backfill.ledger import bulk
from customers.backfill.revert.planning import LEFT_OUT, RowPlan
from customers.models import BackfillRun, BackfillStep, IdTagMapping, User
from kernel import Removal, Removed, StepName

State = BackfillStep.State
GIVEN_BACK = Removed(Removal.KEPT, "it was there before the run, and is again as it was")
ELSEWHERE = Removed(Removal.KEPT, "it was there before the run, and bills elsewhere by now")


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one remote thing: removed, gone, kept, or an error's code."""

    name: StepName
    removed: Removed | None = None
    error: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    done: Sequence[Done]
    failed: Done | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """A line of the manifest."""

    line: int
    external_id: str
    step: str
    outcome: str  # removed, gone, kept or failed
    why: str = ""
    code: str = ""

    def as_line(self) -> dict[str, object]:
        line: dict[str, object] = {
            "line": self.line,
            "external_id": self.external_id,
            "step": self.step,
            "outcome": self.outcome,
        }
        return line | {key: value for key, value in (("code", self.code), ("why", self.why)) if value}


@dataclass(slots=True)
class Removals:
    """Writes a revert's part of the ledger, batch by batch."""

    run: BackfillRun
    actor: str
    discard: bool
    _things: list[Thing] = field(default_factory=list)
    _steps: list[BackfillStep] = field(default_factory=list)

    @transaction.atomic
    def open(self, rows: Sequence[RowPlan]) -> Sequence[RowPlan]:
        """Stop billing by these mappings, before anything is removed."""
        ours = _by_pk(rows, StepName.ID_TAG_MAPPING)
        there = IdTagMapping.objects.in_bulk(list(ours))
        billing = [pk for pk in there if not _undo(ours[pk]) or still_ours(there[pk], _undo(ours[pk]))]
        IdTagMapping.objects.filter(pk__in=billing).update(is_active=False)
        return rows

    @transaction.atomic
    def keep(self, rows: Iterable[tuple[RowPlan, str]], code: str) -> list[Thing]:
        """Write down customers that stay whole, and why."""
        self._begin()
        for row, why in rows:
            for target in row.remove:
                self._note(row, target.name, "kept", why=why, code=code)
                self._set(row, target.name, State.KEPT, code)
        return self._end()

    @transaction.atomic
    def settle(self, batch: Sequence[tuple[RowPlan, Result]]) -> list[Thing]:
        self._begin()
        whole = [row for row, result in batch if self._remote(row, result)]
        self._remove_mappings(whole)
        self._remove_users(whole)
        for row, _ in batch:
            for name, why in row.leave.items():
                self._note(row, name, "kept", why=why)
            for name, why in row.left_out.items():
                self._note(row, name, "kept", why=why, code=LEFT_OUT)
                self._set(row, name, State.KEPT, LEFT_OUT)
        return self._end()

    # --- one batch -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._things, self._steps = [], []

    def _end(self) -> list[Thing]:
        bulk.update(self._steps, ["state", "code", "settled_at"])
        events = [
            Event(f"{thing.step}.{thing.outcome}", f"customer:{thing.external_id}", {"line": thing.line})
            for thing in self._things
        ]
        record(self.run.audit_tag, self.actor, events)
        BackfillRun.objects.filter(pk=self.run.pk).update(settled_at=timezone.now())
        return self._things

    def _remote(self, row: RowPlan, result: Result) -> bool:
        """Write what became of the remote things; tell whether ours may go too."""
        for name in row.gone:
            self._close(row, name, Removed(Removal.GONE))
        for done in result.done:
            self._close(row, done.name, done.removed or Removed(Removal.GONE))
        if result.failed:
            failed = result.failed
            self._note(row, failed.name, "failed", why=failed.why, code=failed.error)
        return result.failed is None

    def _remove_mappings(self, rows: Sequence[RowPlan]) -> None:
        ours = _by_pk(rows, StepName.ID_TAG_MAPPING)
        there = IdTagMapping.objects.in_bulk(list(ours))
        adopted = {pk for pk in there if _undo(ours[pk])}
        IdTagMapping.objects.filter(pk__in=there.keys() - adopted).delete()
        for pk, row in ours.items():
            removed = self._give_back(there[pk], _undo(row)) if pk in adopted else _removed(pk in there)
            self._close(row, StepName.ID_TAG_MAPPING, removed)

    @staticmethod
    def _give_back(mapping: IdTagMapping, undo: Mapping[str, Any]) -> Removed:
        if not still_ours(mapping, undo):
            return ELSEWHERE
        give_back(mapping, undo)
        return GIVEN_BACK

    def _remove_users(self, rows: Sequence[RowPlan]) -> None:
        """Remove customers last, unless something of theirs stays that is not ours to remove."""
        ours = _by_pk(rows, StepName.USER)
        if self.discard:
            IdTagMapping.objects.filter(user_id__in=list(ours)).delete()
        there = set(User.objects.filter(pk__in=list(ours)).values_list("pk", flat=True))
        held = set(IdTagMapping.objects.filter(user_id__in=there).values_list("user_id", flat=True))
        User.objects.filter(pk__in=there - held).delete()
        for pk, row in ours.items():
            if pk in held:
                self._note(row, StepName.USER, "failed", why="an idTag of the customer could not be removed")
            else:
                self._close(row, StepName.USER, _removed(pk in there))

    def _close(self, row: RowPlan, name: StepName, removed: Removed) -> None:
        kept = removed.removal is Removal.KEPT
        self._set(row, name, State.KEPT if kept else State.REMOVED, "")
        self._note(row, name, removed.removal.value, why=removed.why)

    def _set(self, row: RowPlan, name: StepName, state: str, code: str) -> None:
        step = row.recorded.steps[name]
        step.state, step.code, step.settled_at = state, code, timezone.now()
        self._steps.append(step)

    def _note(self, row: RowPlan, name: StepName, outcome: str, *, why: str = "", code: str = "") -> None:
        one = row.recorded
        self._things.append(Thing(one.line, one.external_id, name.value, outcome, why, code))


def _by_pk(rows: Iterable[RowPlan], name: StepName) -> dict[int, RowPlan]:
    """Give, by primary key, the things of ours that are to be removed, with their rows."""
    return {int(target.ref): row for row in rows for target in row.remove if target.name is name}


def _undo(row: RowPlan) -> Mapping[str, Any]:
    """Give how an idTag was that the run adopted and let bill; nothing for one that the run made."""
    undo: Mapping[str, Any] = row.recorded.steps[StepName.ID_TAG_MAPPING].undo
    return undo


def _removed(was_there: bool) -> Removed:
    return Removed(Removal.REMOVED if was_there else Removal.GONE)
