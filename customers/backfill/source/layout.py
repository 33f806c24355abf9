"""Which column of a file is which, and how its cells become a row."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from customers.backfill.source.model import COLUMNS, REPORT_COLUMNS, SourceError, SourceRow, Values
from kernel import Problem
from kernel.columns import OPTIONAL
from kernel.invisible import without_invisible

_T = TypeVar("_T")

_OTHER_DELIMITERS = {"|": "a bar", "^": "a caret", "~": "a tilde", ":": "a colon", "\x1f": "a unit separator"}

TITLE_LINES = 30  # at most, above a header

_KNOWN = (*COLUMNS, *OPTIONAL)

# What other systems call our columns; used to say what an operator may have meant, never to guess.
_OTHER_NAMES = {
    "e_mail": "email",
    "mail": "email",
    "email_address": "email",
    "name": "display_name",
    "full_name": "display_name",
    "customer": "display_name",
    "customer_name": "display_name",
    "id": "external_id",
    "customer_id": "external_id",
    "customer_number": "external_id",
    "rfid": "id_tag",
    "uid": "id_tag",
    "card": "id_tag",
    "token": "id_tag",
    "plan": "plan_code",
    "tariff": "plan_code",
    "start": "start_date",
    "started_at": "start_date",
    "valid_from": "start_date",
    **{other: column.name for column in OPTIONAL.values() for other in column.also},
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of one file are.

    `report` is where the four columns of an error file begin, if the file is one; they and their cells are
    left out of everything else.
    """

    header: tuple[str, ...]
    places: Mapping[str, int]
    unknown: tuple[str, ...]
    report: int | None

    def own(self, cells: Sequence[_T]) -> Sequence[_T]:
        """Leave out what an error file added."""
        if self.report is None:
            return cells
        return [*cells[: self.report], *cells[self.report + len(REPORT_COLUMNS) :]]

    def at(self, place: int) -> int:
        """Return where in the file a column is whose place is counted without those of an error file."""
        return place if self.report is None or place < self.report else place + len(REPORT_COLUMNS)

    def row(self, line: int, raw: Sequence[str]) -> SourceRow | None:
        """Make a row of the cells of one record; None of a blank one."""
        cells = self.own(raw)
        if not any(cell and not cell.isspace() for cell in cells):
            return None
        width = len(self.header)
        surplus = any(cell.strip() for cell in cells[width:])
        kept = cells if surplus else cells[:width]
        padded = (*kept, *[""] * (width - len(kept)))
        given = {column: padded[place] for column, place in self.places.items()}
        values = Values(*[given.pop(column) for column in COLUMNS])
        return SourceRow(line, values, padded, surplus, more=given)


def read_header(name: str, line: int, cells: Sequence[str]) -> Layout:
    """Find the columns, ignoring case, order and blanks around a name; raise SourceError."""
    names = [_plain(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()  # spreadsheets like to end lines with empty cells
    report = _report_position([folded.casefold() for folded in names])
    if report is not None:
        del names[report : report + len(REPORT_COLUMNS)]
    folded = [own.casefold() for own in names]
    _refuse_missing_and_double(name, line, names, folded)
    unknown = tuple(
        own or f"(column {i})" for i, own in enumerate(names, start=1) if own.casefold() not in _KNOWN
    )
    places = {column: folded.index(column) for column in _KNOWN if column in folded}
    return Layout(tuple(names), places, unknown, report)


def names_all(cells: Sequence[str]) -> bool:
    """Return whether these are the names of all our columns, and perhaps of others."""
    return set(COLUMNS) <= {_plain(cell).casefold() for cell in cells}


def header_below(name: str, line: int) -> SourceError:
    """Say where the header is, if it is not at the beginning."""
    above = "line 1" if line == 2 else f"lines 1–{line - 1}"
    told = f"{name}: the header is on line {line}, below other text."
    return SourceError(Problem("column_missing", None, told, f"Remove {above}."))


def _plain(cell: str) -> str:
    """Leave out of a column's name what nobody sees; a name is compared and never kept for ever."""
    return cell.strip() if cell.isascii() else without_invisible(cell).strip()


def _report_position(folded: Sequence[str]) -> int | None:
    width = len(REPORT_COLUMNS)
    for start in range(len(folded) - width, -1, -1):
        if tuple(folded[start : start + width]) == REPORT_COLUMNS:
            return start
    return None


def _refuse_missing_and_double(name: str, line: int, names: Sequence[str], folded: Sequence[str]) -> None:
    if not set(folded) & set(COLUMNS):
        raise SourceError(_no_header(name, line, names))
    problems = [_missing(name, line, column, names) for column in COLUMNS if column not in folded]
    problems += [_double(name, line, column) for column in _KNOWN if folded.count(column) > 1]
    if problems:
        raise SourceError(*problems)


def _no_header(name: str, line: int, names: Sequence[str]) -> Problem:
    told = f"{name}: line {line}: this is not a header; it has to name the columns {', '.join(COLUMNS)}."
    return Problem("column_missing", None, told, _how_it_is_one(names))


def _how_it_is_one(names: Sequence[str]) -> str:
    """Say what hides a header that is one: a delimiter, or marks around cells or around the whole line."""
    if len(names) == 1:
        for delimiter, called in _OTHER_DELIMITERS.items():
            if _names_some(names[0].split(delimiter)):
                return f"The columns are separated by {called}: --delimiter {shlex.quote(delimiter)}."
        if _names_some(re.split("[,;\t]", names[0])):
            return "Every line stands in quotation marks as a whole: take those away."
    if _names_some([own.strip("'\"`[]“”") for own in names]):
        return 'The cells stand in marks that are none of CSV: export them with ", or without any.'
    return "If it does, name the delimiter too: --delimiter."


def _names_some(names: Sequence[str]) -> bool:
    return len({_plain(own).casefold() for own in names} & set(COLUMNS)) > 1


def _missing(name: str, line: int, column: str, names: Sequence[str]) -> Problem:
    near = [own for own in names if own.casefold() not in _KNOWN and meant_column(own) == column]
    hint = (
        f"Rename the column “{' '.join(near[0].split())}” to {column}."
        if near
        else f"Add a column named {column}."
    )
    return Problem("column_missing", column, f"{name}: line {line}: there is no column {column}.", hint)


def _double(name: str, line: int, column: str) -> Problem:
    message = f"{name}: line {line}: more than one column is named {column}."
    return Problem("column_duplicate", column, message, "Keep one of them and rename or remove the others.")


def meant_column(own: str) -> str | None:
    """Say which of our columns a name may stand for; used to tell an operator, never to guess."""
    squeezed = re.sub(r"[^a-z0-9]+", "_", own.casefold()).strip("_")
    if squeezed in _OTHER_NAMES:
        return _OTHER_NAMES[squeezed]
    plain = {column.replace("_", ""): column for column in _KNOWN}
    close = get_close_matches(squeezed.replace("_", ""), plain, n=1, cutoff=0.8)
    return plain[close[0]] if close else None
