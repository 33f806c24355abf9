"""The sheets of a workbook, whichever its format: which one is read, and what in it nobody sees."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from customers.backfill.source.grid import BLANK, Cell
from customers.backfill.source.layout import TITLE_LINES, names_all
from customers.backfill.source.mapping.model import FileMapping


class Merge(NamedTuple):
    """A block of merged cells: rows as they are counted, columns from 0."""

    top: int
    left: int
    bottom: int
    right: int


class Sheet:
    """A sheet. `hidden` rows, `hidden_columns` (from 0) and `merges` are known once it was read."""

    def __init__(self, name: str, is_hidden: bool) -> None:
        self.name, self.is_hidden = name, is_hidden
        self.hidden: set[int] = set()
        self.hidden_columns: set[int] = set()
        self.merges: list[Merge] = []

    def read(self) -> Iterator[tuple[int, list[Cell]]]:
        """Give the rows that are not blank, with their numbers."""
        raise NotImplementedError

    def has_header(self, mapping: FileMapping | None = None) -> bool:
        """Return whether all columns that are needed are named in one of the first rows."""
        first = islice(self.read(), TITLE_LINES)
        return any(names_all([cell.text for cell in cells], mapping) for _, cells in first)


@dataclass(frozen=True, slots=True)
class Book:
    sheets: Sequence[Sheet]

    def named(self, name: str) -> Sheet | None:
        wanted = name.strip().casefold()
        return next((sheet for sheet in self.sheets if sheet.name.strip().casefold() == wanted), None)

    def first(self) -> Sheet:
        """Return the first sheet that people see; raise IndexError if there is none at all."""
        return next((sheet for sheet in self.sheets if not sheet.is_hidden), self.sheets[0])


@dataclass(slots=True)
class Seen:
    """The rows of a sheet as people see them: what lies under merged cells is not there.

    `covered` are the columns of each row that are under a merge; `unseen` the rows of which nothing is left.
    """

    rows: list[tuple[int, list[Cell]]] = field(default_factory=list)
    covered: dict[int, set[int]] = field(default_factory=dict)
    unseen: list[int] = field(default_factory=list)


def as_seen(sheet: Sheet) -> Seen:
    rows = list(sheet.read())
    if not sheet.merges:
        return Seen(rows)
    seen = Seen(covered=_covered(sheet.merges, {number for number, _ in rows}))
    for number, cells in rows:
        under = seen.covered.get(number, ())
        left = [BLANK if place in under else cell for place, cell in enumerate(cells)] if under else cells
        if any(cell.text for cell in left):
            seen.rows.append((number, left))
        else:
            seen.unseen.append(number)
    return seen


def _covered(merges: Sequence[Merge], there: set[int]) -> dict[int, set[int]]:
    covered: dict[int, set[int]] = {}
    for merge in merges:
        numbers = range(merge.top, merge.bottom + 1)
        for number in numbers if len(numbers) <= len(there) else sorted(there.intersection(numbers)):
            if number in there:
                first = merge.left + (number == merge.top)
                covered.setdefault(number, set()).update(range(first, merge.right + 1))
    return covered
