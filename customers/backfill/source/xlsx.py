"""Read the sheets of an Office Open XML workbook, transitional or strict (ISO/IEC 29500-1, part 18).

Read here and not through a library, because the one at hand tells neither hidden rows nor formulas whose
result is not in the file, deletes from texts what looks like an escape, and takes strict ones for damaged.
Names are compared without their namespace: that is all in which strict and transitional differ here.
"""

import posixpath
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring, iterparse
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format
from openpyxl.utils.cell import coordinate_to_tuple, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel

from customers.backfill.source.formulas import unescape
from customers.backfill.source.grid import BLANK, MAX_COLUMNS, Cell, TooWideError
from customers.backfill.source.model import Kind
from customers.backfill.source.sheets import Book, Merge, Sheet

_LAST_ROW = 1_048_576  # of a sheet; a damaged file can claim any number
_HALF_A_SECOND = timedelta(milliseconds=500)


def read_xlsx(archive: zipfile.ZipFile) -> Book:
    """Open a workbook; its sheets are read when they are asked for."""
    place = _target(archive, "_rels/.rels", "/officeDocument") or "xl/workbook.xml"
    return _Workbook.open(archive, place).book()


def part_of(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """Return where in the archive a sheet is."""
    place = _target(archive, "_rels/.rels", "/officeDocument") or "xl/workbook.xml"
    listed = _listed(fromstring(archive.read(place)), _parts(archive, place))
    return next((part for name, _, part in listed if name == sheet), None)


def _listed(root: Element, parts: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, bool, str]]:
    """Give the name of each sheet, whether it is hidden, and its place."""
    for element in root.iter():
        if _name(element) != "sheet":
            continue
        link = next((value for key, value in element.items() if key.endswith("}id")), "")
        kind, place = parts[link]
        if kind == "worksheet":
            yield element.get("name", ""), element.get("state", "visible") != "visible", place


@dataclass(frozen=True, slots=True)
class _Workbook:
    archive: zipfile.ZipFile
    root: Element
    parts: Mapping[str, tuple[str, str]]  # by their id: kind and place
    strings: Sequence[str]
    dates: frozenset[int]  # the styles of cells that show a number as a date
    epoch: datetime

    @classmethod
    def open(cls, archive: zipfile.ZipFile, place: str) -> "_Workbook":
        root = fromstring(archive.read(place))
        parts = _parts(archive, place)
        by_kind = dict(parts.values())
        epochs = [one.get("date1904", "") for one in root if _name(one) == "workbookPr"]
        is_mac = epochs[:1] in (["1"], ["true"])
        return cls(
            archive,
            root,
            parts,
            list(_strings(archive, by_kind.get("sharedStrings"))),
            _date_styles(archive, by_kind.get("styles")),
            CALENDAR_MAC_1904 if is_mac else CALENDAR_WINDOWS_1900,
        )

    def book(self) -> Book:
        listed = _listed(self.root, self.parts)
        return Book([_XlsxSheet(name, is_hidden, self, place) for name, is_hidden, place in listed])


class _XlsxSheet(Sheet):
    def __init__(self, name: str, is_hidden: bool, book: _Workbook, place: str) -> None:
        super().__init__(name, is_hidden)
        self._book, self._place = book, place

    def read(self) -> Iterator[tuple[int, list[Cell]]]:
        number = 0
        with self._book.archive.open(self._place) as stream:
            for _, element in iterparse(stream, events=("end",)):
                name = _name(element)
                if name == "row":
                    number = int(element.get("r", number + 1))
                    if number > _LAST_ROW:
                        raise ValueError("a row number beyond the last possible one")
                    if cells := self._row(element):
                        if element.get("hidden") in ("1", "true") or element.get("ht") in ("0", "0.0"):
                            self.hidden.add(number)
                        yield number, cells
                    element.clear()
                elif name == "col":
                    self._note_column(element)
                elif name == "mergeCell":
                    left, top, right, bottom = range_boundaries(element.get("ref", ""))
                    self.merges.append(Merge(int(top), int(left) - 1, int(bottom), int(right) - 1))

    def _note_column(self, element: Element) -> None:
        if element.get("hidden") in ("1", "true") or element.get("width") in ("0", "0.0"):
            first, last = int(element.get("min", "1")), int(element.get("max", "1"))
            self.hidden_columns.update(range(first - 1, min(last, MAX_COLUMNS)))

    def _row(self, row: Element) -> list[Cell]:
        """Return the cells up to the last one that is not blank; styled empty ones are."""
        cells: list[Cell] = []
        column = 0
        for element in row:
            where = element.get("r")
            column = coordinate_to_tuple(where)[1] if where else column + 1
            cell = self._cell(element)
            if not cell.text or (column > MAX_COLUMNS and cell.text.isspace()):
                continue
            if column > MAX_COLUMNS:
                raise TooWideError
            cells += [BLANK] * (column - 1 - len(cells))
            cells.append(cell)
        return cells

    def _cell(self, element: Element) -> Cell:
        kind, value, formula, has_result = element.get("t", "n"), "", None, False
        for child in element:
            match _name(child):
                case "v":
                    value, has_result = child.text or "", True
                case "is":
                    value = _text(child)
                case "f":
                    formula = child.text or ""
        if formula is not None and _has_no_result(kind, value, is_there=has_result):
            return Cell(value or f"={formula}", Kind.UNCALCULATED)
        return self._value(kind, value, element) if value != "" else BLANK

    def _value(self, kind: str, value: str, element: Element) -> Cell:
        if kind == "s":
            return Cell(unescape(self._book.strings[int(value)]))
        if kind in ("str", "inlineStr"):
            return Cell(unescape(value))
        if kind == "e":
            return Cell(value)
        if kind == "b":
            return Cell("TRUE" if value in ("1", "true") else "FALSE", Kind.NUMBER)
        if kind == "d":
            return Cell(value.removesuffix("T00:00:00"), Kind.DATE)
        number = float(value) if any(char in value for char in ".eE") else int(value)
        if int(element.get("s", "0")) in self._book.dates:
            return self._date(number)
        return Cell(str(number), Kind.NUMBER)

    def _date(self, number: float) -> Cell:
        """Read a day and perhaps a time; what is below a second comes of counting in parts of a day."""
        try:
            told = from_excel(number, self._book.epoch)
        except (OverflowError, ValueError):
            return Cell("#VALUE!")
        if not isinstance(told, datetime):
            return Cell(str(told), Kind.NUMBER)
        told = (told + _HALF_A_SECOND).replace(microsecond=0)
        return Cell(told.isoformat().removesuffix("T00:00:00"), Kind.DATE)


def _has_no_result(kind: str, value: str, *, is_there: bool) -> bool:
    """Return whether a formula was not calculated: programs that cannot write 0; a text may be blank."""
    return not is_there or (kind != "str" and (value == "" or (kind == "n" and value == "0")))


def _strings(archive: zipfile.ZipFile, place: str | None) -> Iterator[str]:
    if place is None:
        return
    with archive.open(place) as stream:
        for _, element in iterparse(stream, events=("end",)):
            if _name(element) == "si":
                yield _text(element)
                element.clear()


def _text(element: Element) -> str:
    """Return a text or its runs, without what says how to pronounce them."""
    pieces = []
    for child in element:
        name = _name(child)
        if name == "t":
            pieces.append(child.text or "")
        elif name == "r":
            pieces.append(_text(child))
    return "".join(pieces)


def _date_styles(archive: zipfile.ZipFile, place: str | None) -> frozenset[int]:
    if place is None:
        return frozenset()
    root = fromstring(archive.read(place))
    own = {
        int(one.get("numFmtId", "0")): one.get("formatCode", "")
        for one in root.iter()
        if _name(one) == "numFmt"
    }
    formats: Mapping[int, str] = {**BUILTIN_FORMATS, **own}
    (styles,) = [one for one in root if _name(one) == "cellXfs"] or [Element("none")]
    numbers = [int(style.get("numFmtId", "0")) for style in styles]
    return frozenset(n for n, number in enumerate(numbers) if is_date_format(formats.get(number)))


def _parts(archive: zipfile.ZipFile, place: str) -> dict[str, tuple[str, str]]:
    folder, name = posixpath.split(place)
    links = fromstring(archive.read(f"{folder}/_rels/{name}.rels".lstrip("/")))
    return {
        link.get("Id", ""): (
            link.get("Type", "").rpartition("/")[2],
            _absolute(folder, link.get("Target", "")),
        )
        for link in links
    }


def _target(archive: zipfile.ZipFile, place: str, kind: str) -> str:
    for link in fromstring(archive.read(place)):
        if link.get("Type", "").endswith(kind):
            return _absolute("", link.get("Target", ""))
    return ""


def _absolute(folder: str, target: str) -> str:
    return posixpath.normpath(
        target.lstrip("/") if target.startswith("/") else posixpath.join(folder, target)
    )


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]
