"""A run and its rows in our database: found or started, staged, finished."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from auditlog.models import Event, record
from customers.backfill.engine.options import Options, Refused
from customers.backfill.engine.plan import Plan, PlannedRow, RowAction
from customers.backfill.engine.world import chunks
from customers.backfill.ledger import bulk
from customers.backfill.ledger.recorded import check_steve
from customers.backfill.systems import Systems
from customers.models import BackfillRow, BackfillRun, BackfillStep
from kernel import Action, Problem, StepName, Verdict

State = BackfillStep.State
Outcome = BackfillRow.Outcome
Status = BackfillRun.Status
STAGE_SIZE = 2_000
JUDGED = ["outcome", "problems", "warnings", "settled_at"]
# Of a row that fails, what an earlier attempt knew is kept: it may have made things that still stand.
# Of the others it may have known less, such as a plan that Lago did not have then.
STAGED = ["plan_code", "start_date", "subscription_at", "email_digest", "user", "mapping", *JUDGED]


def new_run_id(now: datetime) -> str:
    """Make an id that reads and sorts: 20261122-170501-7f3a."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def email_digest(run_id: str, email: str) -> str:
    return hashlib.sha256(f"{run_id}:{email.lower()}".encode()).hexdigest()


def unfinished_run(sha256: str, systems: Systems, *, new_run: bool = False) -> BackfillRun | None:
    """Find the run that the same file continues; raise Refused where continuing would be wrong."""
    reverting = BackfillRun.objects.filter(input_sha256=sha256, status=Status.REVERTING).first()
    if reverting is not None:
        raise Refused(
            "A revert of a run over this file is unfinished.",
            f"Finish it first: python manage.py backfill_revert --run-id {reverting.run_id}",
        )
    run = BackfillRun.objects.unfinished().filter(input_sha256=sha256).first()
    if run is None or new_run:
        return None
    if run.lago_organization_id != systems.target.organization.lago_id:
        raise Refused(
            f"The unfinished run {run.run_id} over this file went into another Lago organization "
            f"({run.lago_organization_name}).",
            "Point LAGO_API_URL and LAGO_API_KEY there to continue it, or start anew with --new-run.",
        )
    check_steve(run, systems)
    return run


@transaction.atomic
def begin(
    run: BackfillRun | None,
    *,
    name: str,
    sha256: str,
    rows: int,
    options: Options,
    systems: Systems,
    actor: str,
) -> BackfillRun:
    """Start a run, or take up the one to be continued, and write down with which options.

    `rows` is how many the file has: a run knows from birth how many must be staged. Raises Refused if the
    run was stopped while it waited in the queue.
    """
    taken_up = run is not None and _take_from_queue(run)
    if run is None:
        BackfillRun.objects.unfinished().filter(input_sha256=sha256).update(status=Status.ABANDONED)
        run = BackfillRun(run_id=new_run_id(timezone.now()), input_sha256=sha256, actor=actor)
    action = "run.continued" if run.pk and not (taken_up and run.settled_at is None) else "run.started"
    run.status, run.reason, run.stop_requested = Status.RUNNING, "", False
    run.input_name, run.input_rows, run.options = name[:255], rows, options.as_json()
    target = systems.target
    run.lago_organization_id = target.organization.lago_id
    run.lago_organization_name = target.organization.name[:255]
    run.lago_url, run.lago_version = target.url, target.version or ""
    run.steve_url, run.finished_at = systems.steve_url, None
    run.save()
    if not (taken_up and run.settled_at):  # the next slice of a run in the worker is no event
        record(run.audit_tag, actor, [Event(action, f"run:{run.run_id}", {"sha256": sha256})])
    return run


def _take_from_queue(run: BackfillRun) -> bool:
    """Tell whether the run was waiting; raise Refused if it was stopped since it was read."""
    was, now = run.status, BackfillRun.objects.select_for_update().get(pk=run.pk).status
    if was == Status.QUEUED and now != was:
        raise Refused(f"The run {run.run_id} was stopped before it began.", "Continue it in the admin.")
    return was == Status.QUEUED


@transaction.atomic
def stage(run: BackfillRun, plan: Plan, actor: str) -> None:
    """Write what is planned for each row; rows that an earlier attempt settled, and that stand, stay."""
    settled = set(
        run.rows.filter(outcome__in=[Outcome.CREATED, Outcome.COMPLETED, Outcome.SKIPPED]).values_list(
            "line", flat=True
        )
    )
    previous = _previous_steps(run)
    rows = [row for row in plan.rows if row.action is not RowAction.SKIP or row.line not in settled]
    for some in chunks((row for row in rows if row.action is RowAction.FAIL), STAGE_SIZE):
        _upsert_rows(run, some, JUDGED)
    for some in chunks((row for row in rows if row.action is not RowAction.FAIL), STAGE_SIZE):
        pks = _upsert_rows(run, some, STAGED)
        _upsert_steps([(row, pks[row.line]) for row in some], previous)
        record(run.audit_tag, actor, _found_made(some, previous))


def _previous_steps(run: BackfillRun) -> dict[tuple[int, str], tuple[str, dict[str, Any]]]:
    steps = BackfillStep.objects.filter(row__run=run).values_list("row__line", "name", "state", "undo")
    return {(line, name): (state, undo) for line, name, state, undo in steps.iterator()}


def _upsert_rows(run: BackfillRun, rows: Iterable[PlannedRow], fields: list[str]) -> dict[int, int]:
    records = [_row(run, row) for row in rows]
    pks = bulk.upsert(records, unique=["run", "line"], update=fields)
    return {record.line: pk for record, pk in zip(records, pks, strict=True)}


def _row(run: BackfillRun, row: PlannedRow) -> BackfillRow:
    wanted = row.wanted
    return BackfillRow(
        run=run,
        line=row.line,
        external_id=wanted.external_id,
        plan_code=wanted.plan_code[:255],
        start_date=wanted.start_date,
        subscription_at=wanted.subscription_at,
        email_digest=email_digest(run.run_id, wanted.email) if wanted.email else "",
        user_id=_pk(row.verdicts.get(StepName.USER)),
        mapping_id=_pk(row.verdicts.get(StepName.ID_TAG_MAPPING)),
        outcome=_staged_outcome(row.action),
        problems=[as_json(problem) for problem in row.problems],
        warnings=[as_json(warning) for warning in row.warnings],
        settled_at=None if row.is_to_do else timezone.now(),
    )


def _pk(verdict: Verdict | None) -> int | None:
    return int(verdict.ref) if verdict and verdict.ref else None


def _staged_outcome(action: RowAction) -> BackfillRow.Outcome:
    return {RowAction.FAIL: Outcome.FAILED, RowAction.SKIP: Outcome.SKIPPED}.get(action, Outcome.PENDING)


def as_json(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "field": problem.field,
        "message": problem.message,
        "hint": problem.hint,
    }


def _upsert_steps(
    rows: Iterable[tuple[PlannedRow, int]],
    previous: Mapping[tuple[int, str], tuple[str, dict[str, Any]]],
) -> None:
    steps = [
        _step(pk, name, verdict, *previous.get((row.line, name), ("", {})))
        for row, pk in rows
        for name, verdict in row.verdicts.items()
    ]
    bulk.upsert(steps, unique=["row", "name"], update=["state", "ref", "undo", "code", "settled_at"])


def _found_made(
    rows: Iterable[PlannedRow], previous: Mapping[tuple[int, str], tuple[str, dict[str, Any]]]
) -> Iterator[Event]:
    """Tell of creates whose answer never came and that turned out to have been carried out."""
    for row in rows:
        for name, verdict in row.verdicts.items():
            state, undo = previous.get((row.line, name), ("", {}))
            if verdict.action is Action.DONE and state == State.INTENDED and not undo:
                detail = {"line": row.line, "ref": verdict.ref, "settled": "by looking"}
                yield Event(f"{name.value}.created", f"customer:{row.wanted.external_id}", detail)


def _step(row_pk: int, name: StepName, verdict: Verdict, before: str, undo: dict[str, Any]) -> BackfillStep:
    """Say where a step stands before anything is done: an unanswered create is settled here."""
    state = {Action.CREATE: State.PLANNED, Action.SHARED: State.SHARED}.get(
        verdict.action or Action.CREATE, State.ADOPTED
    )
    if verdict.action is Action.DONE and before in (State.INTENDED, State.CREATED) and not undo:
        state = State.CREATED
    elif verdict.action is Action.DONE and before == State.SHARED:
        state = State.SHARED  # by another card's row of this very run: adopted would be somebody else's
    return BackfillStep(
        row_id=row_pk,
        name=name,
        state=state,
        ref="" if state in (State.PLANNED, State.SHARED) else verdict.ref,
        undo=undo if state is not State.PLANNED else {},
        settled_at=None if state is State.PLANNED else timezone.now(),
    )


def finish(run: BackfillRun, status: str, *, reason: str = "", actor: str) -> None:
    """Close an attempt at a run; the same file continues it unless it succeeded.

    With the status `queued` it is only handed on: the worker goes on with it in its next task.
    """
    with transaction.atomic():
        run.status, run.reason = status, reason[:300]
        run.finished_at = None if status == Status.QUEUED else timezone.now()
        run.save(update_fields=["status", "reason", "finished_at"])
        if status == Status.QUEUED:
            return
        record(run.audit_tag, actor, [Event(f"run.{status}", f"run:{run.run_id}", outcome_counts(run))])


def outcome_counts(run: BackfillRun) -> dict[str, int]:
    counted = Counter(
        {
            outcome or "pending": number
            for outcome, number in run.rows.values_list("outcome").annotate(Count("pk")).order_by()
        }
    )
    return {name: counted[name] for name in ("created", "completed", "skipped", "failed", "pending")}
