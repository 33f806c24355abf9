"""From rows, and what exists, to what a run will do. Pure: the same computation for a dry-run and a run.

So that the dry-run can tell the truth, there is no second opinion anywhere: whatever a run does to a row
follows from the `PlannedRow` made here.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any, TypeAlias

from customers.backfill.engine.acceptance import NO, Accepted, Past, accept, with_way_out
from customers.backfill.engine.sharing import Sharing, Standing
from customers.backfill.ledger.facts import Ledger, LedgerFact
from kernel import NOTHING, Action, Bills, Doubt, Facts, Per, Problem, Step, Verdict, Wanted

TAKEN_BACK = Problem(
    "taken_back",
    "external_id",
    "This customer was taken back from this run, so the run does not make it again.",
    "To make it again, import the row in a file of its own, or the whole file with --new-run.",
)
SKIP, ACCEPT = "skip_existing", "accept_invoices_today"  # options, by their names


class RowAction(StrEnum):
    CREATE = "create"
    COMPLETE = "complete"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(slots=True)
class PlannedRow:
    """A row with all that is known of it before anything is done. `verdicts` are by step, in their order.

    `owner_line`: where a customer has several cards, the row that makes what they share. `bills` is what the
    row makes its customer pay, or what an adopted thing does: told once for each customer. `lifts` names the
    option that lifts a problem, by its code. The row as the operator wrote it is in the file: a plan does
    not hold it.
    """

    wanted: Wanted
    action: RowAction = RowAction.CREATE
    verdicts: Mapping[str, Verdict] = NOTHING
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    owner_line: int | None = None
    bills: Bills | None = None
    lifts: Mapping[str, str] = NOTHING

    @property
    def line(self) -> int:
        return self.wanted.line

    @property
    def is_to_do(self) -> bool:
        return self.action in (RowAction.CREATE, RowAction.COMPLETE)

    def warn_once(self, warning: Problem) -> None:
        """Add a warning, unless one of its kind is there."""
        if all(known.code != warning.code for known in self.warnings):
            self.warnings = (*self.warnings, warning)

    @property
    def actions(self) -> Mapping[str, Action | None]:
        """Return what is meant to be done about each thing."""
        if isinstance(self.verdicts, Standing):
            return self.verdicts.actions
        return {name: verdict.action for name, verdict in self.verdicts.items()}

    @property
    def refs(self) -> Mapping[str, str]:
        """Return by which id each thing was found; blank where it was not."""
        if isinstance(self.verdicts, Standing):
            return self.verdicts.refs
        return {name: verdict.ref for name, verdict in self.verdicts.items()}

    def means(self, step: str, action: Action) -> bool:
        if isinstance(self.verdicts, Standing):
            return self.verdicts.actions.get(step) is action
        return step in self.verdicts and self.verdicts[step].action is action


@dataclass(frozen=True, slots=True)
class Looked:
    """A step with what it found."""

    step: Step
    found: Any


# Some rows, what the ledger knows of them, and what the steps found.
Piece: TypeAlias = tuple[Sequence[PlannedRow], Ledger, Sequence[Looked]]


@dataclass(frozen=True, slots=True)
class Policy:
    """What decides whether something that exists may be adopted.

    `run_pk`: the run that is continued. `allowed`: the options by which our own cautions are lifted. `accept`
    is the operator's word on invoices for days that are over, as in `acceptance`; `accepted`, what was
    accepted before for the run that is continued. `taken_back`: customers that were taken back from that run.
    """

    skip_existing: bool
    run_pk: int | None = None
    allowed: Collection[str] = ()
    accept: str = NO
    accepted: Accepted | None = None
    taken_back: Collection[str] = ()


@dataclass(slots=True)
class Plan:
    """`past` is what would be invoiced today for days that are over; `accepted`, what of it may be."""

    rows: list[PlannedRow]
    past: Past | None = None
    accepted: Accepted | None = None

    @property
    def counts(self) -> dict[str, int]:
        counted = Counter(row.action.value for row in self.rows)
        return {action.value: counted[action.value] for action in RowAction}

    @property
    def fails(self) -> bool:
        return any(row.action is RowAction.FAIL for row in self.rows)

    def to_do(self) -> list[PlannedRow]:
        return [row for row in self.rows if row.is_to_do]


def make_plan(pieces: Iterable[Piece], steps: Sequence[Step], policy: Policy, today: date) -> Plan:
    """Judge drafted rows (with the problems of their values already in them), in the order of the file.

    Of a piece, what there is of its rows is let go before the next but one comes. `today` is the day at those
    who bill.
    """
    rows, sharing = list[PlannedRow](), Sharing()
    for some, ledger, looked in pieces:
        for row in some:
            judge(row, ledger, looked, policy)
            _slim(row, sharing)
        rows += some
    past = Past.of({row.wanted.external_id: row.bills for row in rows if row.bills})
    accepted = accept(policy.accept, today, past, policy.accepted)
    if past and not accepted:
        alterations = {step.alters for step in steps}
        for row in rows:
            _refuse_invoices(row, alterations, policy, today)
    _share(rows, steps)
    _tell_bills_once(rows)
    return Plan(rows, past, accepted)


def _slim(row: PlannedRow, sharing: Sharing) -> None:
    """Let go of what was only needed to judge the row."""
    row.bills = sharing.bills(row.bills)
    skips = row.action is RowAction.SKIP
    row.verdicts = sharing.standing(row.verdicts) if skips else sharing.verdicts(row.verdicts)


def _refuse_invoices(row: PlannedRow, alterations: Collection[str], policy: Policy, today: date) -> None:
    """Have a row fail that would be invoiced for days that are over; one that fails alters nothing."""
    if row.bills and row.bills.past:
        past = with_way_out(row.bills.past, policy.accept, today)
        row.problems = (*row.problems, *past)
        row.lifts = {**row.lifts, **dict.fromkeys([problem.code for problem in past], ACCEPT)}
        row.warnings = tuple(warning for warning in row.warnings if warning.code not in alterations)
        row.action, row.verdicts = RowAction.FAIL, {}


def _tell_bills_once(rows: Sequence[PlannedRow]) -> None:
    """Leave the bills with one row of each customer, so that nothing is counted twice: with its owner.

    Rows of which nobody knows whose they are, are not of one customer.
    """
    owners: dict[str | int, PlannedRow] = {}
    for row in sorted(rows, key=lambda row: row.action is RowAction.FAIL):  # stable: the first good one
        if row.bills and owners.setdefault(row.wanted.external_id or row.line, row) is not row:
            row.bills = None


def judge(row: PlannedRow, ledger: Ledger, looked: Sequence[Looked], policy: Policy) -> None:
    """Decide one row by itself; rows that share a customer are settled among each other afterwards."""
    if row.wanted.external_id in policy.taken_back:
        row.action, row.problems, row.warnings = RowAction.SKIP, (), (TAKEN_BACK,)
        return
    steps = [one.step for one in looked]
    facts = _facts_of(row.wanted, ledger, steps)
    if row.problems:
        row.problems = tuple(one for one in row.problems if not _is_settled(one, row.wanted, facts))
    verdicts, known = _judged(row.wanted, looked)
    reasons = [verdict.leave for verdict in verdicts.values() if verdict.leave]
    if reasons and policy.skip_existing:
        row.action = RowAction.FAIL if row.problems else RowAction.SKIP
        row.warnings = (*row.warnings, *reasons)
        return
    if facts:
        if any(one.step.is_keystone and _adopts(verdicts.get(one.step.name)) for one in looked):
            verdicts = {name: _left_alone(name, verdict, facts) for name, verdict in verdicts.items()}
        verdicts = {name: _ours(name, verdict, facts) for name, verdict in verdicts.items()}
    row.bills = _bills_of(verdicts)
    row.problems = (*row.problems, *_problems(verdicts, facts, policy))
    fails = bool(row.problems)
    row.warnings = (*row.warnings, *_warnings(verdicts, steps, fails=fails))
    for warning in _altered_before(row.wanted, verdicts, facts, steps, policy):
        row.warn_once(warning)
    if fails:
        row.action, row.lifts = RowAction.FAIL, _lifts(verdicts)
        return
    row.verdicts = verdicts
    row.action = _action(row, looked, facts, known)


def _lifts(verdicts: Mapping[str, Verdict]) -> dict[str, str]:
    """Return the option that lifts each problem that is no more than a caution of ours, by its code."""
    exists = {problem.code: SKIP for verdict in verdicts.values() for problem in verdict.exists}
    cautions = {
        problem.code: option
        for verdict in verdicts.values()
        for option, problem in verdict.unless_allowed.items()
    }
    return exists | cautions


def _is_settled(problem: Problem, wanted: Wanted, facts: Sequence[LedgerFact]) -> bool:
    """Return whether it is too late for a doubt: what is doubted is in, and stays what it is."""
    if not isinstance(problem, Doubt):
        return False
    card = wanted.id_tag.lower()
    return any(fact.id_tag == card for fact in facts) if problem.field == "id_tag" else bool(facts)


def _bills_of(verdicts: Mapping[str, Verdict]) -> Bills | None:
    """Return what the customer will be billed for what is new to us."""
    new = (verdict for verdict in verdicts.values() if verdict.action in (Action.CREATE, Action.ADOPT))
    return next((verdict.bills for verdict in new if verdict.bills), None)


def verdicts_on(wanted: Wanted, looked: Sequence[Looked]) -> dict[str, Verdict]:
    """Have each step that the row asks for judge it by itself, and then by what all of them tell."""
    return _judged(wanted, looked)[0]


def _judged(wanted: Wanted, looked: Sequence[Looked]) -> tuple[dict[str, Verdict], Facts]:
    """Return the verdicts on a row, and what they tell."""
    looked = [one for one in looked if one.step.is_asked(wanted)]
    steps = [one.step for one in looked]
    first = {one.step.name: one.step.check(wanted, one.found) for one in looked}
    facts = _told(wanted, first, steps)
    verdicts = {
        one.step.name: one.step.reconsider(wanted, one.found, first[one.step.name], facts) for one in looked
    }
    is_same = all(verdicts[name] is verdict for name, verdict in first.items())
    return verdicts, facts if is_same else _told(wanted, verdicts, steps)


def _adopts(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.action is Action.ADOPT


def told(row: PlannedRow, steps: Iterable[Step]) -> Facts:
    """Return what the things of a row tell each other, as far as the plan knows them."""
    return _told(row.wanted, row.verdicts, steps)


def _told(wanted: Wanted, verdicts: Mapping[str, Verdict], steps: Iterable[Step]) -> Facts:
    known: dict[str, Any] = {}
    for step in steps:
        if verdict := verdicts.get(step.name):
            known |= step.tell(wanted, verdict.ref, verdict.key)
            known |= verdict.tells
    return known


def _facts_of(wanted: Wanted, ledger: Ledger, steps: Sequence[Step]) -> Sequence[LedgerFact]:
    """Return what runs recorded for this row, without unanswered creates of the customer's other cards."""
    known = ledger.get(wanted.external_id, ())
    if all(fact.state != "intended" for fact in known):
        return known
    card = wanted.id_tag.lower()
    shared = {step.name for step in steps if step.per is Per.CUSTOMER}
    return [fact for fact in known if fact.state != "intended" or fact.step in shared or fact.id_tag == card]


def _ours(name: str, verdict: Verdict, facts: Sequence[LedgerFact]) -> Verdict:
    """Turn ADOPT into DONE where the ledger says that a run of ours made this very thing.

    Where nothing is there, say whether a try of ours is unanswered.
    """
    if verdict.action is Action.CREATE:
        return replace(verdict, tried=True) if any(_is_unanswered(fact, name) for fact in facts) else verdict
    if verdict.action is Action.ADOPT:
        for fact in facts:
            if fact.step == name and _made_by(fact, verdict):
                return verdict.done()
    return verdict


def _left_alone(name: str, verdict: Verdict, facts: Sequence[LedgerFact]) -> Verdict:
    """Put nothing right, and hold nothing against a row, that a run had finished with: it was right then."""
    to_blame = bool(verdict.ref) and (verdict.change or bool(verdict.problems))
    if to_blame and (name, verdict.ref) in _finished(facts):
        return replace(
            verdict,
            action=Action.ADOPT,
            problems=(),
            warnings=verdict.once_finished,
            theirs=(),
            change=False,
            undo=None,
        )
    return verdict


def _finished(facts: Sequence[LedgerFact]) -> set[tuple[str, str]]:
    """Return the very things, by step and ref, that a run had finished with."""
    return {(fact.step, fact.ref) for fact in facts if fact.row_settled}


def _made_by(fact: LedgerFact, verdict: Verdict) -> bool:
    if fact.state == "created":
        return fact.ref == verdict.ref
    if fact.state == "intended" and fact.ref:  # it existed, and was being put right
        return not fact.alters and fact.ref == verdict.ref
    # A create is intended only of what a look did not find. So what is there now came after that look, and
    # by no clock can be told whose it is: it is ours if it is what we would have made.
    return fact.state == "intended" and not fact.alters and verdict.may_be_ours


def _is_unanswered(fact: LedgerFact, name: str) -> bool:
    return fact.step == name and fact.state == "intended" and not fact.ref


def _warnings(verdicts: Mapping[str, Verdict], steps: Sequence[Step], *, fails: bool) -> Iterator[Problem]:
    """Return what a row warns of; one that fails alters nothing."""
    alterations = {step.alters for step in steps} if fails else set()
    for verdict in verdicts.values():
        for warning in verdict.warnings + verdict.theirs:
            if warning.code not in alterations:
                yield warning


def _altered_before(
    wanted: Wanted,
    verdicts: Mapping[str, Verdict],
    facts: Sequence[LedgerFact],
    steps: Sequence[Step],
    policy: Policy,
) -> Iterator[Problem]:
    """Name what the run that is continued has altered already: by now it looks like any other."""
    known = {(fact.step, fact.ref) for fact in facts if fact.alters and fact.run_pk == policy.run_pk}
    for step in steps if known else ():
        verdict = verdicts.get(step.name)
        if verdict is None or (step.name, verdict.ref) not in known:
            continue
        if warning := step.altered(wanted, verdict.ref):
            yield warning


def _problems(verdicts: Mapping[str, Verdict], facts: Sequence[LedgerFact], policy: Policy) -> list[Problem]:
    problems = [problem for verdict in verdicts.values() for problem in _against(verdict, policy)]
    if policy.skip_existing or not any(verdict.exists for verdict in verdicts.values()):
        return problems
    of_this_run = {(fact.step, fact.ref) for fact in facts if fact.run_pk == policy.run_pk}
    unsettled = {fact.step for fact in facts if fact.run_pk == policy.run_pk and fact.state == "intended"}
    for name, verdict in verdicts.items():
        if (name, verdict.ref) not in of_this_run and name not in unsettled:
            problems.extend(verdict.exists)
    return problems


def _against(verdict: Verdict, policy: Policy) -> Iterator[Problem]:
    yield from verdict.problems
    for option, problem in verdict.unless_allowed.items():
        if option not in policy.allowed:
            yield problem


def judge_again(row: PlannedRow, ledger: Ledger, looked: Sequence[Looked], policy: Policy) -> None:
    """Judge some steps once more, after a write found that the world had changed since the plan."""
    facts = _facts_of(row.wanted, ledger, [one.step for one in looked])
    own = [one for one in looked if row.owner_line is None or one.step.per is Per.CARD]
    fresh = verdicts_on(row.wanted, own)
    row.problems = tuple(_problems(fresh, facts, policy))
    ours = {name: _ours(name, verdict, facts) for name, verdict in fresh.items()}
    row.verdicts = {**row.verdicts, **ours}


def _action(
    row: PlannedRow, looked: Sequence[Looked], facts: Sequence[LedgerFact], known: Facts
) -> RowAction:
    if not any(verdict.is_to_make for verdict in row.verdicts.values()):
        return RowAction.SKIP if _is_whole(row, looked, facts, known) else RowAction.COMPLETE
    half_done = any(v.action is Action.DONE for v in row.verdicts.values())
    return RowAction.COMPLETE if half_done else RowAction.CREATE


def _is_whole(row: PlannedRow, looked: Sequence[Looked], facts: Sequence[LedgerFact], known: Facts) -> bool:
    finished = _finished(facts)
    for one in looked:
        verdict = row.verdicts.get(one.step.name)
        if verdict is None:
            continue
        had_finished = (one.step.name, verdict.ref) in finished
        if not one.step.is_whole(row.wanted, one.found, known, finished=had_finished):
            return False
    return True


def _share(rows: Sequence[PlannedRow], steps: Sequence[Step]) -> None:
    """Let the first good row of a customer make what is one per customer, and the others share it.

    What exists already nobody makes: each of the rows adopts it.
    """
    shared = [step.name for step in steps if step.per is Per.CUSTOMER]
    owners: dict[str, PlannedRow] = {}
    for row in rows:
        if row.action is RowAction.FAIL or not row.verdicts:
            continue
        owner = owners.setdefault(row.wanted.external_id, row)
        if owner is row:
            continue
        row.owner_line = owner.line
        for name in shared:
            if row.means(name, Action.CREATE):
                made_by_owner = replace(row.verdicts[name], action=Action.SHARED)
                row.verdicts = {**row.verdicts, name: made_by_owner}
