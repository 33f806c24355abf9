"""Write down what is planned for each row of a run, and settle what an earlier attempt left in doubt."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from auditlog.models import Event, record
from customers import bulk
from customers.backfill.engine.plan import Plan, PlannedRow, RowAction
from customers.backfill.ledger.problems import as_json
from customers.backfill.ledger.reclaim import Reclaim, event, take, tell
from customers.backfill.steps import kinds
from customers.behind import check_at_once, written_behind
from customers.models import BackfillRow, BackfillRun, BackfillStep, email_digest
from kernel import Action, columns
from kernel.chunks import chunks
from kernel.fingerprint import salt_of

State = BackfillStep.State
Outcome = BackfillRow.Outcome
STAGE_SIZE, KEYS_AT_ONCE = 2_000, 20_000
_OUTCOMES = {RowAction.FAIL: Outcome.FAILED, RowAction.SKIP: Outcome.SKIPPED}
_STATES = {Action.CREATE: State.PLANNED, Action.SHARED: State.SHARED}  # of all others: adopted
JUDGED = ["outcome", "problems", "warnings", "settled_at"]
# Of a row that fails, what an earlier attempt knew is kept: it may have made things that still stand.
# Of the others it may have known less, such as a plan that Lago did not have then.
STAGED = ["plan_code", "start_date", "subscription_at", "more", "email_digest", "user", "mapping", *JUDGED]

UPSERT_STEPS = """
    INSERT INTO customers_backfillstep (row_id, name, state, ref, undo, code, intended_at, settled_at)
    SELECT row_id, name, state, ref, undo, '', NULL, CASE state WHEN 'planned' THEN NULL ELSE %(now)s END
    FROM json_to_recordset(%(rows)s::json)
        AS planned(row_id bigint, names text[], states text[], refs text[], undos jsonb[]),
        unnest(names, states, refs, undos) AS step(name, state, ref, undo)
    ON CONFLICT (row_id, name) DO UPDATE
    SET state = excluded.state, ref = excluded.ref, undo = excluded.undo, code = '',
        settled_at = excluded.settled_at
"""

# Of a run, by line and step: where the step stood before, and what its removal has to know.
Previous = Mapping[tuple[int, str], tuple[str, dict[str, Any]]]
UNKNOWN: tuple[str, dict[str, Any]] = ("", {})


class StagedRow(NamedTuple):
    """A `BackfillRow` to be written: an object of the model takes five times as much time.

    When it was settled is given as it is written, which many have in common.
    """

    run_id: int
    line: int
    external_id: str
    plan_code: str
    start_date: date | None
    subscription_at: datetime | None
    more: Mapping[str, Any]
    email_digest: str
    outcome: str
    problems: Sequence[Mapping[str, Any]]
    warnings: Sequence[Mapping[str, Any]]
    settled_at: str | None
    user_id: int | None = None
    mapping_id: int | None = None


class StagedStep(NamedTuple):
    name: str
    state: BackfillStep.State
    ref: str
    undo: Mapping[str, Any]


ROW_COLUMNS = ["id", *StagedRow._fields]
STEP_COLUMNS = ["row_id", *StagedStep._fields, "code", "settled_at"]


@transaction.atomic
def stage(
    run: BackfillRun,
    plan: Plan,
    actor: str,
    reclaim: Reclaim | None = None,
    *,
    only: Sequence[int] | None = None,
) -> None:
    """Write what is planned for each row; rows that an earlier attempt settled, and that stand, stay.

    What `reclaim` names is written as the log has it where the plan found just that; and with rows that
    cannot go on, too, so that a revert knows of it. `only` names the lines of a plan that is not of all rows.
    """
    check_at_once()
    known = run.rows.all() if only is None else run.rows.filter(line__in=only)
    if reclaim is None and not known.exists():
        _stage_new(run, plan.rows)
        return
    settled = set(
        known.filter(outcome__in=[Outcome.CREATED, Outcome.COMPLETED, Outcome.SKIPPED]).values_list(
            "line", flat=True
        )
    )
    previous = {**_previous(run, only), **_logged(reclaim)}
    rows = [row for row in plan.rows if row.action is not RowAction.SKIP or row.line not in settled]
    for some in chunks((row for row in rows if row.action is RowAction.FAIL), STAGE_SIZE):
        _upsert_rows(run, some, JUDGED)
    with written_behind() as write:
        for some in chunks((row for row in rows if row.action is not RowAction.FAIL), STAGE_SIZE):
            pks = _upsert_rows(run, some, STAGED)
            write(_stage_steps, run, some, pks, previous, actor, reclaim)
    if reclaim:
        take(reclaim, actor, [row.line for row in rows if row.action is RowAction.FAIL])
        tell(reclaim, actor)


def _stage_new(run: BackfillRun, rows: Sequence[PlannedRow]) -> None:
    """Write rows of which none was written before, as those of a new run."""
    with written_behind() as write:
        for part in chunks(rows, KEYS_AT_ONCE):
            keys = iter(bulk.reserve(BackfillRow, len(part)))  # which waits for what is being written
            for some in chunks(part, STAGE_SIZE):
                pks = list(islice(keys, len(some)))
                write(bulk.copy, BackfillRow, ROW_COLUMNS, _new_rows(run, some, pks))
                write(bulk.copy, BackfillStep, STEP_COLUMNS, _new_steps(some, pks))


def _new_rows(run: BackfillRun, rows: Sequence[PlannedRow], pks: Sequence[int]) -> list[tuple[Any, ...]]:
    return [(pk, *row) for pk, row in zip(pks, _rows(run, rows), strict=True)]


def _new_steps(rows: Sequence[PlannedRow], pks: Sequence[int]) -> list[tuple[Any, ...]]:
    now = timezone.now()
    return [
        (pk, *step, "", None if step.state is State.PLANNED else now)
        for pk, row in zip(pks, rows, strict=True)
        for step in _steps(row, {})
    ]


def _stage_steps(
    run: BackfillRun,
    rows: Sequence[PlannedRow],
    pks: Mapping[int, int],
    previous: Previous,
    actor: str,
    reclaim: Reclaim | None,
) -> None:
    _upsert_steps([(row, pks[row.line]) for row in rows], previous)
    record(run.audit_tag, actor, _found_made(rows, previous))
    record(run.audit_tag, actor, _reclaimed(rows, reclaim))


def _previous(run: BackfillRun, only: Sequence[int] | None) -> Previous:
    found = BackfillStep.objects.filter(row__run=run)
    found = found if only is None else found.filter(row__line__in=only)
    steps = found.values_list("row__line", "name", "state", "undo")
    return {(line, name): (state, undo) for line, name, state, undo in steps.iterator()}


def _logged(reclaim: Reclaim | None) -> Previous:
    made = reclaim.made.items() if reclaim else ()
    return {place: (State.CREATED if one.ref else State.INTENDED, {}) for place, one in made}


def _reclaimed(rows: Iterable[PlannedRow], reclaim: Reclaim | None) -> Iterator[Event]:
    if reclaim is None:
        return
    for row in rows:
        for name in row.verdicts:
            made = reclaim.made.get((row.line, name))
            if made and row.means(name, Action.DONE):
                yield event(reclaim, row.line, name, made)


def _upsert_rows(run: BackfillRun, rows: Iterable[PlannedRow], updated: list[str]) -> dict[int, int]:
    records = list(_rows(run, rows))
    pks = bulk.upsert(BackfillRow, records, unique=["run", "line"], update=updated)
    return {record.line: pk for record, pk in zip(records, pks, strict=True)}


def _rows(run: BackfillRun, rows: Iterable[PlannedRow]) -> Iterator[StagedRow]:
    own = {kind.row_column: kind.name for kind in kinds().values() if kind.row_column}
    now = timezone.now().isoformat()
    return (_row(run, row, own, now) for row in rows)


def _row(run: BackfillRun, row: PlannedRow, own: Mapping[str, str], now: str) -> StagedRow:
    wanted, refs = row.wanted, row.refs
    return StagedRow(
        run_id=run.pk,
        line=row.line,
        external_id=wanted.external_id,
        plan_code=wanted.plan_code[:255],
        start_date=wanted.start_date,
        subscription_at=wanted.subscription_at,
        more=columns.as_json(wanted.more, salt_of(run.run_id, row.line)) if wanted.more else {},
        email_digest=email_digest(run.run_id, wanted.email) if wanted.email else "",
        outcome=_staged_outcome(row.action),
        problems=[as_json(problem) for problem in row.problems],
        warnings=[as_json(warning) for warning in row.warnings],
        settled_at=None if row.is_to_do else now,
        **{column: int(refs[name]) for column, name in own.items() if refs.get(name)},
    )


def _staged_outcome(action: RowAction) -> BackfillRow.Outcome:
    return _OUTCOMES.get(action, Outcome.PENDING)


def _upsert_steps(rows: Iterable[tuple[PlannedRow, int]], previous: Previous) -> None:
    """Write the steps of rows, value by value: as an object for each they took twice as long."""
    records = []
    for row, pk in rows:
        steps = _steps(row, previous)
        names, states, refs, undos = zip(*steps, strict=True) if steps else ((), (), (), ())
        records.append({"row_id": pk, "names": names, "states": states, "refs": refs, "undos": undos})
    with connection.cursor() as cursor:
        cursor.execute(UPSERT_STEPS, {"now": timezone.now(), "rows": json.dumps(records)})


def _steps(row: PlannedRow, previous: Previous) -> list[StagedStep]:
    staged = []
    for (name, action), ref in zip(row.actions.items(), row.refs.values(), strict=True):
        before, undo = previous.get((row.line, name), UNKNOWN)
        state = _state(action, before, undo)
        ref = "" if state in (State.PLANNED, State.SHARED) else ref
        staged.append(StagedStep(name, state, ref, undo if state is not State.PLANNED else {}))
    return staged


def _found_made(rows: Iterable[PlannedRow], previous: Previous) -> Iterator[Event]:
    """Tell of creates whose answer never came and that turned out to have been carried out."""
    for row in rows if previous else ():
        for name, verdict in row.verdicts.items():
            state, undo = previous.get((row.line, name), UNKNOWN)
            if verdict.action is Action.DONE and state == State.INTENDED and not undo:
                detail = {"line": row.line, "ref": verdict.ref, "settled": "by looking"}
                yield Event(f"{name}.created", f"customer:{row.wanted.external_id}", detail)


def _state(action: Action | None, before: str, undo: Mapping[str, Any]) -> BackfillStep.State:
    """Say where a step stands before anything is done: an unanswered create is settled here."""
    if action is Action.DONE and before in (State.INTENDED, State.CREATED) and not undo:
        return State.CREATED
    if action is Action.DONE and before == State.SHARED:
        return State.SHARED  # by another card's row of this very run: adopted would be somebody else's
    return _STATES.get(action or Action.CREATE, State.ADOPTED)
