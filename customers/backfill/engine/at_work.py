"""Rows between the two transactions of their batch, and what the audit log is told of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from auditlog.models import Event
from customers.backfill.engine.plan import PlannedRow
from customers.models import BackfillRow, BackfillStep
from kernel import Action, Made, Problem, StepName
from kernel.masking import mask_id_tag

Outcome = BackfillRow.Outcome
LOCAL = (StepName.USER, StepName.ID_TAG_MAPPING)


@dataclass(frozen=True, slots=True)
class StepFailure:
    """`in_doubt`: the call may have been carried out; the next run settles it by looking."""

    problem: Problem
    in_doubt: bool


@dataclass(slots=True)
class Opened:
    """A row between its two transactions, with the ledger's records of it."""

    row: PlannedRow
    record: BackfillRow
    steps: dict[StepName, BackfillStep]
    user_pk: int
    mapping_pk: int
    to_call: tuple[StepName, ...] = ()
    steve_key: str = ""  # where SteVe turned out to spell the idTag in another way, only at the call

    @property
    def id_tag_in_steve(self) -> str:
        """Give the spelling that sessions will carry."""
        planned = self.row.verdicts[StepName.STEVE_ID_TAG].key
        return self.steve_key or planned or self.row.wanted.id_tag


@dataclass(frozen=True, slots=True)
class Results:
    """What the remote calls of one row gave, as plain values."""

    made: Mapping[StepName, Made] = field(default_factory=dict)
    failed: Mapping[StepName, StepFailure] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a row ended, for the log and the report."""

    row: PlannedRow
    outcome: str
    steps: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


def local_events(item: Opened) -> Iterable[Event]:
    for name in LOCAL:
        if item.row.means(name, Action.CREATE):
            yield _event(item, name, "created")


def remote_events(item: Opened, results: Results | None) -> Iterable[Event]:
    if results is None:
        return
    for name, made in results.made.items():
        yield _event(item, name, "adopted" if made.adopted else "created")
    for name, failure in results.failed.items():
        yield _event(item, name, "failed", code=failure.problem.code)
    if item.record.outcome in (Outcome.CREATED, Outcome.COMPLETED):
        yield _event(item, StepName.ID_TAG_MAPPING, "activated")


def _event(item: Opened, name: StepName, verb: str, **data: str) -> Event:
    detail = {"line": item.row.line, "ref": item.steps[name].ref, **data}
    if name in (StepName.ID_TAG_MAPPING, StepName.STEVE_ID_TAG):
        detail["id_tag"] = mask_id_tag(item.row.wanted.id_tag)
    return Event(f"{name.value}.{verb}", f"customer:{item.row.wanted.external_id}", detail)
