"""A workbook with corrected cells: what is not corrected is, to the byte, what it was."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font

from customers.backfill.source import COLUMNS, read_bytes
from customers.backfill.source.corrected import Corrections, corrected
from customers.backfill.source.error_cells import CellValue, ods_cell
from customers.backfill.source.splicing import repacked
from tests.customers.backfill.files import ROW, cells, ods_bytes, part, parts, xlsx_bytes

PLAN_CELL = '<c r="E2" t="inlineStr"><is><t>standard</t></is></c>'
SHEET, CHAIN = "xl/worksheets/sheet1.xml", "xl/calcChain.xml"
EMAIL, NAME, ID, CARD, PLAN, START = range(6)


def fixed(name: str, data: bytes, cells: dict[int, dict[int, CellValue]], **reading: Any) -> bytes:
    return corrected(data, read_bytes(name, data, **reading), Corrections(cells)).data


def values(name: str, data: bytes, **reading: Any) -> list[tuple[str, ...]]:
    return [tuple(row.values) for row in read_bytes(name, data, **reading)]


def edited(data: bytes, old: str, new: str, name: str = SHEET) -> bytes:
    """Write into a part what no library at hand writes."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content, content.decode()
        return content.replace(old.encode(), new.encode())

    return repacked(data, {name: change})


def styled_book(change: Callable[[Any], None] = lambda sheet: None) -> bytes:
    """A title, a header, two rows, and a second sheet that somebody has made beautiful."""
    book = openpyxl.Workbook()
    sheet = book.active
    for record in ([*COLUMNS], cells(start_date=date(2024, 1, 31)), cells(email="", external_id="LEGACY-2")):
        sheet.append(record)
    other = book.create_sheet("Notes")
    other["A1"], other["A2"] = "Do not lose me", "=1+1"
    other["A1"].font = Font(bold=True, color="00FF0000")
    sheet.column_dimensions["B"].width = 44
    change(sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


# --- xlsx --------------------------------------------------------------------------------------------


def test_only_the_sheet_with_the_cell_changes() -> None:
    data = styled_book()

    there = fixed("a.xlsx", data, {3: {EMAIL: "new@example.com", CARD: "B1B2C3D4"}})

    assert values("a.xlsx", there)[1][:4] == ("new@example.com", ROW[1], "LEGACY-2", "B1B2C3D4")
    assert values("a.xlsx", there)[0] == values("a.xlsx", data)[0]
    before, after = parts(data), parts(there)
    assert {name for name in before if before[name] != after.get(name)} == {SHEET}
    assert list(before) == list(after)
    assert openpyxl.load_workbook(io.BytesIO(there))["Sheet"].column_dimensions["B"].width == 44


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("  two  blanks ", "  two  blanks "),
        ("<&>\"'", "<&>\"'"),
        ("=SUM(A1)", "=SUM(A1)"),
        ("line\r\nline", "line\r\nline"),
        (12, "12"),
        (1.5, "1.5"),
        (True, "TRUE"),
        (date(2025, 2, 28), "2025-02-28"),
        ("", ""),
    ],
)
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_whatever_is_put_in_is_read_again(kind: str, value: CellValue, shown: str) -> None:
    data = xlsx_bytes([COLUMNS, ROW, ROW]) if kind == "xlsx" else ods_bytes([COLUMNS, ROW, ROW])

    there = fixed(f"a.{kind}", data, {2: {NAME: value}})

    name, _ = (row[NAME] for row in values(f"a.{kind}", there))
    assert name.replace("\r\n", "\n") == shown.replace("\r\n", "\n")


def test_a_number_in_the_place_of_a_day_is_no_day() -> None:
    there = fixed("a.xlsx", styled_book(), {2: {START: 45000}})

    assert values("a.xlsx", there)[0][START] == "45000"


def test_a_formula_that_is_replaced_is_forgotten_by_the_order_of_calculation() -> None:
    formula = '<c r="E2" t="str"><f>"stand"&amp;"ard"</f><v>standard</v></c>'
    stream = io.BytesIO(edited(styled_book(), PLAN_CELL, formula))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(CHAIN, "<calcChain/>")
    named = '<Override PartName="/xl/calcChain.xml" ContentType="chain"/></Types>'
    data = edited(stream.getvalue(), "</Types>", named, "[Content_Types].xml")

    kept, gone = (fixed("a.xlsx", data, {2: {place: "fleet"}}) for place in (NAME, PLAN))

    assert part(kept, CHAIN)
    assert not part(gone, CHAIN)
    assert b"calcChain" not in part(gone, "[Content_Types].xml")


def test_cells_that_the_row_does_not_have_are_put_where_they_belong() -> None:
    data = edited(styled_book(), '<c r="A3" t="inlineStr" />', "")
    data = edited(data, '<c r="F3" t="inlineStr"><is><t>2024-01-31</t></is></c>', "")

    there = fixed("a.xlsx", data, {3: {EMAIL: "a@example.com", START: "2025-01-01"}})

    assert values("a.xlsx", there)[1] == ("a@example.com", ROW[1], "LEGACY-2", ROW[3], ROW[4], "2025-01-01")
    assert re.findall(rb'r="([A-F]3)"', part(there, SHEET)) == [b"A3", b"B3", b"C3", b"D3", b"E3", b"F3"]


@pytest.mark.parametrize("kind", ["shared", "array"])
def test_where_other_cells_hang_on_it_the_sheet_is_written_anew(kind: str) -> None:
    formula = f'<c r="E2" t="str"><f t="{kind}" ref="E2:E3" si="0">"standard"</f><v>standard</v></c>'
    data = edited(styled_book(), PLAN_CELL, formula)

    there = fixed("a.xlsx", data, {2: {PLAN: "fleet"}})

    assert [row[PLAN] for row in values("a.xlsx", there)] == ["fleet", ROW[4]]
    assert "xl/worksheets/sheet2.xml" not in parts(there)


def test_what_lies_under_a_merge_is_written_anew_for_it_to_be_seen() -> None:
    def merge(sheet: Any) -> None:
        sheet["G1"], sheet["G2"] = "note", "both"
        sheet.merge_cells("G2:G3")

    there = fixed("a.xlsx", styled_book(merge), {3: {6: "mine"}})

    assert [row.cells[6] for row in read_bytes("a.xlsx", there)] == ["both", "mine"]


def test_hidden_rows_stay_hidden_and_may_be_corrected() -> None:
    def hide(sheet: Any) -> None:
        sheet.row_dimensions[2].hidden = True

    data = styled_book(hide)

    there = fixed("a.xlsx", data, {2: {NAME: "Hidden"}}, hidden_rows="include")

    assert values("a.xlsx", there, hidden_rows="include")[0][NAME] == "Hidden"
    assert len(values("a.xlsx", there, hidden_rows="leave-out")) == 1


# --- ods ---------------------------------------------------------------------------------------------

OTHER = [["Do not lose me"]]


def test_only_the_cell_of_an_ods_changes() -> None:
    data = ods_bytes([COLUMNS, ROW, ROW], OTHER)

    there = fixed("a.ods", data, {3: {EMAIL: "new@example.com"}})

    assert [row[0] for row in values("a.ods", there)] == [ROW[0], "new@example.com"]
    before, after = parts(data), parts(there)
    assert list(before) == list(after)
    assert {name for name in before if before[name] != after[name]} == {"content.xml"}
    assert b"Do not lose me" in after["content.xml"]
    with zipfile.ZipFile(io.BytesIO(there)) as archive:
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED


def test_of_rows_and_cells_that_are_said_to_be_the_same_one_changes() -> None:
    same = 'table:number-columns-repeated="3" office:value-type="string"'
    table = f"{''.join(map(ods_cell, ROW))}<table:table-cell {same}><text:p>same</text:p></table:table-cell>"
    data = ods_bytes([[*COLUMNS, "x", "y", "z"], [*ROW, 1, 2, 3]])
    content = part(data, "content.xml").decode()
    row = content[content.rindex("<table:table-row") : content.rindex("</table:table-row>")]
    data = edited(data, row, f'<table:table-row table:number-rows-repeated="4">{table}', "content.xml")
    assert len(values("a.ods", data)) == 4

    there = fixed("a.ods", data, {3: {EMAIL: "new@example.com", 7: "other"}, 5: {8: "last"}})

    assert [row.cells[0] for row in read_bytes("a.ods", there)] == [ROW[0], "new@example.com", ROW[0], ROW[0]]
    assert [row.cells[6:] for row in read_bytes("a.ods", there)] == [
        ("same",) * 3, ("same", "other", "same"), ("same",) * 3, ("same", "same", "last"),
    ]  # fmt: skip
    left = corrected(data, read_bytes("a.ods", data), Corrections(without=frozenset({3}))).data
    assert [row.line for row in read_bytes("a.ods", left)] == [2, 4, 5]
