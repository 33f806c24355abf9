"""Read the first sheet of an OpenDocument spreadsheet.

Read here and not through a library, because the ones at hand lose cells that the format stores as
"the same, so many times", and number the rows below them wrongly. Format: OpenDocument 1.3, part 3.
"""

import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import iterparse

from customers.backfill.source.formulas import unescape
from customers.backfill.source.grid import BLANK, MAX_COLUMNS, Cell, Grid, Kind, TooWideError
from customers.backfill.source.model import MAX_ROWS

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"

_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_MAX_SPACES = 1_000  # in a row, inside a cell; a damaged file can claim any number


def read_ods(archive: zipfile.ZipFile) -> tuple[list[str], Grid]:
    """Return the names of the sheets and the rows of the first one that are not blank, with their numbers."""
    names: list[str] = []
    grid: list[tuple[int, list[Cell]]] = []
    number = 0
    with archive.open("content.xml") as stream:
        for event, element in iterparse(stream, events=("start", "end")):
            if event == "start" and element.tag == f"{_TABLE}table":
                names.append(element.get(f"{_TABLE}name", ""))
            if event == "end" and element.tag == f"{_TABLE}table-row":
                repeated = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
                if len(names) == 1 and (cells := _row(element)):
                    room = MAX_ROWS + 2 - len(grid)  # one above the limit, for it to be noticed
                    grid += [(number + i, cells) for i in range(1, min(repeated, room) + 1)]
                number += repeated
                element.clear()
    return names, grid


def _row(row: Element) -> list[Cell]:
    """Return the cells up to the last one that is not blank."""
    cells: list[Cell] = []
    blanks = 0
    for element in row:
        if element.tag not in _CELLS:
            continue
        repeated = int(element.get(f"{_TABLE}number-columns-repeated", "1"))
        cell = _cell(element)
        if not cell.text:
            blanks += repeated
            continue
        if len(cells) + blanks + repeated > MAX_COLUMNS:
            raise TooWideError
        cells += [BLANK] * blanks + [cell] * repeated
        blanks = 0
    return cells


def _cell(element: Element) -> Cell:
    kind = element.get(f"{_OFFICE}value-type")
    shown = "\n".join(_content(paragraph) for paragraph in element.findall(f"{_TEXT}p"))
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
        elif child.tag in (f"{_TEXT}span", f"{_TEXT}a"):
            yield from _pieces(child)
        yield child.tail or ""
