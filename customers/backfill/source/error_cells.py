"""Typed cells of an error file, and the workbooks made of them."""

import math
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, BinaryIO
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from openpyxl.cell import WriteOnlyCell


CellValue = str | int | float | bool | date | datetime

Table = Iterable[Sequence[CellValue]]

MAX_SHEET_NAME = 31  # in xlsx
_NOT_IN_A_NAME = re.compile(r"[\\*?:/\[\]]")

_LOST_BLANK = re.compile(r"^ | $|(?<= ) ")
_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_ODS_MANIFEST = (
    f'<manifest:manifest xmlns:manifest="{_NAMESPACE}manifest:1.0" manifest:version="1.3">'
    f'<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{_ODS}"/>'
    '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
    "</manifest:manifest>"
)
_ODS_START = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.3"'
    f' xmlns:office="{_NAMESPACE}office:1.0" xmlns:table="{_NAMESPACE}table:1.0"'
    f' xmlns:text="{_NAMESPACE}text:1.0"><office:body><office:spreadsheet>'
)
_ODS_END = "</table:table></office:spreadsheet></office:body></office:document-content>"


def number_of(text: str) -> CellValue:
    """Return back what a cell held that was neither text nor a date."""
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    for number in (int, float):
        try:
            value = number(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else text
    return text


def date_of(text: str) -> CellValue:
    """Return back the date, or date and time, of a cell."""
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return text


def write_xlsx(stream: BinaryIO, table: Table, sheet_name: str = "Errors") -> None:
    """Write one sheet, every text cell as text whatever it looks like."""
    import openpyxl  # takes long to load: who writes none does without

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(_NOT_IN_A_NAME.sub("_", sheet_name)[:MAX_SHEET_NAME])
    for record in table:
        sheet.append([xlsx_cell(sheet, value) for value in record])
    book.save(stream)


def write_ods(stream: BinaryIO, table: Table, sheet_name: str = "Errors") -> None:
    """Write one sheet, every text cell as text whatever it looks like (OpenDocument 1.3, parts 2 and 3)."""
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", _ODS, zipfile.ZIP_STORED)  # first and not packed, as the format asks
        archive.writestr("META-INF/manifest.xml", _ODS_MANIFEST)
        with archive.open("content.xml", "w", force_zip64=True) as content:
            named = quoteattr(sheet_name)
            content.write(f"{_ODS_START}<table:table table:name={named}>".encode())
            for record in table:
                cells = "".join(ods_cell(value) for value in record)
                content.write(f"<table:table-row>{cells}</table:table-row>".encode())
            content.write(_ODS_END.encode())


def xlsx_cell(sheet: object, value: CellValue) -> "WriteOnlyCell":
    """Make a cell of which a text stays text, whatever it looks like."""
    from openpyxl.cell import WriteOnlyCell

    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # and neither a formula nor an error such as #N/A
        cell.number_format = "@"  # what is typed over it stays text
    return cell


def ods_cell(value: CellValue, more: str = "") -> str:
    """Return the element of a cell; `more` are attributes that it has besides."""
    match value:
        case str():
            attributes = 'office:value-type="string"'
        case bool():
            attributes = f'office:value-type="boolean" office:boolean-value="{str(value).lower()}"'
        case int() | float():
            attributes = f'office:value-type="float" office:value="{value}"'
        case _:
            attributes = f'office:value-type="date" office:date-value="{value.isoformat()}"'
    lines = "".join(f"<text:p>{_ods_text(line)}</text:p>" for line in str(value).split("\n"))
    return f"<table:table-cell {attributes}{more and f' {more}'}>{lines}</table:table-cell>"


def _ods_text(line: str) -> str:
    """Keep blanks that would be lost: the format takes several, and those at the ends, for one or none."""
    text = _LOST_BLANK.sub("<text:s/>", escape(line, {"\r": "&#13;"}))
    return text.replace("\t", "<text:tab/>")
