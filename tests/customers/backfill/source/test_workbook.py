"""Workbooks: what cells hold, and what a hostile or damaged workbook cannot do."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest

from customers.backfill.source import COLUMNS, read_bytes
from customers.backfill.source import grid as grid_module
from tests.customers.backfill.files import ROW, cells, ods_bytes, refusal_of, rows_of, xlsx_bytes


def ods_of(table: str) -> bytes:
    """Make a file of the rows as the format writes them."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text")
    )
    content = (
        f"<office:document-content {spaces}><office:body><office:spreadsheet>"
        f'<table:table table:name="Sheet 1">{table}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return zip_of({"content.xml": content})


def zip_of(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def ods_row(texts: Sequence[str], attributes: str = "") -> str:
    tds = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
        for text in texts
    )
    return f"<table:table-row {attributes}>{tds}</table:table-row>"


ODS_HEADER = ods_row(COLUMNS)
REPEATED_CELL = (
    '<table:table-cell table:number-columns-repeated="{}" office:value-type="string">'
    "<text:p>x</text:p></table:table-cell>"
)

MAKERS = pytest.mark.parametrize(("kind", "make"), [("xlsx", xlsx_bytes), ("ods", ods_bytes)])


# Cells


@MAKERS
def test_text_is_taken_as_it_is(kind: str, make: Any) -> None:
    row = cells(display_name="  Jürgen \n Müßig ", id_tag="04E12345", external_id="007")

    (read,) = rows_of(make([COLUMNS, row]), f"a.{kind}")

    assert read.values == tuple(row)
    assert read.line == 2
    assert not read.numeric


@MAKERS
@pytest.mark.parametrize("day", [date(2024, 1, 31), datetime(2024, 1, 31)])
def test_a_date_is_taken_as_iso(kind: str, make: Any, day: date) -> None:
    (read,) = rows_of(make([COLUMNS, cells(start_date=day)]), f"a.{kind}")

    assert read.values.start_date == "2024-01-31"
    assert read.dated == {"start_date"}
    assert not read.numeric


@MAKERS
def test_a_time_of_day_is_not_dropped(kind: str, make: Any) -> None:
    (read,) = rows_of(make([COLUMNS, cells(start_date=datetime(2024, 1, 31, 8))]), f"a.{kind}")

    assert read.values.start_date == "2024-01-31T08:00:00"


@MAKERS
@pytest.mark.parametrize("value", [123456, 4.12e13, 0.5, True])
def test_what_is_not_text_is_marked(kind: str, make: Any, value: object) -> None:
    (read,) = rows_of(make([COLUMNS, cells(id_tag=value, external_id=value)]), f"a.{kind}")

    assert read.numeric == {"id_tag", "external_id"}


@MAKERS
def test_rows_keep_their_numbers_past_blank_ones(kind: str, make: Any) -> None:
    blank = [""] * 6

    read = rows_of(make([COLUMNS, blank, ROW, blank, blank, ROW, blank]), f"a.{kind}")

    assert [row.line for row in read] == [3, 6]


@MAKERS
def test_a_sheet_of_many_rows_is_read_whole(kind: str, make: Any) -> None:
    records = [cells(external_id=f"C-{number}") for number in range(1_500)]

    read = rows_of(make([COLUMNS, *records]), f"a.{kind}")

    assert [list(row.values) for row in read] == records


@MAKERS
def test_missing_and_surplus_cells_are_as_in_a_csv_file(kind: str, make: Any) -> None:
    data = make([[*COLUMNS, ""], [*ROW[:2], *[""] * 5], [*ROW, "more"]])

    short, long = rows_of(data, f"a.{kind}")

    assert short.values == (*ROW[:2], "", "", "", "")
    assert (short.surplus, long.surplus) == (False, True)


@MAKERS
def test_only_the_first_sheet_is_read_and_the_others_are_named(kind: str, make: Any) -> None:
    source = read_bytes(f"a.{kind}", make([COLUMNS, ROW], [COLUMNS, ROW, ROW]))

    assert len(list(source)) == 1
    assert len(source.info.ignored_sheets) == 1


@MAKERS
def test_a_refusal_names_the_sheet(kind: str, make: Any) -> None:
    message = refusal_of(make([COLUMNS[1:], ROW[1:]]), f"a.{kind}")[1]

    assert message.startswith(f"a.{kind}, sheet “")
    assert message.endswith("”: line 1: there is no column email.")


@MAKERS
def test_a_header_without_rows_is_empty(kind: str, make: Any) -> None:
    assert refusal_of(make([COLUMNS, [""] * 6]), f"a.{kind}")[0] == "file_empty"


def test_a_sheet_without_anything_is_empty() -> None:
    assert refusal_of(xlsx_bytes([]), "a.xlsx")[0] == "file_empty"


def test_a_formula_gives_the_value_that_was_computed() -> None:
    data = xlsx_bytes([COLUMNS, cells(display_name="=1+1")])
    computed = _rewrite(data, "xl/worksheets/sheet1.xml", b"<v />", b"<v>2</v>")

    assert rows_of(computed, "a.xlsx")[0].values.display_name == "2"


def test_wrong_dimensions_lose_no_row() -> None:
    data = xlsx_bytes([COLUMNS, ROW, ROW])
    wrong = _rewrite(data, "xl/worksheets/sheet1.xml", b'ref="A1:F3"', b'ref="A1:B2"')

    assert [row.values for row in rows_of(wrong, "a.xlsx")] == [ROW, ROW]


def test_cells_stored_as_the_same_so_many_times_are_all_read() -> None:
    same = REPEATED_CELL.format(3)
    gap = '<table:table-cell table:number-columns-repeated="2"/>'
    table = f"{ODS_HEADER}<table:table-row>{gap}{same}{gap}</table:table-row>"

    (read,) = rows_of(ods_of(table), "a.ods")

    assert read.values == ("", "", "x", "x", "x", "")


def test_rows_stored_as_the_same_so_many_times_are_all_read() -> None:
    blank = '<table:table-row table:number-rows-repeated="7"><table:table-cell/></table:table-row>'
    table = ODS_HEADER + blank + ods_row(ROW, 'table:number-rows-repeated="2"') + blank + ods_row(ROW)

    assert [row.line for row in rows_of(ods_of(table), "a.ods")] == [9, 10, 18]


def test_blanks_line_breaks_and_parts_of_a_text_are_read_and_comments_are_not() -> None:
    comment = "<office:annotation><text:p>a comment</text:p></office:annotation>"
    parts = 'A<text:s text:c="2"/>B<text:tab/>C<text:line-break/><text:span>D</text:span>E'
    name = f"{parts}</text:p>{comment}<text:p>F"

    (read,) = rows_of(ods_of(ODS_HEADER + ods_row(cells(display_name=name))), "a.ods")

    assert read.values.display_name == "A  B\tC\nDE\nF"


# What a damaged or hostile workbook cannot do


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04 and nothing more",
        xlsx_bytes([COLUMNS, ROW])[:-200],
        zip_of({"content.xml": "<no-sheet/>", "[Content_Types].xml": "<Types/>"}),
        zip_of({"content.xml": "<?xml version='1.0' encoding='uff-8'?><x/>"}),
        zip_of({"content.xml": "<not closed", "[Content_Types].xml": "<not closed"}),
    ],
)
def test_a_damaged_workbook_is_refused(kind: str, data: bytes) -> None:
    assert refusal_of(data, f"a.{kind}") == ("file_unreadable", f"a.{kind}: the workbook is damaged.")


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_bomb_is_refused_before_it_is_unpacked(kind: str) -> None:
    data = zip_of({"content.xml": "0" * 100_000_001})

    assert len(data) < 100_000
    assert refusal_of(data, f"a.{kind}")[1] == f"a.{kind}: the workbook unpacks to more than 100 MB."


def test_entities_are_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>'
    in_xlsx = _replace(xlsx_bytes([COLUMNS, ROW]), "xl/worksheets/sheet1.xml", bomb.encode())

    assert "damaged" in refusal_of(zip_of({"content.xml": bomb}), "a.ods")[1]
    assert "damaged" in refusal_of(in_xlsx, "a.xlsx")[1]


def test_a_claim_of_a_million_rows_is_refused() -> None:
    table = ODS_HEADER + ods_row(ROW, 'table:number-rows-repeated="1000000"')

    assert "more than 200,000 rows" in refusal_of(ods_of(table), "a.ods")[1]


def test_a_claim_of_a_million_columns_is_refused() -> None:
    table = f"{ODS_HEADER}<table:table-row>{REPEATED_CELL.format(1_000_000)}</table:table-row>"

    assert "to the right of column 256" in refusal_of(ods_of(table), "a.ods")[1]


def test_a_cell_far_to_the_right_is_refused() -> None:
    book = openpyxl.Workbook()
    book.worksheets[0].cell(1, 16_384, "x")
    stream = io.BytesIO()
    book.save(stream)

    assert refusal_of(stream.getvalue(), "a.xlsx")[1] == "a.xlsx: there is a cell to the right of column 256."


def test_a_row_number_that_cannot_be_is_refused() -> None:
    data = _rewrite(
        xlsx_bytes([COLUMNS, ROW]), "xl/worksheets/sheet1.xml", b'<row r="2"', b'<row r="99999999"'
    )

    assert "damaged" in refusal_of(data, "a.xlsx")[1]


@MAKERS
def test_too_many_rows_are_refused(kind: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grid_module, "MAX_ROWS", 2)

    assert "more than 2 rows" in refusal_of(make([COLUMNS, ROW, ROW, ROW]), f"a.{kind}")[1]


def _rewrite(data: bytes, member: str, *changes: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = archive.read(member)
    changed = content
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        changed = changed.replace(old, new)
    assert changed != content
    return _replace(data, member, changed)


def _replace(data: bytes, member: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(name, content if name == member else old.read(name))
    return stream.getvalue()
