"""Rows that are none, and cells that hold no value: what their cause is, said once for the row."""

import re
from collections.abc import Iterable, Mapping, Sequence

from customers.backfill.source import COLUMNS, SourceRow, lines_named
from kernel import Doubt, Problem
from kernel.invisible import without_invisible

_TOTAL = re.compile(
    r"(?:grand |sub)?totals?\b.*|sum\b.*|summe\b.*|gesamt\w*\b.*|insgesamt\b.*|zwischensumme\b.*|totaal\b.*"
    r"|totale\b.*|somme\b.*|suma\b.*|ergebnis\b.*|count\b.*|anzahl\b.*|итого\b.*|razem\b.*"
    r"|\(?\d+ rows?(?: affected| selected| in set.*)?\)?\.?",
    re.IGNORECASE | re.DOTALL,
)
_MOST_FILLED = 3
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_NOT_CALCULATED = "formula_not_calculated"


def no_customer(row: SourceRow) -> Problem | None:
    """Say what a row is that is no customer; it then has this one problem."""
    values = row.values
    if "@" in values.email and values.plan_code:
        return None
    if tuple(without_invisible(value).strip().casefold() for value in values) == COLUMNS:
        return _none("repeats the header", "Delete the row: files were joined here.")
    filled = [value.strip() for value in values if value and not value.isspace()]
    if "@" in values.email or len(filled) > _MOST_FILLED:
        return _none("is a line of signs", "Delete the row.") if _is_drawn(filled) else None
    if not values.plan_code.strip() and any(_TOTAL.fullmatch(cell.strip()) for cell in row.cells if cell):
        told = "This row counts the others (a total); it is no customer."
        return Problem("row_totals", None, told, "Delete the row, or switch off the total row of the table.")
    if values.id_tag.strip() and not _has_customer(row):
        told = "This row has a card and no customer."
        hint = (
            "Fill it in from the row above: rows of one customer with several cards repeat all but the idTag."
        )
        return Problem("row_incomplete", None, told, hint)
    return _none("has hardly a value of ours", "Delete the row, or fill it in.") if len(filled) < 2 else None


def _has_customer(row: SourceRow) -> bool:
    """Return whether a row says more of its customer than a number; a card that is one is no text to copy."""
    values = row.values
    said = values.email, values.display_name, values.plan_code, values.start_date
    return "id_tag" in row.numeric or any(value.strip() for value in said)


def _is_drawn(filled: Sequence[str]) -> bool:
    return not any(_LETTER_OR_DIGIT.search(value) for value in filled)


def _none(what: str, hint: str) -> Problem:
    return Problem("row_no_customer", None, f"This row {what}; it is no customer.", hint)


def not_calculated(column: str) -> Problem:
    """Say of a cell with a formula that its result is not in the file."""
    told = f"The {column} is a formula whose result is not in the file."
    hint = (
        "Open the file in a spreadsheet, let it calculate, save it; or replace the formulas by their values."
    )
    return Problem("formula_not_calculated", column, told, hint)


def formulas_told_once(rows: Iterable[tuple[int, Sequence[Problem]]]) -> Mapping[int, list[Problem]]:
    """Give, by line, the problems of rows with such formulas: one instead of one per cell, naming all lines.

    The cause is one for the whole file, a program that wrote formulas and calculated none.
    """
    found = {
        line: problems for line, problems in rows if any(one.code == _NOT_CALCULATED for one in problems)
    }
    named = lines_named(list(found))
    return {line: _told_once(problems, named) for line, problems in found.items()}


def _told_once(problems: Sequence[Problem], named: str) -> list[Problem]:
    those = [one for one in problems if one.code == _NOT_CALCULATED]
    fields = list(dict.fromkeys(one.field or "" for one in those))
    verb = "is a formula whose result is" if len(fields) == 1 else "are formulas whose results are"
    told = f"{', '.join(fields)} {verb} not in the file; so it is on {named}."
    whole = Problem("formula_not_calculated", fields[0] if len(fields) == 1 else None, told, those[0].hint)
    if all(isinstance(one, Doubt) for one in those):
        whole = Doubt.of(whole)
    return [whole, *(one for one in problems if one.code != _NOT_CALCULATED)]
