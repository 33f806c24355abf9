"""The two transactions of a batch: before the remote calls, and after them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from time import monotonic

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from auditlog.models import record
from customers.backfill.engine.activation import activate
from customers.backfill.engine.at_work import (
    LOCAL,
    Opened,
    Outcome,
    Results,
    Settled,
    local_events,
    remote_events,
)
from customers.backfill.engine.plan import PlannedRow, RowAction
from customers.backfill.ledger import bulk
from customers.backfill.ledger.staging import as_json
from customers.models import BackfillRow, BackfillRun, BackfillStep, IdTagMapping, User
from kernel import Action, Problem, StepName, Verdict

State = BackfillStep.State


class Books:
    """Writes the ledger of one run, batch by batch."""

    def __init__(self, run: BackfillRun, actor: str) -> None:
        self.run = run
        self.actor = actor
        self._users: dict[str, int] = {}  # by external_id, for the other cards of the same customer
        self._unbilled: dict[str, Problem] = {}  # customers whose subscription could not be made
        self._refused: dict[str, Problem] = {}  # customers whose first row could not even be begun
        self._keys: dict[str, str] = {}  # of subscriptions that were found only when ours was to be made
        self._counted = monotonic()  # up to when the run's time is written down

    # --- before the calls ----------------------------------------------------------------------------

    @transaction.atomic
    def open(self, rows: Sequence[PlannedRow]) -> list[Opened]:
        """Make what is ours, mapping inactive, and write down what is about to be called.

        Raises IntegrityError, with nothing written, where somebody made the same thing since the plan.
        """
        now = timezone.now()
        users = self._make_users(rows)
        mappings = self._make_mappings(rows, users)
        opened = self._with_records(rows, users, mappings)
        for item in opened:
            self._intend(item, now)
        self._save_records(opened, ["user", "mapping"])
        self._save_steps(opened)
        record(self.run.audit_tag, self.actor, [event for item in opened for event in local_events(item)])
        return opened

    def _make_users(self, rows: Sequence[PlannedRow]) -> dict[int, int]:
        new = [row for row in rows if row.means(StepName.USER, Action.CREATE)]
        made = User.objects.bulk_create([_user(row) for row in new])
        found = {row.wanted.external_id: row.verdicts[StepName.USER].ref for row in rows}
        self._users |= {external_id: int(ref) for external_id, ref in found.items() if ref}
        self._users |= {row.wanted.external_id: user.pk for row, user in zip(new, made, strict=True)}
        return {row.line: self._users[row.wanted.external_id] for row in rows}

    def _make_mappings(self, rows: Sequence[PlannedRow], users: Mapping[int, int]) -> dict[int, int]:
        new = [row for row in rows if row.means(StepName.ID_TAG_MAPPING, Action.CREATE)]
        made = IdTagMapping.objects.bulk_create(
            [IdTagMapping(user_id=users[row.line], id_tag=row.wanted.id_tag) for row in new]
        )
        pks = {row.line: mapping.pk for row, mapping in zip(new, made, strict=True)}
        return {row.line: pks.get(row.line) or int(row.verdicts[StepName.ID_TAG_MAPPING].ref) for row in rows}

    def _with_records(
        self, rows: Sequence[PlannedRow], users: Mapping[int, int], mappings: Mapping[int, int]
    ) -> list[Opened]:
        found = BackfillRow.objects.filter(run=self.run, line__in=[row.line for row in rows])
        records = {record.line: record for record in found.prefetch_related("steps")}
        opened = []
        for row in rows:
            stored = records[row.line]
            stored.user_id, stored.mapping_id = users[row.line], mappings[row.line]
            steps = {StepName(step.name): step for step in stored.steps.all()}
            opened.append(Opened(row, stored, steps, users[row.line], mappings[row.line]))
        return opened

    @staticmethod
    def _intend(item: Opened, now: datetime) -> None:
        refs = {StepName.USER: item.user_pk, StepName.ID_TAG_MAPPING: item.mapping_pk}
        for name, verdict in item.row.verdicts.items():
            step = item.steps[name]
            if name in LOCAL and verdict.action is Action.CREATE:
                step.state, step.ref, step.settled_at = State.CREATED, str(refs[name]), now
            elif name not in LOCAL and _must_call(verdict):
                step.state, step.intended_at, step.code = State.INTENDED, now, ""
                # What is ours was ours before: no removal has to give it back as it was.
                undo = {} if verdict.action is Action.DONE else dict(verdict.undo or {})
                step.ref, step.undo = verdict.ref, undo
            elif verdict.ref and step.state == State.PLANNED:  # somebody made it since the plan
                step.state, step.ref, step.settled_at = State.ADOPTED, verdict.ref, now
        item.to_call = tuple(n for n, v in item.row.verdicts.items() if n not in LOCAL and _must_call(v))

    @transaction.atomic
    def refuse(self, rows: Sequence[PlannedRow]) -> list[Settled]:
        """Write down rows that can no longer be imported, because the world changed after the plan."""
        found = {record.line: record for record in self.run.rows.filter(line__in=[row.line for row in rows])}
        for row in rows:
            stored = found[row.line]
            stored.outcome, stored.settled_at = Outcome.FAILED, timezone.now()
            stored.problems = [as_json(problem) for problem in row.problems]
            if row.owner_line is None:
                self._refused[row.wanted.external_id] = _owner_failed(row, row.problems)
        bulk.update(list(found.values()), ["outcome", "problems", "settled_at"])
        return [Settled(row, Outcome.FAILED, {}, row.problems) for row in rows]

    def is_lost(self, row: PlannedRow) -> bool:
        """Tell whether the row shares a customer whose own row was refused."""
        return row.owner_line is not None and row.wanted.external_id in self._refused

    def loss(self, row: PlannedRow) -> Problem:
        return self._refused[row.wanted.external_id]

    # --- after the calls -----------------------------------------------------------------------------

    @transaction.atomic
    def settle(self, batch: Sequence[tuple[Opened, Results | None]]) -> list[Settled]:
        """Write what came of the calls, and let the mappings of whole rows bill."""
        now = timezone.now()
        settled = []
        for item, results in batch:
            self._record(item, results or Results(), now)
            settled.append(self._close(item, results, now))
        self._activate(
            item for item, _ in batch if item.record.outcome in (Outcome.CREATED, Outcome.COMPLETED)
        )
        self._save_records([item for item, _ in batch], ["outcome", "problems", "settled_at"])
        self._save_steps([item for item, _ in batch])
        events = [event for item, results in batch for event in remote_events(item, results)]
        record(self.run.audit_tag, self.actor, events)
        seconds, self._counted = monotonic() - self._counted, monotonic()
        BackfillRun.objects.filter(pk=self.run.pk).update(settled_at=now, active_s=F("active_s") + seconds)
        return settled

    def _record(self, item: Opened, results: Results, now: datetime) -> None:
        for name in item.to_call:
            step = item.steps[name]
            if made := results.made.get(name):
                step.state = State.ADOPTED if made.adopted else State.CREATED
                step.ref, step.undo, step.settled_at = made.ref, dict(made.undo or {}), now
                if made.adopted and name is StepName.LAGO_SUBSCRIPTION:
                    self._keys[item.row.wanted.external_id] = made.key
                elif name is StepName.STEVE_ID_TAG:
                    item.steve_key = made.key
            elif failure := results.failed.get(name):
                step.state = State.INTENDED if failure.in_doubt else State.FAILED
                step.code, step.settled_at = failure.problem.code, now
            else:
                step.state = State.PLANNED  # never called

    def _close(self, item: Opened, results: Results | None, now: datetime) -> Settled:
        row = item.row
        problems = tuple(f.problem for f in results.failed.values()) if results else ()
        if row.owner_line is not None and row.wanted.external_id in self._unbilled:
            problems = (*problems, self._unbilled[row.wanted.external_id])
        if results is None:
            outcome = Outcome.PENDING
        elif problems:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.COMPLETED if row.action is RowAction.COMPLETE else Outcome.CREATED
        if row.owner_line is None and outcome in (Outcome.PENDING, Outcome.FAILED):
            self._unbilled[row.wanted.external_id] = _owner_failed(row, problems)
        item.record.outcome = outcome
        item.record.problems = [as_json(problem) for problem in problems]
        item.record.settled_at = None if outcome == Outcome.PENDING else now
        return Settled(row, outcome, {name.value: _word(item, name) for name in row.verdicts}, problems)

    def _activate(self, items: Iterable[Opened]) -> None:
        mappings, steps = [], []
        for item in items:
            mapping = IdTagMapping(pk=item.mapping_pk, is_active=True)
            mapping.lago_subscription_external_id = self._subscription_key(item.row)
            if StepName.STEVE_ID_TAG in item.row.verdicts:
                mapping.steve_ocpp_tag_pk = int(item.steps[StepName.STEVE_ID_TAG].ref)
                mapping.id_tag = item.id_tag_in_steve
            mappings.append(mapping)
            steps.append(item.steps[StepName.ID_TAG_MAPPING])
        activate(mappings, steps)

    def _subscription_key(self, row: PlannedRow) -> str:
        found = self._keys.get(row.wanted.external_id)
        return found or row.verdicts[StepName.LAGO_SUBSCRIPTION].key or row.wanted.subscription_external_id

    # --- both ----------------------------------------------------------------------------------------

    @staticmethod
    def _save_records(items: Sequence[Opened], fields: list[str]) -> None:
        bulk.update([item.record for item in items], fields)

    @staticmethod
    def _save_steps(items: Sequence[Opened]) -> None:
        steps = [step for item in items for step in item.steps.values()]
        bulk.update(steps, ["state", "ref", "undo", "code", "intended_at", "settled_at"])


def _must_call(verdict: Verdict) -> bool:
    return verdict.action is Action.CREATE or verdict.change


def _user(row: PlannedRow) -> User:
    wanted = row.wanted
    return User(
        email=wanted.email,
        display_name=wanted.display_name,
        external_id=wanted.external_id,
        password=make_password(None),  # unusable: customers sign in by magic link
    )


def _owner_failed(row: PlannedRow, problems: Sequence[Problem]) -> Problem:
    return Problem(
        problems[0].code if problems else "lago_unreachable",
        "external_id",
        f"The customer's billing is made by line {row.line}, which did not get there.",
        "Run the same command again once that row is right.",
    )


def _word(item: Opened, name: StepName) -> str:
    step = item.steps[name]
    verdict = item.row.verdicts[name]
    return "done" if verdict.action is Action.DONE else step.state
