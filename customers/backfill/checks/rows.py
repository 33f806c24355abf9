"""From the text of a row to what it asks for, with everything that is wrong with it at once."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from customers.backfill.checks.billed import UNSAID, Billed, start_after_billed, with_billed_until
from customers.backfill.checks.damage import damage_in_email, damage_in_id, damage_in_name, damage_in_text
from customers.backfill.checks.dates import (
    check_start_date,
    read_day,
    start_of_day,
    start_warning,
    time_of,
)
from customers.backfill.checks.emails import check_email
from customers.backfill.checks.optional import Written, judge_optional, read_optional
from customers.backfill.checks.unusual import no_customer, not_calculated
from customers.backfill.checks.values import (
    PlanLike,
    check_display_name,
    check_external_id,
    check_id_tag,
    check_plan_code,
    lowercase_warning,
    notation_warning,
    pending_deletion_warning,
)
from customers.backfill.source import SourceInfo, SourceRow, lines_named, meant_column
from customers.backfill.source.model import Mapped
from kernel import Doubt, Problem, Wanted


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
    if other := no_customer(row):
        return _nothing(row, billing_time), [other], []
    checked = _check_values(row, plans, written)
    if row.mapped:
        checked |= {**row.mapped.faults, **_defaulted(row.mapped)}
    for column in row.uncalculated & checked.keys() if row.uncalculated else ():
        if not _was_taken(row, column):
            checked[column] = not_calculated(column)
    found = {field: value for field, value in checked.items() if isinstance(value, Problem)}
    valid = {field: checked[field] for field in checked if field not in found} if found else checked
    found |= _doubts(row, valid)
    time = _time_of_start(row, written) if "start_date" in valid else None
    if isinstance(time, Doubt):
        found["start_date"] = time
    problems = [found[field] for field in checked if field in found] if found else []
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
    against, optional = judge_optional(row, wanted, written, today) if row.more or wanted.more else ([], [])
    of_day = [time] if time is not None and not isinstance(time, Doubt) else []
    warnings = [*_warnings(row, wanted, plans, written, today), *of_day, *moved, *optional]
    return wanted, [*problems, *unread, *against], warnings


def _defaulted(mapped: Mapped) -> dict[str, Problem]:
    """Refuse what took the default of a mapping and is no value: nobody is put on a plan by `#N/A`."""
    found = {one.field: damage_in_text(one.field, one.given) for one in mapped.translated if one.is_default}
    return {field: damage for field, damage in found.items() if damage}


def file_warnings(info: SourceInfo) -> list[Problem]:
    """Warn of what is in the file and is not read."""
    unknown = [
        Problem("column_unknown", None, f"{info.name}: the column “{column}” is not known.", _meaning(column))
        for column in info.unknown_columns
    ]
    return [*unknown, *(_sheet_ignored(info, sheet) for sheet in info.ignored_sheets), *_unseen(info)]


def _sheet_ignored(info: SourceInfo, sheet: str) -> Problem:
    which = f"the hidden sheet “{sheet}”" if sheet in info.hidden_sheets else f"the sheet “{sheet}”"
    hint = f"Only the first one that can be seen is: “{info.sheet}”."
    return Problem("sheet_ignored", None, f"{info.name}: {which} is not read.", hint)


def _unseen(info: SourceInfo) -> Iterator[Problem]:
    """Say what of a sheet nobody sees, and what is done with it."""
    if info.hidden_lines:
        done = "are read like the others" if info.hidden_rows == "include" else "are left out"
        told = (
            f"{info.name}: {len(info.hidden_lines):,} hidden rows {done}: {lines_named(info.hidden_lines)}."
        )
        yield Problem("rows_hidden", None, told, "As --hidden-rows says.")
    if info.hidden_columns:
        told = f"{info.name}: the sheet hides columns that are read: {', '.join(info.hidden_columns)}."
        yield Problem("columns_hidden", None, told, "Show them, and look whether they are the ones meant.")
    if info.unseen_lines:
        told = f"{info.name}: what lies under merged cells is not read: {lines_named(info.unseen_lines)}."
        yield Problem("cells_merged", None, told, "Unmerge them if these rows are meant.")


def _meaning(column: str) -> str:
    ours = meant_column(column)
    named = (
        f"rename it to {ours} if it is that" if ours else "rename it if it is one of ours under another name"
    )
    return f"It is not imported; {named}."


def _time_of_start(row: SourceRow, written: Written) -> Problem | None:
    given = row.values.start_date.strip()
    read = read_day(given, None if "start_date" in row.dated else written.date_format, written.timezone)
    return time_of("start_date", given, read, written.timezone) if read else None


def _check_values(row: SourceRow, plans: Mapping[str, PlanLike], written: Written) -> dict[str, Any]:
    given, no_text = row.values, row.numeric | row.dated
    return {
        "email": check_email(given.email),
        "display_name": check_display_name(given.display_name),
        "external_id": check_external_id(given.external_id, is_text="external_id" not in no_text),
        "id_tag": check_id_tag(given.id_tag, is_text="id_tag" not in no_text),
        "plan_code": check_plan_code(given.plan_code, plans),
        "start_date": check_start_date(
            given.start_date,
            written.date_format,
            timezone=written.timezone,
            is_text="start_date" not in row.numeric,
            is_date="start_date" in row.dated,
        ),
    }


def _doubts(row: SourceRow, valid: Mapping[str, Any]) -> dict[str, Problem]:
    """Return what speaks against values that are valid, but look damaged; an id is for ever."""
    found = {}
    if "email" in valid and (damage := damage_in_email(valid["email"])):
        found["email"] = damage
    for field in ("external_id", "id_tag"):
        if field in valid and (damage := damage_in_id(field, valid[field])):
            found[field] = damage
    if "display_name" in row.uncalculated and "display_name" in valid:
        found["display_name"] = not_calculated("display_name")
    return {field: Doubt.of(damage) for field, damage in found.items()}


def _was_taken(row: SourceRow, field: str) -> bool:
    """Return whether version 1.0 took such a cell: a name that a program wrote as 0, for want of a result."""
    return field == "display_name" and row.values.display_name == "0"


def _warnings(
    row: SourceRow, wanted: Wanted, plans: Mapping[str, PlanLike], written: Written, today: date
) -> list[Problem]:
    is_text = "display_name" not in row.numeric and "display_name" not in row.dated
    day, moved = wanted.starts_on, wanted.moved_to is not None
    has_name = bool(wanted.display_name) and "display_name" not in row.uncalculated
    found = (
        damage_in_name(wanted.display_name, is_text=is_text) if has_name else None,
        lowercase_warning(wanted.id_tag),
        notation_warning(wanted.id_tag),
        pending_deletion_warning(wanted.plan_code, plans),
        start_warning(day, today, moved=moved, beside_platform=written.beside_platform) if day else None,
    )
    return [warning for warning in found if warning]


def _nothing(row: SourceRow, billing_time: str) -> Wanted:
    return Wanted(row.line, "", "", "", "", "", None, None, billing_time)


def _surplus() -> Problem:
    told = "The row has more cells than the header, so its values may be in the wrong columns."
    return Problem("cells_surplus", None, told, "Put a value that contains the delimiter in quotation marks.")
