"""An Office Open XML workbook with some cells of one sheet changed (ISO/IEC 29500-1, 18.3)."""

import re
from collections.abc import Mapping, Set
from datetime import date
from xml.sax.saxutils import escape, quoteattr

from openpyxl.utils.cell import coordinate_to_tuple, get_column_letter, range_boundaries

from customers.backfill.source.error_cells import CellValue
from customers.backfill.source.splicing import CannotSpliceError, Splicer, local, prefix, repacked

Changes = Mapping[int, Mapping[int, CellValue]]  # by row and by column, from 0

# In which order formulas are calculated: Excel makes it anew, and takes one for damage that names a cell
# without a formula.
_CHAIN = "xl/calcChain.xml"
_NAMED_IN = ("[Content_Types].xml", "xl/_rels/workbook.xml.rels")
_CHAIN_NAMED = re.compile(rb"""<(?:\w+:)?(?:Override|Relationship)\b[^>]*calcChain\.xml[^>]*/>""")


def spliced_xlsx(
    data: bytes, part: str, changes: Changes, without: Set[int], unstyled: Set[tuple[int, int]]
) -> bytes:
    """Return the workbook with cells of a sheet changed and rows emptied; raise CannotSpliceError.

    `unstyled` are the cells of which the style does not fit any more: it would make a day of a number.
    """
    found: list[_Sheet] = []

    def change(content: bytes) -> bytes:
        found.append(_Sheet(content, changes, without, unstyled))
        return found[0].spliced()

    first = repacked(data, {part: change})
    if not found:
        raise CannotSpliceError("there is no such sheet")
    if not found[0].had_formulas:
        return first
    return repacked(first, {_CHAIN: None, **dict.fromkeys(_NAMED_IN, _without_chain)})


def _without_chain(content: bytes) -> bytes:
    return _CHAIN_NAMED.sub(b"", content)


class _Sheet(Splicer):
    def __init__(
        self, data: bytes, changes: Changes, without: Set[int], unstyled: Set[tuple[int, int]]
    ) -> None:
        super().__init__(data, [*changes, *without])
        self._changes, self._without, self._unstyled = changes, without, unstyled
        self.had_formulas = False
        self._row, self._column = 0, 0
        self._inside, self._begin = 0, 0  # where the row's cells and the cell begin
        self._left: dict[int, CellValue] = {}  # of the row, cells that were not met yet
        self._attributes: Mapping[str, str] = {}
        self._is_changed = False
        self._depth = 0  # 1 in a row, 2 in a cell

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        match local(name):
            case "row":
                self._row = int(attributes.get("r", self._row + 1))
                self._column, self._depth = 0, 1
                self.wanted.discard(self._row)
                self._left = dict(self._changes.get(self._row, {}))
                self._inside = self.behind(self.at)
            case "c" if self._depth == 1:
                self._depth = 2
                self._cell_opened(name, attributes)
            case "f" if self._depth == 2 and (self._is_changed or self._row in self._without):
                if "ref" in attributes:
                    raise CannotSpliceError("a formula that other cells share")
                self.had_formulas = True
            case "mergeCell":
                self._refuse_covered(attributes.get("ref", ""))

    def _cell_opened(self, name: str, attributes: dict[str, str]) -> None:
        where = attributes.get("r")
        self._column = coordinate_to_tuple(where)[1] if where else self._column + 1
        self._begin, self._attributes = self.at, attributes
        self._is_changed = self._column - 1 in self._left
        if self._left and self._row not in self._without:
            self._put_missing(name, self._column - 1)

    def _put_missing(self, name: str, before: int | None) -> None:
        """Put cells that the row does not have before the one that is there, or at its end."""
        missing = sorted(column for column in self._left if before is None or column < before)
        put = "".join(_cell(prefix(name), self._row, one, self._left.pop(one), "") for one in missing)
        if put:
            self.replace(self.at, self.at, put)

    def closed(self, name: str) -> None:
        if local(name) == "c" and self._depth == 2:
            self._depth = 1
            if self._is_changed and self._row not in self._without:
                self._put_cell(name)
            self._is_changed = False
        elif local(name) == "row" and self._depth == 1:
            self._depth = 0
            if self._row in self._without:
                self.replace(self._inside, max(self._inside, self.at), "")
            elif self._left:
                self._put_missing(name, None)

    def _put_cell(self, name: str) -> None:
        column = self._column - 1
        style = "" if (self._row, column) in self._unstyled else self._attributes.get("s", "")
        put = _cell(prefix(name), self._row, column, self._left.pop(column), style)
        self.replace(self._begin, self.end(self._begin), put)

    def _refuse_covered(self, ref: str) -> None:
        """Refuse to change what lies under a merge: nobody would see it, and it is not read."""
        left, top, right, bottom = (int(bound or 0) for bound in range_boundaries(ref))
        for row, cells in self._changes.items():
            if top <= row <= bottom and any(
                left <= column + 1 <= right and (row, column + 1) != (top, left) for column in cells
            ):
                raise CannotSpliceError("a cell that lies under a merge")


def _cell(prefix: str, row: int, column: int, value: CellValue, style: str) -> str:
    """Write a cell, a text as text whatever it looks like."""
    where = f'r="{get_column_letter(column + 1)}{row}"' + (f" s={quoteattr(style)}" if style else "")
    match value:
        case str():
            kind, content = (
                "inlineStr",
                f'<{prefix}is><{prefix}t xml:space="preserve">{_text(value)}</{prefix}t></{prefix}is>',
            )
        case bool():
            kind, content = "b", f"<{prefix}v>{int(value)}</{prefix}v>"
        case date():
            kind, content = "d", f"<{prefix}v>{value.isoformat()}</{prefix}v>"
        case _:
            kind, content = "n", f"<{prefix}v>{value}</{prefix}v>"
    return f'<{prefix}c {where} t="{kind}">{content}</{prefix}c>'


def _text(value: str) -> str:
    return escape(value, {"\r": "&#13;"})
