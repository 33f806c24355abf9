"""From an opened file to a plan and its report. Nothing is written anywhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self

from customers.backfill.checks import (
    Billed,
    MixedDates,
    SharedCompanies,
    Written,
    alike,
    check_row,
    clashes,
    completed,
    decimal_cards,
    file_warnings,
    formulas_told_once,
)
from customers.backfill.engine.acceptance import Accepted
from customers.backfill.engine.canary import canary_of
from customers.backfill.engine.expected import expected_of
from customers.backfill.engine.mapped import MappedFile, Meant
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Looked, Piece, Plan, PlannedRow, Policy, RowAction, make_plan
from customers.backfill.engine.report import Report
from customers.backfill.engine.unclaimed import told_by_logs
from customers.backfill.ledger import facts, identity
from customers.backfill.ledger.facts import Ledger
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.ledger.taken_back import taken_back, taken_back_before
from customers.backfill.money.billed_before import billed_before
from customers.backfill.money.billing_lines import billing_lines
from customers.backfill.money.details import Details, details, untranslated
from customers.backfill.money.differences import differences
from customers.backfill.money.invoices import invoices_of
from customers.backfill.money.open_usage import open_usage
from customers.backfill.money.totals import totals
from customers.backfill.refused import Refused
from customers.backfill.source import Source, SourceError, SourceInfo, SourceRow
from customers.backfill.systems import Systems
from customers.behind import read_ahead
from customers.models import BackfillRun
from kernel import Doubt, Problem, Step, Wanted, Works
from kernel.chunks import chunks
from kernel.columns import BILLED_UNTIL

PIECE = 2_000  # rows for which the databases are asked at once


def today_in(systems: Systems, now: datetime) -> date:
    return now.astimezone(systems.timezone).date()


def draft(source: Iterable[SourceRow], systems: Systems, options: Options, today: date) -> list[PlannedRow]:
    """Read and check the rows by themselves and against each other; raise SourceError, Refused."""
    rows, dates, formulas = [], MixedDates(), set()
    written = Written(
        systems.timezone,
        options.date_format,
        options.decimal_mark,
        beside_platform=systems.platform is not None,
    )
    until = date.fromisoformat(options.billed_until) if options.billed_until else None
    billed = Billed(until, options.start_after_billed)
    for given in source:
        wanted, problems, warnings = check_row(
            given,
            plans=systems.target.plans,
            written=written,
            today=today,
            billing_time=options.billing_time,
            billed=billed,
        )
        rows.append(PlannedRow(wanted, problems=tuple(problems), warnings=tuple(warnings)))
        dates.add(given)
        if given.uncalculated:
            formulas.add(given.line)
    if billed.starts_after and not any(_is_billed(row) for row in rows):
        raise Refused(
            "--start-after-billed needs to know until when the old provider has billed, and no row says it.",
            "Say it for all of them with --billed-until DAY, or in a column billed_until.",
        )
    clashing = clashes([_undoubted(row) for row in rows])
    theirs = completed([row.wanted for row in rows])
    other = alike([row.wanted for row in rows])
    mixed = dates.told()
    once = formulas_told_once((row.line, row.problems) for row in rows if row.line in formulas)
    for row in rows:
        row.problems = tuple(once.get(row.line, row.problems))
        found = mixed.get(row.line, [])
        said = {f"{problem.field}_invalid" for problem in found}  # of which this is the cause
        own = [problem for problem in row.problems if problem.code not in said]
        row.problems = (*own, *found, *clashing.get(row.line, ()))
        row.warnings = (*row.warnings, *other.get(row.line, ()))
        if row.line in theirs:
            row.wanted = replace(row.wanted, more={**theirs[row.line], **row.wanted.more})
    return rows


def _warn_of_taken_back(plan: Plan) -> None:
    """Say of who is made again that somebody took them back on purpose."""
    made = [row for row in plan.rows if row.action is RowAction.CREATE]
    before = taken_back_before(row.wanted.external_id for row in made)
    for row in made:
        if run_id := before.get(row.wanted.external_id):
            row.warn_once(_made_again(run_id))


def _made_again(run_id: str) -> Problem:
    told = f"This customer was taken back from the run {run_id}; this import makes it again."
    return Problem("made_again", "external_id", told, "Leave the row out of the file if it is to stay gone.")


def _undoubted(row: PlannedRow) -> Wanted:
    """Leave out what looks damaged: a hundred rows with the key NULL are no clash of each other."""
    fields = {problem.field: "" for problem in row.problems if isinstance(problem, Doubt)}
    ids: dict[str, Any] = {field: "" for field in ("external_id", "id_tag") if field in fields}
    return replace(row.wanted, **ids) if ids else row.wanted


def _is_billed(row: PlannedRow) -> bool:
    """Return whether the row says until when it is billed, be it that nobody can read it."""
    return BILLED_UNTIL.name in row.wanted.more or BILLED_UNTIL.name in row.wanted.unread


def _of_details(found: Sequence[Details], plan: Plan) -> Iterator[Problem]:
    for one in found:
        yield from one.warnings
    yield from untranslated(plan)


@dataclass(frozen=True, slots=True)
class Basis:
    """What rows are planned by: the file that they are of, the systems, the options, the instant.

    `run` is the unfinished one that is continued.
    """

    info: SourceInfo
    systems: Systems
    options: Options
    now: datetime
    run: BackfillRun | None
    reclaim: Reclaim | None = None

    @classmethod
    def of(
        cls,
        info: SourceInfo,
        systems: Systems,
        options: Options,
        now: datetime,
        reclaim: Reclaim | None = None,
    ) -> Self:
        """Find out; raises Refused where continuing a run would be wrong."""
        options = options.over(info)
        run = run_to_continue(info.sha256, options, systems, reclaim)
        return cls(info, systems, options, now, run, reclaim)

    @property
    def there(self) -> datetime:
        """Return the instant by the clock of those who bill."""
        return self.systems.target.clock(self.now)

    @property
    def today(self) -> date:
        return today_in(self.systems, self.there)

    @property
    def billing_day(self) -> date:
        return self.there.astimezone(self.systems.billing_zone).date()

    @property
    def policy(self) -> Policy:
        return Policy(
            self.options.skip_existing,
            (self.run.pk or 0) if self.run else None,  # of one that is not saved yet
            self.options.allowed,
            self.options.accept_invoices_today,
            Accepted.kept(self.run.options) if self.run else None,
            taken_back(self.run) if self.run else (),
        )


def run_to_continue(
    sha256: str, options: Options, systems: Systems, reclaim: Reclaim | None
) -> BackfillRun | None:
    """Find the run that an import continues: the ledger's, or one that only its log knows. Raises Refused."""
    if reclaim is None or not reclaim.is_unknown:
        return identity.to_continue(sha256, options.as_json(), systems)
    identity.check_meaning(reclaim.run, options.as_json())
    return reclaim.run


def plan_file(
    source: Source,
    systems: Systems,
    options: Options,
    *,
    now: datetime,
    log_dir: Path,
    reclaim: Reclaim | None = None,
) -> Report:
    """Say what an import would do; nothing is written anywhere. Raises SourceError, Refused, RemoteError.

    `log_dir`: where the logs of runs are, which may know of things that the ledger has lost.
    """
    basis, mapped = Basis.of(source.info, systems, options, now, reclaim), MappedFile(source.info)
    report, _ = plan_rows(Meant(source, mapped), basis, mapped)
    return told_by_logs(report, log_dir)


class Look:
    """What there is of the rows of a file: what takes calls is asked for once, the databases piece by piece.

    All that the ledger and our own tables know of a large file would fill the memory.
    """

    def __init__(
        self, steps: Sequence[Step], rows: Sequence[PlannedRow], reclaim: Reclaim | None = None
    ) -> None:
        """Call; raises RemoteError."""
        self._steps, self._rows, self._reclaim = steps, rows, reclaim
        wanted = [row.wanted for row in rows]
        self._once = {step.name: step.look_up(wanted) for step in steps if step.works is Works.PER_ROW}

    def pieces(self) -> Iterator[Piece]:
        """Return the rows with what the ledger knows and the steps found of them, a piece at a time."""
        for some, ledger, ours in read_ahead(self._ours(some) for some in chunks(self._rows, PIECE)):
            wanted = [row.wanted for row in some]
            found = {**self._once, **ours}
            looked = [
                Looked(step, found[step.name] if step.name in found else step.look_up(wanted))
                for step in self._steps
            ]
            yield some, ledger, looked

    def _ours(self, rows: Sequence[PlannedRow]) -> tuple[Sequence[PlannedRow], Ledger, Mapping[str, Any]]:
        """Read what lies in our own database, and no other: that may belong to the thread that asks."""
        wanted = [row.wanted for row in rows]
        ours = [step for step in self._steps if step.works is Works.WITH_LEDGER]
        found = {step.name: step.look_up(wanted) for step in ours}
        ledger = facts.look_up(wanted)
        return rows, self._reclaim.over(ledger, wanted) if self._reclaim else ledger, found

    @property
    def looked(self) -> Sequence[Looked]:
        """Return the steps with what was found for all rows; None of those that look piece by piece."""
        return [Looked(step, self._once.get(step.name)) for step in self._steps]

    @property
    def cautions(self) -> Iterator[Problem]:
        for step in self._steps:
            if step.name in self._once:
                yield from step.cautions(self._once[step.name])


def plan_rows(
    given: Iterable[SourceRow], basis: Basis, mapped: MappedFile
) -> tuple[Report, Sequence[Looked]]:
    """Plan rows of a file, which can be gone through again; return also what was found. Raises as above."""
    systems, there, companies = basis.systems, basis.there, SharedCompanies()
    rows = draft(companies.watching(given), systems, basis.options, basis.today)
    if not rows:
        problem = Problem("file_empty", None, f"{basis.info.name}: the mapping leaves out all rows.")
        raise SourceError(problem)
    wanted = [row.wanted for row in rows]
    for step in systems.steps:
        step.read_prices(wanted, there)
    look = Look(systems.steps, rows, basis.reclaim)
    looked = look.looked
    plan = make_plan(look.pieces(), systems.steps, basis.policy, basis.billing_day)
    _warn_of_taken_back(plan)
    first, run = basis.options.first, basis.run
    begun = identity.begun_with(run) if run and run.pk and first else frozenset()
    canary = canary_of(plan, first, begun)
    before, told = billed_before(plan), details(plan, systems.steps)
    report = Report(
        info=basis.info,
        options=basis.options,
        mapped=mapped if basis.info.mapping else None,
        systems=systems,
        plan=plan,
        billing=billing_lines(plan, systems.target.plans, basis.today, before),
        invoices=invoices_of(plan, basis.billing_day),
        warnings=[
            *file_warnings(basis.info),
            *decimal_cards(basis.info.name, wanted),
            *companies.told(given),
            *_of_details(told, plan),
            *look.cautions,
        ],
        dry_run=True,
        status="would_fail" if plan.fails else "would_succeed",
        before=before,
        differences=differences(plan),
        open_usage=open_usage(plan),
        expected=expected_of(plan.rows, looked),
        totals=totals(plan, systems.steps),
        details=told,
        canary=canary,
        billing_first=billing_lines(canary.plan, systems.target.plans, basis.today) if canary else (),
        continues=run.run_id if run else "",
        reclaim=basis.reclaim,
        given=given,
    )
    return report, looked
