"""What somebody has put right in Lago by hand since: there the file is right already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from customers.backfill.compare.reading import key_of
from customers.backfill.compare.values import Difference, FileRead, Found, Imported, Kind
from kernel import Action, Step, Wanted

IN_LAGO = (Kind.PLAN, Kind.START)


def without_what_is_done(
    found: Found, people: Mapping[str, Imported], read: FileRead, steps: Sequence[Step]
) -> list[Difference]:
    """Return the differences that still are one; raise RemoteError.

    The ledger keeps plan and start as they were imported. So what differs from it is held against what the
    customer pays by now, as a preview of the file would do.
    """
    asked = [people[one.external_id] for one in found.of(*IN_LAGO)]
    rows = {one.external_id: read.customers[key_of(one.external_id)].rows[0] for one in asked}
    left = found.differences
    for step in steps if asked else ():
        looked = step.look_up([one.wanted() for one in asked])
        done = {
            (who, kind)
            for who, row in rows.items()
            for kind in _done(people[who].wanted(), row, step, looked)
        }
        left = [one for one in left if (one.external_id, one.kind) not in done]
    return left


def _done(was: Wanted, row: Wanted, step: Step, looked: Any) -> Iterator[Kind]:
    """Name what is as the file has it: both, or the one or the other."""
    plan = replace(was, plan_code=row.plan_code or was.plan_code)
    start = replace(
        was,
        start_date=row.start_date or was.start_date,
        subscription_at=row.subscription_at or was.subscription_at,
    )
    both = replace(start, plan_code=plan.plan_code)
    is_done = _agrees(both, step, looked)
    if is_done or _agrees(plan, step, looked):
        yield Kind.PLAN
    if is_done or _agrees(start, step, looked):
        yield Kind.START


def _agrees(wanted: Wanted, step: Step, looked: Any) -> bool:
    verdict = step.check(wanted, looked)
    return verdict.action is Action.ADOPT and not verdict.problems
