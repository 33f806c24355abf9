"""From the text of a row to what it asks for, with everything that is wrong with it at once."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from customers.backfill.checks.billed import UNSAID, Billed, start_after_billed, with_billed_until
from customers.backfill.checks.dates import check_start_date, start_of_day, start_warning
from customers.backfill.checks.emails import check_email
from customers.backfill.checks.optional import Written, judge_optional, read_optional
from customers.backfill.checks.values import (
    PlanLike,
    check_display_name,
    check_external_id,
    check_id_tag,
    check_plan_code,
    lowercase_warning,
    pending_deletion_warning,
)
from customers.backfill.source import SourceInfo, SourceRow, meant_column
from kernel import Problem, Wanted


def check_row(
    row: SourceRow,
    *,
    plans: Mapping[str, PlanLike],
    written: Written,
    today: date,
    billing_time: str,
    billed: Billed = UNSAID,
) -> tuple[Wanted, list[Problem], list[Problem]]:
    """Return what the row asks for, its problems and its warnings, both in the order of the columns.

    `today` is the day in the time zone in which start dates are meant. A value with a problem is blank. So is
    every value of a row with too many cells, because it cannot be known which cell is meant for which column.
    """
    if row.surplus:
        return _nothing(row, billing_time), [_surplus()], []
    checked = _check_values(row, plans, written.date_format)
    problems = [value for value in checked.values() if isinstance(value, Problem)]
    valid = {field: value for field, value in checked.items() if not isinstance(value, Problem)}
    start: date | None = valid.get("start_date")
    wanted = Wanted(
        line=row.line,
        email=valid.get("email", ""),
        display_name=valid.get("display_name", ""),
        external_id=valid.get("external_id", ""),
        id_tag=valid.get("id_tag", ""),
        plan_code=valid.get("plan_code", ""),
        start_date=start,
        subscription_at=start_of_day(start, written.timezone) if start else None,
        billing_time=billing_time,
    )
    plan = plans.get(wanted.plan_code)
    wanted, unread = read_optional(row, wanted, written, plan.amount_currency if plan else None)
    wanted = with_billed_until(wanted, billed, written.timezone)
    wanted, moved = start_after_billed(wanted, billed, written.timezone, plan.interval if plan else None)
    against, optional = judge_optional(wanted, today)
    return wanted, [*problems, *unread, *against], [*_warnings(wanted, plans, today), *moved, *optional]


def file_warnings(info: SourceInfo) -> list[Problem]:
    """Warn of what is in the file and is not read."""
    unknown = [
        Problem("column_unknown", None, f"{info.name}: the column “{column}” is not known.", _meaning(column))
        for column in info.unknown_columns
    ]
    sheets = [
        Problem(
            "sheet_ignored", None, f"{info.name}: the sheet “{sheet}” is not read.", "Only the first one is."
        )
        for sheet in info.ignored_sheets
    ]
    return unknown + sheets


def _meaning(column: str) -> str:
    ours = meant_column(column)
    named = (
        f"rename it to {ours} if it is that" if ours else "rename it if it is one of ours under another name"
    )
    return f"It is not imported; {named}."


def _check_values(row: SourceRow, plans: Mapping[str, PlanLike], date_format: str | None) -> dict[str, Any]:
    given, no_text = row.values, row.numeric | row.dated
    return {
        "email": check_email(given.email),
        "display_name": check_display_name(given.display_name),
        "external_id": check_external_id(given.external_id, is_text="external_id" not in no_text),
        "id_tag": check_id_tag(given.id_tag, is_text="id_tag" not in no_text),
        "plan_code": check_plan_code(given.plan_code, plans),
        "start_date": check_start_date(
            given.start_date,
            date_format,
            is_text="start_date" not in row.numeric,
            is_date="start_date" in row.dated,
        ),
    }


def _warnings(wanted: Wanted, plans: Mapping[str, PlanLike], today: date) -> list[Problem]:
    found = (
        lowercase_warning(wanted.id_tag),
        pending_deletion_warning(wanted.plan_code, plans),
        start_warning(wanted.starts_on, today, moved=wanted.moved_to is not None)
        if wanted.starts_on
        else None,
    )
    return [warning for warning in found if warning]


def _nothing(row: SourceRow, billing_time: str) -> Wanted:
    return Wanted(row.line, "", "", "", "", "", None, None, billing_time)


def _surplus() -> Problem:
    told = "The row has more cells than the header, so its values may be in the wrong columns."
    return Problem("cells_surplus", None, told, "Put a value that contains the delimiter in quotation marks.")
