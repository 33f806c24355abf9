"""Which column of a file is which, and how its cells become a row."""

import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from customers.backfill.source.mapping.applying import Applied, apply_mapping, names_needed
from customers.backfill.source.mapping.model import FileMapping
from customers.backfill.source.model import (
    COLUMNS,
    NO_MORE,
    REPEATED,
    REPORT_COLUMNS,
    Kind,
    Mapped,
    SourceError,
    SourceRow,
    Values,
)
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


def beside(report: range, place: int) -> int:
    """Return where in the file a column is whose place is counted without those of an error file."""
    return place + len(report) if report and place >= report.start else place


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns of one file are; `line` is the header's.

    `sources` are the places in the header of the columns that each of our fields is made of. `report` are the
    places of the columns of an error file, if the file is one; their cells are left out of everything else.
    """

    header: tuple[str, ...]
    sources: Mapping[str, tuple[int, ...]]
    unknown: tuple[str, ...]
    report: range
    line: int = 1
    applied: Applied | None = None
    repeated: tuple[int, ...] = field(init=False)  # the places of what many rows have in common

    def __post_init__(self) -> None:
        repeated = {place for name in REPEATED for place in self.sources.get(name, ())}
        object.__setattr__(self, "repeated", tuple(repeated))

    @property
    def read(self) -> frozenset[int]:
        """Return the places of the columns of which anything is made."""
        left = {place for place, _ in self.applied.leaves} if self.applied else set()
        return frozenset(left.union(*self.sources.values()))

    def own(self, cells: Sequence[_T]) -> Sequence[_T]:
        """Leave out what an error file added."""
        if not self.report:
            return cells
        return [*cells[: self.report.start], *cells[self.report.stop :]]

    def at(self, place: int) -> int:
        """Return where in the file a column is whose place is counted without those of an error file."""
        return beside(self.report, place)

    def _reported(self, raw: Sequence[str]) -> int | None:
        """Return the line that a row of an error file had where it comes from."""
        if len(self.report) < len(REPORT_COLUMNS) or len(raw) <= self.report.start:
            return None
        given = raw[self.report.start].strip()
        return int(given) if _LINE.fullmatch(given) else None

    def row(self, line: int, raw: Sequence[str], kinds: Sequence[Kind] | None = None) -> SourceRow | None:
        """Make a row of the cells of one record; None of a blank one. `kinds`: if not all cells are text."""
        cells = self.own(raw)
        if not any(cell and not cell.isspace() for cell in cells):
            return None
        width = len(self.header)
        surplus = any(cell.strip() for cell in cells[width:])
        kept = cells if surplus else cells[:width]
        padded = self._with_shared((*kept, *[""] * (width - len(kept))))
        if self.applied is None:
            given, mapped = {name: padded[place] for name, (place,) in self.sources.items()}, None
        else:
            given, mapped = self.applied.read(padded)
        typed = self._typed(self.own(kinds), given, mapped) if kinds else {}
        if self.applied and self.applied.days:  # whatever the format of the days in the file
            typed["dated"] = typed.get("dated", frozenset()) | self.applied.days
        values = Values(*[given.pop(column) for column in COLUMNS])
        reported = self._reported(raw) if self.report else None
        cells = values if values == padded else padded  # one of the two is enough where they are the same
        more = given or NO_MORE  # a dictionary that was emptied is as large as before
        return SourceRow(line, values, cells, surplus, more=more, mapped=mapped, reported=reported, **typed)

    def _with_shared(self, cells: tuple[str, ...]) -> tuple[str, ...]:
        """Keep once what many rows have in common: the plan, and the day on which it starts."""
        shared = list(cells)
        for place in self.repeated:
            shared[place] = sys.intern(shared[place])
        return tuple(shared)

    def _typed(
        self, kinds: Sequence[Kind], given: Mapping[str, str], mapped: Mapped | None
    ) -> dict[str, Any]:
        """Say which of our fields, and which cells, hold something else than text."""
        at = {kind: {place for place, one in enumerate(kinds) if one is kind} for kind in _NO_TEXT}
        by = {kind: {n for n, own in self.sources.items() if at[kind].intersection(own)} for kind in _NO_TEXT}
        if self.applied and mapped:
            left = {n for n in by[Kind.NUMBER] if not self.applied.is_meant(n, given[n], mapped)}
            by[Kind.NUMBER] = left
        return {
            "numeric": frozenset(by[Kind.NUMBER]),
            "dated": frozenset(by[Kind.DATE]),
            "uncalculated": frozenset(by[Kind.UNCALCULATED]),
            "numbers": frozenset(at[Kind.NUMBER]),
            "dates": frozenset(at[Kind.DATE]),
        }


_LINE = re.compile(r"[0-9]{1,9}")
_NO_TEXT = (Kind.NUMBER, Kind.DATE, Kind.UNCALCULATED)


def read_header(name: str, line: int, cells: Sequence[str], mapping: FileMapping | None = None) -> Layout:
    """Find the columns, ignoring case, order and blanks around a name; raise SourceError."""
    names = [_plain(cell) for cell in cells]
    while names and not names[-1]:
        names.pop()  # spreadsheets like to end lines with empty cells
    report = _report([folded.casefold() for folded in names])
    del names[report.start : report.stop]
    if mapping is not None:
        applied = apply_mapping(mapping, name, line, names)
        return Layout(tuple(names), applied.sources, (), report, line, applied)
    folded = [own.casefold() for own in names]
    _refuse_missing_and_double(name, line, names, folded)
    unknown = tuple(
        own or f"(column {i})" for i, own in enumerate(names, start=1) if own.casefold() not in _KNOWN
    )
    sources = {column: (folded.index(column),) for column in _KNOWN if column in folded}
    return Layout(tuple(names), sources, unknown, report, line)


def names_all(cells: Sequence[str], mapping: FileMapping | None = None) -> bool:
    """Return whether these are the names of all columns that are needed, and perhaps of others."""
    return names_needed(mapping) <= {_plain(cell).casefold() for cell in cells}


def is_report(cells: Sequence[str]) -> bool:
    """Return whether this is the header of an error file."""
    return bool(_report([_plain(cell).casefold() for cell in cells]))


def header_below(name: str, line: int, mapping: FileMapping | None = None) -> SourceError:
    """Say where the header is, if it is not at the beginning."""
    above = "line 1" if line == 2 else f"lines 1–{line - 1}"
    told = f"{name}: the header is on line {line}, below other text."
    todo = f"Say header_line = {line} in [file] of {mapping.name}." if mapping else f"Remove {above}."
    return SourceError(Problem("column_missing", None, told, todo))


def unmapped(layout: Layout) -> dict[str, Any]:
    """Return what is to be known of a file that is read through a mapping, and what that leaves aside."""
    if layout.applied is None:
        return {}
    read = layout.read
    others = (own or f"(column {i})" for i, own in enumerate(layout.header, 1) if i - 1 not in read)
    mapping = layout.applied.mapping
    return {
        "mapping": mapping.name,
        "mapping_sha256": mapping.sha256(),
        "unmapped_columns": tuple(others),
    }


def no_header_on(name: str, line: int) -> SourceError:
    told = f"{name}: line {line} is blank or not there; the mapping says that the header is on it."
    return SourceError(Problem("column_missing", None, told, "Correct header_line in [file] of the mapping."))


def _plain(cell: str) -> str:
    """Leave out of a column's name what nobody sees; a name is compared and never kept for ever."""
    return cell.strip() if cell.isascii() else without_invisible(cell).strip()


def _report(folded: Sequence[str]) -> range:
    """Return the places of what an error file added, of this version or of an older one without lines."""
    for columns in (REPORT_COLUMNS, REPORT_COLUMNS[1:]):
        width = len(columns)
        for start in range(len(folded) - width, -1, -1):
            if tuple(folded[start : start + width]) == columns:
                return range(start, start + width)
    return range(0)


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
