"""Typed cells of an error file, and the workbooks made of them."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import BinaryIO

import openpyxl
from odf import table as ods
from odf.opendocument import OpenDocumentSpreadsheet
from odf.teletype import addTextToElement
from odf.text import P
from openpyxl.cell import WriteOnlyCell

CellValue = str | int | float | bool | date | datetime

Table = Iterable[Sequence[CellValue]]

_SHEET = "Errors"


def number_of(text: str) -> CellValue:
    """Give back what a cell held that was neither text nor a date."""
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def date_of(text: str) -> CellValue:
    """Give back the date, or date and time, of a cell."""
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        return text


def write_xlsx(stream: BinaryIO, table: Table) -> None:
    """Write one sheet, every text cell as text whatever it looks like."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(_SHEET)
    for record in table:
        sheet.append([_xlsx_cell(sheet, value) for value in record])
    book.save(stream)


def write_ods(stream: BinaryIO, table: Table) -> None:
    """Write one sheet, every text cell as text whatever it looks like."""
    document = OpenDocumentSpreadsheet()
    sheet = ods.Table(name=_SHEET)
    for record in table:
        row = ods.TableRow()
        for value in record:
            row.addElement(_ods_cell(value))
        sheet.addElement(row)
    document.spreadsheet.addElement(sheet)
    document.write(stream)


def _xlsx_cell(sheet: object, value: CellValue) -> WriteOnlyCell:
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, str):
        cell.data_type = "s"  # and neither a formula nor an error such as #N/A
        cell.number_format = "@"  # what is typed over it stays text
    return cell


def _ods_cell(value: CellValue) -> ods.TableCell:
    match value:
        case str():
            cell = ods.TableCell(valuetype="string")
        case bool():
            cell = ods.TableCell(valuetype="boolean", booleanvalue=str(value).lower())
        case int() | float():
            cell = ods.TableCell(valuetype="float", value=str(value))
        case _:
            cell = ods.TableCell(valuetype="date", datevalue=value.isoformat())
    for line in str(value).split("\n"):
        paragraph = P()
        addTextToElement(paragraph, line)
        cell.addElement(paragraph)
    return cell
