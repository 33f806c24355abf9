"""Rows between the two transactions of their batch, and what the audit log is told of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from auditlog.models import Event
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.ledger.entries import LedgerRow, LedgerStep
from customers.models import BackfillRow
from kernel import Action, Made, Per, Problem, Step, Works
from kernel.masking import mask_id_tag
from kernel.struct import struct

Outcome = BackfillRow.Outcome


@dataclass(frozen=True, slots=True)
class StepFailure:
    """`in_doubt`: the call may have been carried out; the next run settles it by looking.

    `away`: the system was found not to work at all.
    """

    problem: Problem
    in_doubt: bool
    away: bool = False


@dataclass(slots=True)
class Opened:
    """A row between its two transactions, with the ledger's records of it and what its calls gave.

    `known` is what the things of the row tell each other so far. `is_surprised`: a create of this row turned
    out to be made by somebody else since the plan, so that the steps after it look again.
    """

    row: PlannedRow
    record: LedgerRow
    steps: dict[str, LedgerStep]
    known: dict[str, Any] = field(default_factory=dict)
    to_call: tuple[str, ...] = ()
    made: dict[str, Made] = field(default_factory=dict)
    failed: dict[str, StepFailure] = field(default_factory=dict)
    is_surprised: bool = False


@struct
class Settled:
    """How a row ended, for the log.

    `made`: what of it the run has made elsewhere, by step, with the id that its system gave it. `altered`
    names the steps by which it changed what others had made.
    """

    row: PlannedRow
    outcome: str
    steps: Mapping[str, str]
    problems: tuple[Problem, ...] = ()
    made: Mapping[str, str] = field(default_factory=dict)
    altered: Sequence[str] = ()


def events_of_opening(item: Opened, steps: Iterable[Step]) -> Iterable[Event]:
    for step in steps:
        if step.works is Works.WITH_LEDGER and item.row.means(step.name, Action.CREATE):
            yield _event(item, step, "created")


def events_of_settling(item: Opened, steps: Sequence[Step], *, is_done: bool) -> Iterable[Event]:
    for step in steps:
        if made := item.made.get(step.name):
            yield _event(item, step, "adopted" if made.adopted else "created")
        if failure := item.failed.get(step.name):
            yield _event(item, step, "failed", code=failure.problem.code)
    for step in steps:
        if is_done and step.activates:
            yield _event(item, step, "activated")


def _event(item: Opened, step: Step, verb: str, **data: str) -> Event:
    detail = {"line": item.row.line, "ref": item.steps[step.name].ref, **data}
    if step.per is Per.CARD:
        detail["id_tag"] = mask_id_tag(item.row.wanted.id_tag)
    return Event(f"{step.name}.{verb}", f"customer:{item.row.wanted.external_id}", detail)
