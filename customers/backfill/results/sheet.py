"""A workbook of one sheet, written while its lines are read: fast, in little memory, and good to look at.

Office Open XML as ECMA-376 has it, with the texts in the cells themselves. A general library takes twenty
times as long, and a page has to answer before a proxy gives it up.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from typing import BinaryIO
from xml.sax.saxutils import escape

from customers.backfill.source.error_cells import CellValue

Cell = CellValue | Decimal | None

MEASURED = 200  # lines by which columns get their width
NARROWEST, WIDEST = 8, 60  # characters
LONGEST = 32_767  # characters of a cell
PACKED = 500  # lines that are written at once

_FIRST_DAY = date(1899, 12, 30)  # by which the format counts days
_FIRST_MOMENT, _ONE_DAY = datetime(1899, 12, 30), timedelta(days=1)
_TEXT, _DAY, _MONEY, _HEAD, _MOMENT = 1, 2, 3, 4, 5  # the places of styles
# What XML cannot hold is written by its number, and so is what would read like that.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0d\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_BEGIN = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_AROUND = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1"'
    f' Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="Results" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="r2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>',
    "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="2">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
    '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills><borders count="1"><border/></borders>'
    '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="6"><xf xfId="0"/>'
    '<xf numFmtId="49" xfId="0" applyNumberFormat="1"/><xf numFmtId="164" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="2" xfId="0" applyNumberFormat="1"/>'
    '<xf numFmtId="49" fontId="1" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    '<xf numFmtId="165" xfId="0" applyNumberFormat="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
}


def write_sheet(stream: BinaryIO, header: Sequence[str], lines: Iterable[Sequence[Cell]]) -> None:
    """Write a header that stays in view, and lines: every text as text whatever it looks like."""
    remaining = iter(lines)
    first = [*islice(remaining, MEASURED)]
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in _AROUND.items():
            archive.writestr(name, _BEGIN + content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f"{_BEGIN}{_head(header, first)}".encode())
            every = chain(first, remaining)
            while some := [*islice(every, PACKED)]:
                sheet.write("".join(map(_line, some)).encode())
            sheet.write(b"</sheetData></worksheet>")


def _head(header: Sequence[str], first: Sequence[Sequence[Cell]]) -> str:
    """Freeze the header, and make each column as wide as what stands at its beginning."""
    widths = "".join(
        f'<col min="{place}" max="{place}" width="{width}" customWidth="1"/>'
        for place, width in enumerate(_widths(header, first), 1)
    )
    view = (
        '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2"'
        ' activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    )
    names = "".join(_text_cell(name, _HEAD) for name in header)
    return f'<worksheet xmlns="{_MAIN}">{view}<cols>{widths}</cols><sheetData><row>{names}</row>'


def _widths(header: Sequence[str], first: Sequence[Sequence[Cell]]) -> list[int]:
    columns = zip(*(line[: len(header)] for line in (header, *first)), strict=False)
    return [min(max(NARROWEST, *map(_length, cells)) + 2, WIDEST) for cells in columns]


def _length(value: Cell) -> int:
    return 0 if value is None else len(str(value))


def _line(values: Sequence[Cell]) -> str:
    return f"<row>{''.join(map(_cell, values))}</row>"


def _cell(value: Cell) -> str:
    match value:
        case None | "":
            return "<c/>"
        case str():
            return _text_cell(value, _TEXT)
        case bool():
            return f'<c t="b"><v>{int(value)}</v></c>'
        case Decimal():
            style = f' s="{_MONEY}"' if value.as_tuple().exponent == -2 else ""
            return f"<c{style}><v>{value:f}</v></c>"
        case int() | float():
            return f"<c><v>{value}</v></c>"
        case datetime():
            days = (value.replace(tzinfo=None) - _FIRST_MOMENT) / _ONE_DAY
            return f'<c s="{_MOMENT}"><v>{days}</v></c>'
        case _:
            return f'<c s="{_DAY}"><v>{(value - _FIRST_DAY).days}</v></c>'


def _text_cell(text: str, style: int) -> str:
    if not text.isprintable() or "_x" in text:
        text = _UNWRITABLE.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
    return f'<c t="inlineStr" s="{style}"><is><t xml:space="preserve">{escape(text[:LONGEST])}</t></is></c>'
