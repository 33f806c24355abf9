"""The file of rows that need attention, and its way back."""

import csv
import io
import json
import stat
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import tablib
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.backfill.source import COLUMNS, REPORT_COLUMNS, Source, SourceRow, read_bytes
from customers.backfill.source.error_file import (
    ErrorFileError,
    check_error_file,
    write_error_file,
    write_errors,
)
from kernel import Problem
from tests.customers.backfill.files import HEADER, LINE, ROW, cells, csv_bytes, text_source, xlsx_bytes

PROBLEM = Problem("id_tag_blank", "id_tag", "There is no idTag.", "Enter it.")
OTHER = Problem("cells_surplus", None, "Too many cells.", "Enter it.")

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''=1"]


def errors_of(source: Source, *problems: Problem) -> bytes:
    stream = io.BytesIO()
    write_errors(stream, source.info, [(row, problems or [PROBLEM]) for row in source])
    return stream.getvalue()


def read_back(source: Source) -> Source:
    return read_bytes(source.info.name, errors_of(source))


def contents(source: Source) -> list[tuple[object, ...]]:
    """Give all of the rows but the lines, which change when blank lines go."""
    return [(row.values, row.cells, row.surplus, row.numeric, row.dated) for row in source]


def table_of(data: bytes, encoding: str = "utf-8", **dialect: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(encoding), newline=""), **dialect))


# What is in it


def test_the_operators_columns_come_first_and_ours_after_them() -> None:
    source = read_bytes("a.csv", csv_bytes([["City", *COLUMNS], ["Bonn", *ROW]]))

    header, row = table_of(errors_of(source, PROBLEM))

    assert header == ["City", *COLUMNS, *REPORT_COLUMNS]
    assert row == ["Bonn", *ROW, "2", "id_tag_blank", "id_tag", "There is no idTag.", "Enter it."]


def test_several_problems_share_a_row() -> None:
    source = text_source(f"{HEADER}\n{LINE}\n")

    row = table_of(errors_of(source, PROBLEM, OTHER))[1]

    assert row[6:] == [
        "2",
        "id_tag_blank; cells_surplus",
        "id_tag; ",
        "There is no idTag. Too many cells.",
        "Enter it.",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encoding_and_delimiter_are_those_of_the_operator(encoding: str, delimiter: str) -> None:
    row = cells(display_name="Müßig; Söhne, oHG | Bonn\tund Köln")
    data = csv_bytes([COLUMNS, row], encoding, delimiter=delimiter)
    source = read_bytes(
        "a.csv", data, encoding=encoding if encoding == "cp1252" else None, delimiter=delimiter
    )

    written = errors_of(source)

    (read,) = read_bytes("a.csv", written, encoding=encoding if encoding == "cp1252" else None)
    assert read.values == tuple(row)
    assert ("\ufeff" in written.decode(encoding.removesuffix("-sig"))) == (encoding == "utf-8-sig")


def test_our_words_never_stop_an_old_encoding() -> None:
    source = read_bytes("a.csv", csv_bytes([COLUMNS, cells(display_name="Ж")], "koi8-r"), encoding="koi8-r")

    written = errors_of(source, Problem("x", None, "“…”"))

    assert next(iter(read_bytes("a.csv", written, encoding="koi8-r"))).values.display_name == "Ж"


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_no_cell_of_a_text_file_is_a_formula(formula: str, delimiter: str) -> None:
    header = [*COLUMNS, formula]
    source = read_bytes("a.csv", csv_bytes([header, [formula] * 7], delimiter=delimiter))

    written = table_of(errors_of(source), delimiter=delimiter)

    assert [cell for record in written for cell in record if cell[:1] in set("=+-@\t\r")] == []


def test_no_cell_of_an_xlsx_file_is_a_formula_or_an_error() -> None:
    item = dict(zip(COLUMNS, ["#N/A", "=1+1", "#DIV/0!", "@x", "-1", "'=1"], strict=True))
    as_text = read_bytes("a.xlsx", xlsx_bytes([COLUMNS, ROW]))
    (row,) = read_bytes("a.json", json.dumps([item]).encode())
    stream = io.BytesIO()

    write_errors(stream, as_text.info, [(row, [PROBLEM])])

    sheet = openpyxl.load_workbook(stream).worksheets[0]
    assert {cell.data_type for record in sheet.iter_rows() for cell in record} == {"s"}


# Its way back


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_cell_that_looks_like_a_formula_comes_back_as_it_was(formula: str) -> None:
    source = read_bytes("a.csv", csv_bytes([COLUMNS, cells(display_name=f"'{formula}", id_tag="-A1")]))

    assert contents(read_back(source)) == contents(source)
    assert next(iter(source)).values.display_name == formula


def test_a_cell_comes_back_where_the_operator_removed_our_columns() -> None:
    source = text_source(f"{HEADER}\n=1,{LINE[16:]}\n")

    without_ours = csv_bytes([record[:6] for record in table_of(errors_of(source))])

    assert contents(read_bytes("a.csv", without_ours)) == contents(source)


def test_nothing_is_warned_of_on_the_way_back() -> None:
    source = text_source(f"{HEADER}\n{LINE}\n")

    assert read_back(source).info.unknown_columns == ()


def test_a_row_knows_the_line_that_it_had() -> None:
    source = read_bytes("a.csv", csv_bytes([COLUMNS, ROW, [], ROW]))

    assert [row.reported for row in read_back(source)] == [2, 4]
    assert [row.reported for row in source] == [None, None]


def test_an_error_file_of_version_1_0_is_read_as_before() -> None:
    old = csv_bytes([[*COLUMNS, *REPORT_COLUMNS[1:]], [*ROW, "code", "email", "Told.", "Do it."]])

    (row,) = read_bytes("a.csv", old)

    assert (tuple(row.values), row.cells, row.reported) == (tuple(ROW), tuple(ROW), None)


def test_an_error_file_of_an_error_file_has_our_columns_once() -> None:
    source = read_back(text_source(f"{HEADER}\n{LINE}\n"))

    assert table_of(errors_of(source, OTHER))[0] == [*COLUMNS, *REPORT_COLUMNS]


def test_cells_that_were_too_many_are_still_too_many() -> None:
    source = text_source(f"{HEADER}\n{LINE},more,,still\n")

    assert contents(read_back(source)) == contents(source)


@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_workbook_comes_back_with_numbers_and_dates_as_they_were(kind: str) -> None:
    records = [
        COLUMNS,
        cells(external_id=123456, id_tag=4.12e13, start_date=date(2024, 1, 31)),
        cells(external_id=True, id_tag=0.25, start_date=datetime(2024, 1, 31, 8)),
        cells(display_name=" two  blanks\n\n=1\tand a line ", id_tag="'=1", start_date="2024-01-31"),
    ]
    data = (
        xlsx_bytes(records) if kind == "xlsx" else tablib.Dataset(*records[1:], headers=COLUMNS).export("ods")
    )
    source = read_bytes(f"a.{kind}", data)

    assert contents(read_back(source)) == contents(source)


def test_other_programs_can_read_our_ods_file() -> None:
    table = tablib.Dataset(cells(display_name="a <b> & \u00fc"), headers=COLUMNS)
    source = read_bytes("a.ods", table.export("ods"))

    read = tablib.Dataset().load(io.BytesIO(errors_of(source)), format="ods")

    assert read.headers == [*COLUMNS, *REPORT_COLUMNS]
    assert read[0][:6] == tuple(cells(display_name="a <b> & \u00fc"))


def test_json_comes_back_with_numbers_as_they_were() -> None:
    items = [dict(zip(COLUMNS, cells(id_tag=123, display_name="'=Jürgen", start_date=None), strict=True))]
    source = read_bytes("a.json", json.dumps(items).encode())

    assert contents(read_back(source)) == contents(source)


def test_json_in_an_old_encoding_can_still_be_read() -> None:
    data = json.dumps([dict(zip(COLUMNS, ROW, strict=True))]).encode("cp1252")
    source = read_bytes("a.json", data, encoding="cp1252")

    written = errors_of(source, Problem("x", None, "“Ж”"))

    assert json.loads(written.decode("cp1252"))[0]["message"] == "“Ж”"


_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=8)


@given(
    records=st.lists(st.lists(_CELL, min_size=6, max_size=9), min_size=1, max_size=4),
    delimiter=st.sampled_from([",", ";", "\t"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"]),
)
def test_any_text_file_comes_back_as_it_was(records: list[list[str]], delimiter: str, encoding: str) -> None:
    marked = [["first", *record[1:]] for record in records]  # blank ones would be left out
    source = read_bytes("a.csv", csv_bytes([[*COLUMNS, "More"], *marked], encoding, delimiter=delimiter))

    again = read_back(source)

    assert contents(again) == contents(source)
    assert again.info.header == source.info.header


@settings(max_examples=30)
@given(
    kind=st.sampled_from(["xlsx", "ods"]),
    records=st.lists(
        st.lists(st.text(st.sampled_from("aZ9ü '=-+@\n\t,"), max_size=8), min_size=6, max_size=6),
        min_size=1,
        max_size=3,
    ),
)
def test_any_workbook_comes_back_as_it_was(kind: str, records: list[list[str]]) -> None:
    marked = [("first", *record[1:]) for record in records]

    source = _as_workbook(kind, marked)

    assert [row.cells for row in source] == marked
    assert contents(read_back(source)) == contents(source)


def _as_workbook(kind: str, records: Sequence[Sequence[str]]) -> Source:
    template = read_bytes("a.xlsx", xlsx_bytes([COLUMNS, ROW]))
    if kind == "ods":
        template = read_bytes("a.ods", tablib.Dataset(ROW, headers=COLUMNS).export("ods"))
    stream = io.BytesIO()
    rows = [SourceRow(0, next(iter(template)).values, tuple(record)) for record in records]
    write_errors(stream, template.info, [(row, [PROBLEM]) for row in rows])
    return read_bytes(f"a.{kind}", stream.getvalue())


# The file on the disk


def test_the_file_is_for_its_owner_only_and_tells_its_rows(tmp_path: Path) -> None:
    source = text_source(f"{HEADER}\n{LINE}\n{LINE}\n")
    path = tmp_path / "errors.csv"

    count = write_error_file(path, source.info, [(row, [PROBLEM]) for row in source])

    assert count == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == errors_of(source)


def test_a_file_that_cannot_be_finished_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    source = text_source(f"{HEADER}\n{LINE}\n")
    path = tmp_path / "errors.csv"
    path.write_text("old")

    with pytest.raises(ZeroDivisionError):
        write_error_file(path, source.info, ((row, [PROBLEM]) for row in source if 1 // 0))

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    source = text_source(f"{HEADER}\n{LINE}\n")

    with pytest.raises(ErrorFileError, match=r"errors.csv: the error file cannot be written \(No such file"):
        write_error_file(tmp_path / "gone" / "errors.csv", source.info, [])


def check(path: Path, name: str = "a.csv") -> None:
    data = csv_bytes([COLUMNS, ROW]) if name.endswith("v") else xlsx_bytes([COLUMNS, ROW])
    check_error_file(path, path.parent / name, read_bytes(name, data).info)


@pytest.mark.parametrize(
    ("name", "source"), [("e.csv", "a.csv"), ("e.CSV", "a.csv"), ("e.tsv", "a.csv"), ("e.xlsx", "a.xlsx")]
)
def test_a_path_that_will_do_is_accepted(tmp_path: Path, name: str, source: str) -> None:
    check(tmp_path / name, source)


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("e.csv", "a.xlsx", r"the error file has the format of the input: \.xlsx"),
        ("e.xlsx", "a.csv", r"the error file has the format of the input: \.csv"),
        ("errors", "a.csv", r"the error file has the format of the input: \.csv"),
        ("a.csv", "a.csv", "this is the input file"),
    ],
)
def test_a_path_that_will_not_do_is_refused(tmp_path: Path, name: str, source: str, told: str) -> None:
    with pytest.raises(ErrorFileError, match=told):
        check(tmp_path / name, source)


def test_a_link_to_the_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")

    with pytest.raises(ErrorFileError, match="this is the input file"):
        check(tmp_path / "link.csv")


def test_a_folder_or_one_that_is_missing_is_refused_beforehand(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()

    with pytest.raises(ErrorFileError, match="this is a folder"):
        check(tmp_path / "folder.csv")
    with pytest.raises(ErrorFileError, match="nothing can be written in this folder"):
        check(tmp_path / "gone" / "e.csv")
