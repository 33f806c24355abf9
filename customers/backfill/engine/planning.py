"""From an opened file to a plan and its report. Nothing is written anywhere."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from customers.backfill.checks import (
    Billed,
    Written,
    alike,
    check_row,
    clashes,
    completed,
    decimal_cards,
    file_warnings,
    formulas_told_once,
    mixed_dates,
)
from customers.backfill.engine.acceptance import Accepted
from customers.backfill.engine.canary import canary_of
from customers.backfill.engine.expected import expected_of
from customers.backfill.engine.mapped import MappedFile
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Looked, Plan, PlannedRow, Policy, make_plan
from customers.backfill.engine.report import Report
from customers.backfill.ledger import facts, identity
from customers.backfill.money.billed_before import billed_before
from customers.backfill.money.billing_lines import billing_lines
from customers.backfill.money.details import Details, details, untranslated
from customers.backfill.money.differences import differences
from customers.backfill.money.invoices import invoices_of
from customers.backfill.money.totals import totals
from customers.backfill.refused import Refused
from customers.backfill.source import Source, SourceError, SourceRow
from customers.backfill.systems import Systems
from kernel import Doubt, Problem, Wanted
from kernel.columns import BILLED_UNTIL


def today_in(systems: Systems, now: datetime) -> date:
    return now.astimezone(systems.timezone).date()


def draft(source: Iterable[SourceRow], systems: Systems, options: Options, today: date) -> list[PlannedRow]:
    """Read and check the rows by themselves and against each other; raise SourceError, Refused."""
    rows = []
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
        rows.append(PlannedRow(wanted, given, problems=tuple(problems), warnings=tuple(warnings)))
    if billed.starts_after and not any(_is_billed(row) for row in rows):
        raise Refused(
            "--start-after-billed needs to know until when the old provider has billed, and no row says it.",
            "Say it for all of them with --billed-until DAY, or in a column billed_until.",
        )
    clashing = clashes([_undoubted(row) for row in rows])
    theirs = completed([row.wanted for row in rows])
    other = alike([row.wanted for row in rows])
    mixed = mixed_dates([row.source for row in rows])
    formulas = formulas_told_once((row.line, row.problems) for row in rows if row.source.uncalculated)
    for row in rows:
        row.problems = tuple(formulas.get(row.line, row.problems))
        found = mixed.get(row.line, [])
        said = {f"{problem.field}_invalid" for problem in found}  # of which this is the cause
        own = [problem for problem in row.problems if problem.code not in said]
        row.problems = (*own, *found, *clashing.get(row.line, ()))
        row.warnings = (*row.warnings, *other.get(row.line, ()))
        if row.line in theirs:
            row.wanted = replace(row.wanted, more={**theirs[row.line], **row.wanted.more})
    return rows


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


def plan_file(source: Source, systems: Systems, options: Options, *, now: datetime) -> Report:
    """Say what an import would do; nothing is written anywhere. Raises SourceError, Refused, RemoteError."""
    there = systems.target.clock(now)
    today, billing_day = today_in(systems, there), there.astimezone(systems.billing_zone).date()
    options = options.over(source.info)
    run = identity.to_continue(source.info.sha256, options.as_json(), systems)
    mapped = MappedFile(source.info)
    rows = draft(mapped.meant(source), systems, options, today)
    if not rows:
        problem = Problem("file_empty", None, f"{source.info.name}: the mapping leaves out all rows.")
        raise SourceError(problem)
    wanted = [row.wanted for row in rows]
    for step in systems.steps:
        step.read_prices(wanted, there)
    looked = [Looked(step, step.look_up(wanted)) for step in systems.steps]
    policy = Policy(
        options.skip_existing,
        run.pk if run else None,
        options.allowed,
        options.accept_invoices_today,
        Accepted.kept(run.options) if run else None,
    )
    plan = make_plan(rows, facts.look_up(wanted), looked, policy, billing_day)
    begun = identity.begun_with(run) if run and options.first else frozenset()
    before, given = billed_before(plan), details(plan, systems.steps)
    return Report(
        info=source.info,
        options=options,
        mapped=mapped if source.info.mapping else None,
        systems=systems,
        plan=plan,
        billing=billing_lines(plan, systems.target.plans, today, before),
        invoices=invoices_of(plan, billing_day),
        warnings=[
            *file_warnings(source.info),
            *decimal_cards(source.info.name, wanted),
            *_of_details(given, plan),
        ],
        dry_run=True,
        status="would_fail" if plan.fails else "would_succeed",
        before=before,
        differences=differences(plan),
        expected=expected_of(plan.rows, looked),
        totals=totals(plan, systems.steps),
        details=given,
        canary=canary_of(plan, options.first, begun),
        continues=run.run_id if run else "",
    )
