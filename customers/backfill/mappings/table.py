"""What an export looks like: its form, its columns, and what stands in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from customers.backfill.mappings.finding import find_table
from customers.backfill.mappings.kinds import DATED, LONGEST, NUMBER, kinds_of
from customers.backfill.source import SourceRow, read_cells
from customers.backfill.source.mapping.model import Form
from customers.backfill.source.model import unreadable

MAX_COLUMNS = 1_000
MAX_VALUES = 200  # different ones of a column, which is no list of tariffs if it has more
SAMPLES = 3
CLOSELY = 2_000  # cells of a column that are looked at one by one; of the others only how many there are
AS_IT_COMES = Form()


@dataclass(frozen=True, slots=True)
class Column:
    """A column and what stands in it.

    `samples` are for the eyes of who may see the file: never write them anywhere. `values` counts the
    different values, unless there are more than MAX_VALUES or long ones: then `is_open`. `kinds` counts what
    the first `looked_at` filled cells look like (one may look like several things), `distinct` how many of
    those are different.
    """

    name: str
    samples: tuple[str, ...] = ()
    values: Mapping[str, int] = field(default_factory=dict)
    is_open: bool = False
    filled: int = 0
    looked_at: int = 0
    distinct: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)

    def share(self, *kinds: str) -> float:
        """Return which part of the cells looks like the one of these that most do."""
        return max(self.kinds.get(kind, 0) for kind in kinds) / self.looked_at if self.looked_at else 0.0


@dataclass(frozen=True, slots=True)
class Table:
    """A file nobody knows. `form` is what its mapping has to say of it, `guessed` what in that is not sure.

    `header_line` is the line of the header (None of JSON, which has none), `rows` the number of rows below,
    `hidden` the number of those that nobody sees.
    """

    name: str
    form: Form
    header_line: int | None
    sheet: str
    sheets: tuple[str, ...]
    header: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: int
    hidden: int = 0
    format: str = ""
    encoding: str | None = None
    delimiter: str | None = None
    guessed: frozenset[str] = frozenset()

    def named(self, name: str) -> Column | None:
        """Return a column by its name, whatever its capitals."""
        wanted = name.strip().casefold()
        return next((column for column in self.columns if column.name.casefold() == wanted), None)


def look_at(name: str, data: bytes, form: Form = AS_IT_COMES) -> Table:
    """Look at a whole file; `form` says what is known of it; raise SourceError if it cannot be read."""
    found = find_table(name, data, form)
    source = read_cells(name, data, replace(found.form, hidden_rows=found.form.hidden_rows or "include"))
    info = source.info
    if len(info.header) > MAX_COLUMNS:
        told = f"there are {len(info.header):,} columns."
        raise unreadable(name, told, "Delete the columns that are not needed.")
    if any("\ud800" <= char <= "\udfff" for own in info.header for char in own):
        raise unreadable(name, "the name of a column contains half of a character (a surrogate).")
    looks = [_Look() for _ in info.header]
    rows = 0
    for row in source:
        rows += 1
        _look_at_row(row, looks)
    columns = tuple(look.column(own) for own, look in zip(info.header, looks, strict=True))
    return Table(
        name=name,
        form=found.form,
        header_line=found.header_line,
        sheet=info.sheet,
        sheets=found.sheets,
        header=info.header,
        columns=columns,
        rows=rows,
        hidden=len(info.hidden_lines),
        format=info.format,
        encoding=info.encoding,
        delimiter=info.delimiter,
        guessed=found.guessed,
    )


def _look_at_row(row: SourceRow, looks: "Sequence[_Look]") -> None:
    for place, look in enumerate(looks):
        cell = row.cells[place]
        if cell and not cell.isspace():
            typed = NUMBER if place in row.numbers else DATED if place in row.dates else None
            look.at(cell.strip(), typed)


class _Look:
    """Looks at the cells of a column as they go by; its memory does not grow with the file."""

    __slots__ = ("_filled", "_is_open", "_kinds", "_samples", "_seen", "_values")

    def __init__(self) -> None:
        self._filled, self._is_open = 0, False
        self._kinds: Counter[str] = Counter()
        self._values: Counter[str] = Counter()
        self._samples: list[str] = []
        self._seen: set[int] = set()

    def at(self, cell: str, typed: str | None) -> None:
        if self._filled < CLOSELY:
            self._closely(cell, typed)
        self._filled += 1
        if self._is_open:
            return
        if len(cell) > LONGEST or (cell not in self._values and len(self._values) == MAX_VALUES):
            self._is_open = True
            self._values.clear()
        else:
            self._values[cell] += 1

    def _closely(self, cell: str, typed: str | None) -> None:
        self._kinds.update(kinds_of(cell[: LONGEST + 1]))
        if typed:
            self._kinds[typed] += 1
        self._seen.add(hash(cell))
        if len(self._samples) < SAMPLES and cell[:LONGEST] not in self._samples:
            self._samples.append(cell[:LONGEST])

    def column(self, name: str) -> Column:
        return Column(
            name=name,
            samples=tuple(self._samples),
            values=dict(self._values),
            is_open=self._is_open,
            filled=self._filled,
            looked_at=min(self._filled, CLOSELY),
            distinct=len(self._seen),
            kinds=dict(self._kinds),
        )
