"""Columns of days that a spreadsheet understood in part: date cells among texts."""

from array import array
from collections.abc import Iterable, Sequence

from customers.backfill.checks.dates import is_iso
from customers.backfill.source import SourceRow, lines_named
from kernel import Doubt, Problem
from kernel.columns import OPTIONAL, Kind

_ALWAYS = ("start_date",)
_DAYS = (*_ALWAYS, *(name for name, column in OPTIONAL.items() if column.kind is Kind.DAY))


class MixedDates:
    """Finds, while rows go by, where a spreadsheet made dates of some cells only, perhaps of the wrong day.

    It leaves as text what is no date in its own order, such as 13/04 in the United States; so what it did
    take for a date it may have taken wrongly. Texts that are ISO 8601 mean what they say.
    """

    def __init__(self) -> None:
        self._dates = {column: array("L") for column in _DAYS}  # lines
        self._texts = {column: array("L") for column in _DAYS}

    def add(self, row: SourceRow) -> None:
        for column in _DAYS if row.more else _ALWAYS:
            if column in row.dated:
                self._dates[column].append(row.line)
            elif _is_other_text(row, column):
                self._texts[column].append(row.line)

    def told(self) -> dict[int, list[Problem]]:
        """Tell of it, by line."""
        found: dict[int, list[Problem]] = {}
        for column in _DAYS:
            dates, texts = self._dates[column], self._texts[column]
            if dates and texts:
                problem = _mixed(column, dates, texts)
                for line in (*dates, *texts):
                    found.setdefault(line, []).append(problem)
        return found


def mixed_dates(rows: Iterable[SourceRow]) -> dict[int, list[Problem]]:
    found = MixedDates()
    for row in rows:
        found.add(row)
    return found.told()


def _is_other_text(row: SourceRow, column: str) -> bool:
    if column in row.numeric or column in row.uncalculated:
        return False
    given = row.values.start_date if column == "start_date" else row.more.get(column, "")
    return not is_iso(given.strip()) and any(char.isdigit() for char in given)


def _mixed(column: str, dates: Sequence[int], texts: Sequence[int]) -> Problem:
    told = (
        f"The spreadsheet took some cells of {column} for dates ({lines_named(dates)}) and left others as "
        f"text ({lines_named(texts)}); it may have changed over day and month."
    )
    hint = "Load the source again with this column as text, or write all of them as 2024-12-31."
    return Doubt.of(Problem("dates_mixed", column, told, hint))
