"""Rows that are none, and cells that hold no value: what their cause is, said once for the row."""

import re

from customers.backfill.source import COLUMNS, SourceRow
from kernel import Problem

_TOTAL = re.compile(
    r"(?:grand |sub)?totals?\b.*|sum\b.*|summe\b.*|gesamt\w*\b.*|insgesamt\b.*|zwischensumme\b.*|totaal\b.*"
    r"|totale\b.*|somme\b.*|suma\b.*|ergebnis\b.*|count\b.*|anzahl\b.*|итого\b.*|razem\b.*",
    re.IGNORECASE | re.DOTALL,
)
_MOST_FILLED = 3


def looks_like_totals(row: SourceRow) -> bool:
    """Return whether a row is the last one of a table, which counts the others."""
    filled = [value.strip() for value in row.values if value and not value.isspace()]
    if len(filled) > _MOST_FILLED or "@" in row.values.email or row.values.plan_code.strip():
        return False
    return any(_TOTAL.fullmatch(cell.strip()) for cell in row.cells if cell)


def totals_row() -> Problem:
    told = "This row counts the others (a total); it is no customer."
    return Problem("row_totals", None, told, "Delete the row, or switch off the total row of the table.")


def not_calculated(row: SourceRow) -> dict[str, Problem]:
    """Say of each cell with a formula that its result is not in the file."""
    return {column: _not_calculated(column) for column in COLUMNS if column in row.uncalculated}


def _not_calculated(column: str) -> Problem:
    told = f"The {column} is a formula whose result is not in the file."
    hint = (
        "Open the file in a spreadsheet, let it calculate, save it; or replace the formulas by their values."
    )
    return Problem("formula_not_calculated", column, told, hint)
