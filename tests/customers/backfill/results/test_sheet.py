"""A workbook of results: what a spreadsheet takes its cells for, and how it looks when it is opened."""

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import openpyxl

from customers.backfill.results.sheet import Cell, write_sheet


def opened(*lines: list[Cell]) -> Any:
    stream = io.BytesIO()
    write_sheet(stream, ["id_tag", "start"], lines)
    return openpyxl.load_workbook(stream).active


def test_texts_stay_texts_and_days_money_and_numbers_are_such() -> None:
    sheet = opened(
        ["0012345", date(2026, 12, 1)],
        ["=1+1", datetime(2026, 12, 1, 6, 30, tzinfo=UTC)],
        [Decimal("10.00"), Decimal("1.5")],
        [7, True],
        [None, 2.25],
    )

    cells = [cell for line in sheet.iter_rows(min_row=2) for cell in line]
    assert [cell.value for cell in cells] == [
        "0012345", datetime(2026, 12, 1), "=1+1", datetime(2026, 12, 1, 6, 30), 10, 1.5, 7, True, None, 2.25,
    ]  # fmt: skip
    assert [cell.data_type for cell in cells] == ["s", "d", "s", "d", "n", "n", "n", "b", "n", "n"]
    assert (cells[0].number_format, cells[4].number_format) == ("@", "0.00")


def test_the_header_stays_in_view_and_columns_are_as_wide_as_what_they_hold() -> None:
    sheet = opened(["X" * 30, date(2026, 12, 1)], ["Y" * 500, ""])

    assert sheet.freeze_panes == "A2"
    assert sheet["A1"].font.bold
    assert [sheet.column_dimensions[name].width for name in "AB"] == [60, 12]


def test_what_xml_cannot_hold_is_replaced_and_nothing_else_is() -> None:
    assert opened(["\x1f <&> _x0041_ a_xb\n  ", ""])["A2"].value == "\ufffd <&> _x0041_ a_xb\n  "


def test_a_run_of_no_rows_has_its_header() -> None:
    assert [cell.value for cell in opened()[1]] == ["id_tag", "start"]
