"""An OpenDocument spreadsheet with some cells of one sheet changed (OpenDocument 1.3, part 3)."""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import partial
from xml.sax.saxutils import quoteattr

from customers.backfill.source.error_cells import CellValue, ods_cell
from customers.backfill.source.splicing import CannotSpliceError, Splicer, local, repacked

Changes = Mapping[int, Mapping[int, CellValue]]  # by row and by column, from 0

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_DECLARED = " ".join(f'xmlns:{name}="{_NAMESPACE}{name}:1.0"' for name in ("table", "office", "text"))
_ROWS, _COLUMNS = "table:number-rows-repeated", "table:number-columns-repeated"
# What a cell keeps that holds something else: how it looks and what it covers, and not what it held.
_KEPT = (
    "table:style-name",
    "table:content-validation-name",
    "table:number-columns-spanned",
    "table:number-rows-spanned",
)


def spliced_ods(data: bytes, sheet: str, changes: Changes, without: Set[int]) -> bytes:
    """Return the workbook with cells of a sheet changed and rows emptied; raise CannotSpliceError."""
    change = partial(_spliced, sheet=sheet, changes=changes, without=without)
    return repacked(data, {"content.xml": change})


def _spliced(content: bytes, sheet: str, changes: Changes, without: Set[int]) -> bytes:
    return _Content(content, sheet, changes, without).spliced()


@dataclass(slots=True)
class _Cell:
    start: int
    end: int
    tag: str
    attributes: Mapping[str, str]

    @property
    def times(self) -> int:
        return int(self.attributes.get(_COLUMNS, "1"))

    @property
    def is_covered(self) -> bool:
        return local(self.tag) == "covered-table-cell"


class _Content(Splicer):
    def __init__(self, data: bytes, sheet: str, changes: Changes, without: Set[int]) -> None:
        super().__init__(data, [*changes, *without])
        self._sheet, self._changes, self._without = sheet, changes, without
        self._tables: list[bool] = []  # that are open: whether each is the one
        self._number = 0  # of rows so far
        self._depth = 0  # 1 in a row of it that is to change, 2 in a cell, 3 and more in what that holds
        self._row_start, self._row_inside, self._row_times = 0, 0, 1
        self._cells: list[_Cell] = []

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        if self._depth:
            self._depth += 1
            if self._depth == 2:
                self._cells.append(_Cell(self.at, 0, name, attributes))
        elif local(name) == "table" and name.startswith("table:"):
            self._tables.append(not self._tables and attributes.get("table:name") == self._sheet)
        elif name == "table:table-row" and self._tables == [True]:
            self._row_opened(attributes)

    def _row_opened(self, attributes: Mapping[str, str]) -> None:
        times = int(attributes.get(_ROWS, "1"))
        first, self._number = self._number + 1, self._number + times
        if any(first <= row <= self._number for row in self.wanted):
            self._depth, self._cells = 1, []
            self._row_start, self._row_inside, self._row_times = self.at, self.behind(self.at), times

    def closed(self, name: str) -> None:
        if not self._depth:
            if name == "table:table":
                self._tables.pop()
            return
        if self._depth == 2:
            self._cells[-1].end = self.end(self._cells[-1].start)
        elif self._depth == 1:
            self._row_closed()
        self._depth -= 1

    def _row_closed(self) -> None:
        """Write the rows that were said to be the same, those that are not any more by themselves."""
        tag, end = self.text(self._row_start, self._row_inside), self.behind(self.at)
        inside, closing = self.text(self._row_inside, self.at), self.text(self.at, end)
        first = self._number - self._row_times + 1
        pieces, same = [], 0
        for row in range(first, self._number + 1):
            if row not in self._changes and row not in self._without:
                same += 1
                continue
            self.wanted.discard(row)
            if same:
                pieces.append(f"{_times(tag, _ROWS, same)}{inside}{closing}")
            content = "".join(self._emptied() if row in self._without else self._changed(self._changes[row]))
            pieces.append(f"{_times(tag, _ROWS, 1)}{content}{closing}")
            same = 0
        if same:
            pieces.append(f"{_times(tag, _ROWS, same)}{inside}{closing}")
        self.replace(self._row_start, end, "".join(pieces))

    def _emptied(self) -> Iterator[str]:
        for cell in self._cells:
            kept = {**_kept(cell), **({_COLUMNS: str(cell.times)} if cell.times > 1 else {})}
            yield f"<{cell.tag}{_attributes(kept)}/>"

    def _changed(self, values: Mapping[int, CellValue]) -> Iterator[str]:
        column, left = 0, dict(sorted(values.items()))
        for cell in self._cells:
            yield from self._cell(
                cell, column, {one: left.pop(one) for one in [*left] if one < column + cell.times}
            )
            column += cell.times
        for place, value in left.items():  # to the right of all that there is
            if place > column:
                yield f'<table:table-cell {_DECLARED} {_COLUMNS}="{place - column}"/>'
            yield ods_cell(value, _DECLARED)
            column = place + 1

    def _cell(self, cell: _Cell, column: int, values: Mapping[int, CellValue]) -> Iterator[str]:
        """Write a cell that stands for so many from a column on, some of which are others now."""
        whole, tag = self.text(cell.start, cell.end), self.text(cell.start, self.behind(cell.start))
        if not values:
            yield whole
            return
        if cell.is_covered or any("matrix" in name for name in cell.attributes):
            raise CannotSpliceError("a cell that lies under a merge, or a formula of many cells")
        last = column
        for place, value in values.items():
            if place > last:
                yield _times(tag, _COLUMNS, place - last) + whole[len(tag) :]
            yield ods_cell(value, _DECLARED + _attributes(_kept(cell)))
            last = place + 1
        if (after := column + cell.times - last) > 0:
            yield _times(tag, _COLUMNS, after) + whole[len(tag) :]


def _kept(cell: _Cell) -> dict[str, str]:
    return {name: cell.attributes[name] for name in _KEPT if name in cell.attributes}


def _attributes(values: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in values.items())


def _times(tag: str, name: str, times: int) -> str:
    """Say in a tag how often what it begins is there."""
    without = re.sub(rf"""\s{name}=("[^"]*"|'[^']*')""", "", tag)
    return without if times == 1 else re.sub(r"\s*(/?>)$", rf' {name}="{times}"\1', without)
