"""Columns of days that a spreadsheet understood in part: date cells among texts."""

from collections.abc import Sequence

from customers.backfill.checks.dates import is_iso
from customers.backfill.source import SourceRow, lines_named
from kernel import Doubt, Problem
from kernel.columns import OPTIONAL, Kind

_DAYS = ("start_date", *(name for name, column in OPTIONAL.items() if column.kind is Kind.DAY))


def mixed_dates(rows: Sequence[SourceRow]) -> dict[int, list[Problem]]:
    """Tell, by line, where a spreadsheet made dates of some cells only, perhaps of the wrong day.

    It leaves as text what is no date in its own order, such as 13/04 in the United States; so what it did
    take for a date it may have taken wrongly. Texts that are ISO 8601 mean what they say.
    """
    found: dict[int, list[Problem]] = {}
    if not any(row.dated for row in rows):
        return found
    for column in _DAYS:
        dates = [row.line for row in rows if column in row.dated]
        texts = [row.line for row in rows if _is_other_text(row, column)]
        if dates and texts:
            problem = _mixed(column, dates, texts)
            for line in (*dates, *texts):
                found.setdefault(line, []).append(problem)
    return found


def _is_other_text(row: SourceRow, column: str) -> bool:
    if column in row.dated | row.numeric | row.uncalculated:
        return False
    given = row.values.start_date if column == "start_date" else row.more.get(column, "")
    return any(char.isdigit() for char in given) and not is_iso(given.strip())


def _mixed(column: str, dates: Sequence[int], texts: Sequence[int]) -> Problem:
    told = (
        f"The spreadsheet took some cells of {column} for dates ({lines_named(dates)}) and left others as "
        f"text ({lines_named(texts)}); it may have changed over day and month."
    )
    hint = "Load the source again with this column as text, or write all of them as 2024-12-31."
    return Doubt.of(Problem("dates_mixed", column, told, hint))
