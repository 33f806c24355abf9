"""Read the sheets of an OpenDocument spreadsheet.

Read here and not through a library, because the ones at hand lose cells that the format stores as
"the same, so many times", and number the rows below them wrongly. Format: OpenDocument 1.3, part 3.
"""

import re
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from customers.backfill.source.formulas import unescape
from customers.backfill.source.grid import BLANK, MAX_COLUMNS, Cell, TooWideError
from customers.backfill.source.model import MAX_ROWS, Kind
from customers.backfill.source.sheets import Book, Merge, Sheet

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

_ERROR = re.compile(r"#[^#]*[!?]$|#N/A|#NV|Err:\d")
_COVERED = f"{_TABLE}covered-table-cell"
_WITHIN = tuple(f"{_TEXT}{name}" for name in ("span", "a", "ruby", "ruby-base"))  # without its pronunciation
_CELLS = (f"{_TABLE}table-cell", _COVERED)
_NOT_SHOWN = ("collapse", "filter")
_MAX_SPACES = 1_000  # in a row, inside a cell; a damaged file can claim any number


def read_ods(archive: zipfile.ZipFile) -> Book:
    """Find the sheets and whether people see them; their rows are read when they are asked for."""
    unseen: set[str] = set()  # styles of tables that are not displayed
    style, sheets = "", list[Sheet]()
    with archive.open("content.xml") as stream:
        for event, element in iterparse(stream, events=("start", "end")):
            if event == "end":
                if element.tag == f"{_TABLE}table-row":
                    element.clear()
            elif element.tag == f"{_STYLE}style":
                style = element.get(f"{_STYLE}name", "")
            elif element.tag == f"{_STYLE}table-properties" and element.get(f"{_TABLE}display") == "false":
                unseen.add(style)
            elif element.tag == f"{_TABLE}table":
                is_hidden = element.get(f"{_TABLE}style-name") in unseen
                sheets.append(_OdsSheet(element.get(f"{_TABLE}name", ""), is_hidden, archive, len(sheets)))
    return Book(sheets)


class _OdsSheet(Sheet):
    def __init__(self, name: str, is_hidden: bool, archive: zipfile.ZipFile, place: int) -> None:
        super().__init__(name, is_hidden)
        self._archive, self._place = archive, place

    def read(self) -> Iterator[tuple[int, list[Cell]]]:
        number, given, column = 0, 0, 0
        groups: list[bool] = []  # of rows, from the outermost: whether they are folded up
        for event, element in self._elements():
            if event == "start":
                if element.tag == f"{_TABLE}table-row-group":
                    groups.append(element.get(f"{_TABLE}display") == "false")
            elif element.tag == f"{_TABLE}table-row-group":
                groups.pop()
            elif element.tag == f"{_TABLE}table-column":
                column = self._note_column(element, column)
            elif element.tag == f"{_TABLE}table-row":
                repeated = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
                if cells := self._row(element, number + 1):
                    is_hidden = element.get(f"{_TABLE}visibility") in _NOT_SHOWN or any(groups)
                    room = MAX_ROWS + 2 - given  # one above the limit, for it to be noticed
                    for i in range(1, min(repeated, room) + 1):
                        if is_hidden:
                            self.hidden.add(number + i)
                        given += 1
                        yield number + i, cells
                number += repeated
                element.clear()

    def _elements(self) -> Iterator[tuple[str, Element]]:
        """Give the elements of this sheet alone."""
        tables = -1
        with self._archive.open("content.xml") as stream:
            for event, element in iterparse(stream, events=("start", "end")):
                tables += event == "start" and element.tag == f"{_TABLE}table"
                if tables > self._place:
                    return
                if tables == self._place:
                    yield event, element
                elif event == "end" and element.tag == f"{_TABLE}table-row":
                    element.clear()

    def _note_column(self, element: Element, place: int) -> int:
        """Note columns that nobody sees; return the place of the next one."""
        repeated = int(element.get(f"{_TABLE}number-columns-repeated", "1"))
        if element.get(f"{_TABLE}visibility") in _NOT_SHOWN:
            self.hidden_columns.update(range(place, min(place + repeated, MAX_COLUMNS)))
        return place + repeated

    def _row(self, row: Element, number: int) -> list[Cell]:
        """Return the cells up to the last one that is not blank."""
        cells: list[Cell] = []
        blanks = 0
        for element in row:
            if element.tag not in _CELLS:
                continue
            repeated = int(element.get(f"{_TABLE}number-columns-repeated", "1"))
            self._note_merge(element, number, len(cells) + blanks)
            cell = _cell(element)
            if not cell.text:
                blanks += repeated
                continue
            if len(cells) + blanks + repeated > MAX_COLUMNS:
                raise TooWideError
            cells += [BLANK] * blanks + [cell] * repeated
            blanks = 0
        return cells

    def _note_merge(self, element: Element, top: int, left: int) -> None:
        down = int(element.get(f"{_TABLE}number-rows-spanned", "1"))
        across = int(element.get(f"{_TABLE}number-columns-spanned", "1"))
        if down > 1 or across > 1:
            self.merges.append(Merge(top, left, top + down - 1, left + min(across, MAX_COLUMNS) - 1))


def _cell(element: Element) -> Cell:
    kind = element.get(f"{_OFFICE}value-type")
    shown = "\n".join(_content(paragraph) for paragraph in element.findall(f"{_TEXT}p"))
    formula = element.get(f"{_TABLE}formula")
    if formula is not None and _ERROR.match(shown):  # it is typed as a text, or as the number 0
        return Cell(shown)
    has_none = not shown or (kind == "float" and element.get(f"{_OFFICE}value") == "0")
    if formula is not None and has_none and kind != "string":  # a text may be blank
        return Cell(shown or formula, Kind.UNCALCULATED)
    if kind == "date":
        return Cell(element.get(f"{_OFFICE}date-value", shown).removesuffix("T00:00:00"), Kind.DATE)
    if kind in (None, "string"):
        return Cell(unescape(shown or element.get(f"{_OFFICE}string-value", "")))
    if kind == "boolean":
        return Cell(element.get(f"{_OFFICE}boolean-value", shown).upper(), Kind.NUMBER)
    return Cell(element.get(f"{_OFFICE}value") or shown, Kind.NUMBER)


def _content(element: Element) -> str:
    return "".join(_pieces(element))


def _pieces(element: Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if child.tag == f"{_TEXT}s":
            yield " " * min(int(child.get(f"{_TEXT}c", "1")), _MAX_SPACES)
        elif child.tag == f"{_TEXT}tab":
            yield "\t"
        elif child.tag == f"{_TEXT}line-break":
            yield "\n"
        elif child.tag in _WITHIN:
            yield from _pieces(child)
        yield child.tail or ""
