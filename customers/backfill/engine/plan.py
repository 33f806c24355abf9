"""From rows, and what exists, to what a run will do. Pure: the same computation for a dry-run and a run.

So that the dry-run can tell the truth, there is no second opinion anywhere: whatever a run does to a row
follows from the `PlannedRow` made here.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from customers.backfill.engine import local
from customers.backfill.engine.world import LedgerFact, MappingFact, World
from customers.backfill.source import SourceRow
from kernel import Action, Problem, RemoteStep, StepName, Verdict, Wanted

# Between our clock and another system's; a thing older than our intention by more is not ours.
CLOCK_TOLERANCE = timedelta(minutes=10)

# What is one per customer, however many cards the customer has.
PER_CUSTOMER = (StepName.USER, StepName.LAGO_CUSTOMER, StepName.LAGO_SUBSCRIPTION)


class RowAction(StrEnum):
    CREATE = "create"
    COMPLETE = "complete"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(slots=True)
class PlannedRow:
    """A row with all that is known of it before anything is done.

    `owner_line`: where a customer has several cards, the row that makes what they share.
    """

    wanted: Wanted
    source: SourceRow
    action: RowAction = RowAction.CREATE
    verdicts: dict[StepName, Verdict] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    owner_line: int | None = None

    @property
    def line(self) -> int:
        return self.wanted.line

    @property
    def is_to_do(self) -> bool:
        return self.action in (RowAction.CREATE, RowAction.COMPLETE)

    def means(self, step: StepName, action: Action) -> bool:
        return step in self.verdicts and self.verdicts[step].action is action


@dataclass(frozen=True, slots=True)
class Looked:
    """A remote step with what it found."""

    step: RemoteStep
    found: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides whether something that exists may be adopted. `run_pk`: the run that is continued."""

    skip_existing: bool
    run_pk: int | None = None


@dataclass(slots=True)
class Plan:
    rows: list[PlannedRow]

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(row.action.value for row in self.rows)
        return {action.value: counted[action.value] for action in RowAction}

    @property
    def fails(self) -> bool:
        return any(row.action is RowAction.FAIL for row in self.rows)

    def to_do(self) -> list[PlannedRow]:
        return [row for row in self.rows if row.is_to_do]


def make_plan(rows: list[PlannedRow], world: World, remote: Sequence[Looked], policy: Policy) -> Plan:
    """Judge drafted rows (with the problems of their values already in them), in the order of the file."""
    for row in rows:
        judge(row, world, remote, policy)
    _share(rows)
    return Plan(rows)


def judge(row: PlannedRow, world: World, remote: Sequence[Looked], policy: Policy) -> None:
    """Decide one row by itself; rows that share a customer are settled among each other afterwards."""
    stranger = local.signed_up_directly(row.wanted, world)
    if stranger and policy.skip_existing:
        row.action = RowAction.FAIL if row.problems else RowAction.SKIP
        row.warnings = (*row.warnings, stranger)
        return
    facts = _facts(row.wanted, world)
    looked = _look(row.wanted, world, remote)
    if looked[StepName.ID_TAG_MAPPING].action is Action.ADOPT:
        looked = {name: _left_alone(name, verdict, facts) for name, verdict in looked.items()}
    verdicts = {name: _ours(name, verdict, facts) for name, verdict in looked.items()}
    row.warnings = (*row.warnings, *(w for v in verdicts.values() for w in v.warnings))
    row.problems = (*row.problems, *_problems(verdicts, facts, policy))
    if row.problems:
        row.action = RowAction.FAIL
        return
    row.verdicts = verdicts
    row.action = _action(row, world, facts)


def _look(wanted: Wanted, world: World, remote: Sequence[Looked]) -> dict[StepName, Verdict]:
    verdicts = {
        StepName.USER: local.check_user(wanted, world),
        StepName.ID_TAG_MAPPING: local.check_mapping(wanted, world),
    }
    for looked in remote:
        verdicts[looked.step.name] = looked.step.check(wanted, looked.found)
    return verdicts


def _ours(name: StepName, verdict: Verdict, facts: Sequence[LedgerFact]) -> Verdict:
    """Turn ADOPT into DONE where the ledger says that a run of ours made this very thing."""
    if verdict.action is not Action.ADOPT:
        return verdict
    if any(_made_by(fact, verdict) for fact in facts if fact.step is name):
        return replace(verdict, action=Action.DONE)
    return verdict


def _left_alone(name: StepName, verdict: Verdict, facts: Sequence[LedgerFact]) -> Verdict:
    """Put nothing right, and hold nothing against a row, that a run had finished with: it was right then."""
    to_blame = bool(verdict.ref) and (verdict.change or bool(verdict.problems))
    if to_blame and any(f.row_settled and f.step is name and f.ref == verdict.ref for f in facts):
        return replace(
            verdict, action=Action.ADOPT, problems=(), warnings=verdict.since_then, change=False, undo=None
        )
    return verdict


def _facts(wanted: Wanted, world: World) -> list[LedgerFact]:
    """Give what runs recorded for this row: an unanswered create of another card says nothing of this one."""
    card = wanted.id_tag.lower()
    return [
        fact
        for fact in world.ledger.get(wanted.external_id, [])
        if fact.state != "intended" or fact.step in PER_CUSTOMER or fact.id_tag == card
    ]


def _made_by(fact: LedgerFact, verdict: Verdict) -> bool:
    if fact.state == "created":
        return fact.ref == verdict.ref
    if fact.state == "intended" and fact.ref:  # it existed, and was being put right
        return not fact.alters and fact.ref == verdict.ref
    # An unanswered create is ours if what is there is what we would have made, and no older than the try.
    return (
        fact.state == "intended"
        and not fact.alters
        and not verdict.warnings
        and (
            verdict.since is None
            or fact.intended_at is None
            or verdict.since >= fact.intended_at - CLOCK_TOLERANCE
        )
    )


def _problems(
    verdicts: Mapping[StepName, Verdict], facts: Sequence[LedgerFact], policy: Policy
) -> list[Problem]:
    problems = [problem for verdict in verdicts.values() for problem in verdict.problems]
    if policy.skip_existing:
        return problems
    of_this_run = {(fact.step, fact.ref) for fact in facts if fact.run_pk == policy.run_pk}
    unsettled = {fact.step for fact in facts if fact.run_pk == policy.run_pk and fact.state == "intended"}
    for name, verdict in verdicts.items():
        if (name, verdict.ref) not in of_this_run and name not in unsettled:
            problems.extend(verdict.exists)
    return problems


def judge_again(row: PlannedRow, world: World, policy: Policy) -> None:
    """Look at our own database once more, after a write found that it had changed since the plan."""
    facts = _facts(row.wanted, world)
    fresh = {
        StepName.USER: local.check_user(row.wanted, world),
        StepName.ID_TAG_MAPPING: local.check_mapping(row.wanted, world),
    }
    if row.owner_line is not None:
        del fresh[StepName.USER]
    row.problems = tuple(_problems(fresh, facts, policy))
    row.verdicts |= {name: _ours(name, verdict, facts) for name, verdict in fresh.items()}


def _action(row: PlannedRow, world: World, facts: Sequence[LedgerFact]) -> RowAction:
    if all(v.action is not Action.CREATE and not v.change for v in row.verdicts.values()):
        if _is_whole(row, world, facts):
            return RowAction.SKIP
        return RowAction.COMPLETE
    half_done = any(v.action is Action.DONE for v in row.verdicts.values())
    return RowAction.COMPLETE if half_done else RowAction.CREATE


def _is_whole(row: PlannedRow, world: World, facts: Sequence[LedgerFact]) -> bool:
    """Tell whether the mapping bills, as SteVe has the idTag, or was switched off after a run was done."""
    mapping = local.mapping_of(row.wanted, world)
    if mapping is None:
        return False
    if mapping.is_active:
        return _is_as_in_steve(row, mapping)
    ref = str(mapping.pk)
    return any(f.row_settled and f.step is StepName.ID_TAG_MAPPING and f.ref == ref for f in facts)


def _is_as_in_steve(row: PlannedRow, mapping: MappingFact) -> bool:
    """Tell it from one of a run without SteVe, which knew neither number nor spelling."""
    steve = row.verdicts.get(StepName.STEVE_ID_TAG)
    if steve is None:
        return True
    return (str(mapping.steve_ocpp_tag_pk), mapping.id_tag) == (steve.ref, steve.key or row.wanted.id_tag)


def _share(rows: Sequence[PlannedRow]) -> None:
    """Let the first good row of a customer make what is one per customer, and the others share it.

    What exists already nobody makes: each of the rows adopts it.
    """
    owners: dict[str, PlannedRow] = {}
    for row in rows:
        if row.action is RowAction.FAIL or not row.verdicts:
            continue
        owner = owners.setdefault(row.wanted.external_id, row)
        if owner is row:
            continue
        row.owner_line = owner.line
        for name in PER_CUSTOMER:
            if row.means(name, Action.CREATE):
                row.verdicts[name] = replace(row.verdicts[name], action=Action.SHARED)
