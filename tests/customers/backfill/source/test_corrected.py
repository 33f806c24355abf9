"""A file with corrected cells: every other row is as it was, on the line it had."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.backfill.source import COLUMNS, Source, SourceError, parse_mapping, read_bytes
from customers.backfill.source.corrected import Corrections, corrected, written
from customers.backfill.source.formulas import escape
from tests.customers.backfill.files import HEADER, ROW, csv_bytes, ods_bytes, part, xlsx_bytes

NOTHING = Corrections()


def again(name: str, data: bytes, corrections: Corrections = NOTHING, **reading: Any) -> Source:
    """Correct a file, written as a whole unless it is a workbook, and read what becomes of it."""
    source = read_bytes(name, data, **reading)
    if source.info.format in ("xlsx", "ods"):
        return read_bytes(name, corrected(data, source, corrections).data, **reading)
    return read_bytes(name, written(data, source, corrections), **reading)


def contents(source: Source) -> list[tuple[object, ...]]:
    return [
        (row.line, row.values, row.cells, row.surplus, row.numeric, row.dated, row.more) for row in source
    ]


def row(**changes: str) -> list[str]:
    return [*(dict(zip(COLUMNS, ROW, strict=True)) | changes).values()]


FILES: list[tuple[str, bytes]] = [
    ("a.csv", csv_bytes([COLUMNS, ROW, [], [], row(display_name="two\nlines"), ROW])),
    ("a.csv", csv_bytes([[*COLUMNS, "x"], [*ROW, "1", "more"], [*ROW, "=2"]], delimiter=";")),
    ("a.csv", b"sep=|\r\n" + csv_bytes([COLUMNS, ROW, ROW]).replace(b",", b"|")),
    ("a.csv", csv_bytes([COLUMNS, row(display_name="Jürgen")]).decode().encode("utf-16")),
    ("a.xlsx", xlsx_bytes([COLUMNS, ROW, [], row(external_id=12), ROW])),
    ("a.ods", ods_bytes([COLUMNS, ROW, [], row(external_id=12), ROW, ROW])),
    ("a.json", json.dumps([dict(zip(COLUMNS, ROW, strict=True))] * 3, indent=1).encode()),
    ("a.json", json.dumps([dict(zip(COLUMNS, ROW, strict=True))] * 3).encode()),
]


@pytest.mark.parametrize("number", range(len(FILES)))
def test_without_corrections_every_row_is_as_it_was(number: int) -> None:
    name, data = FILES[number]

    assert contents(again(name, data)) == contents(read_bytes(name, data))


@pytest.mark.parametrize("number", range(len(FILES)))
def test_one_cell_is_another_and_nothing_else(number: int) -> None:
    name, data = FILES[number]
    source = read_bytes(name, data)
    line = [one.line for one in source][-1]

    there = again(name, data, Corrections({line: {0: "new@example.com"}}))

    emails = {one.line: one.values.email for one in source} | {line: "new@example.com"}
    assert {one.line: one.values.email for one in there} == emails
    assert [one.cells[1:] for one in there] == [one.cells[1:] for one in source]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "ods"])
def test_a_row_is_left_out_and_the_others_stay_where_they_are(kind: str) -> None:
    data = {"csv": csv_bytes, "xlsx": xlsx_bytes, "ods": ods_bytes}[kind]([COLUMNS, ROW, ROW, ROW])

    there = again(f"a.{kind}", data, Corrections(without=frozenset({3})))

    assert [one.line for one in there] == [2, 4]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "ods"])
def test_a_header_below_titles_stays_on_its_line_and_the_titles_above_it(kind: str) -> None:
    mapping = parse_mapping("m.toml", "[file]\nheader_line = 3\n")
    table = [["Title"], [], COLUMNS, ROW]
    data = {"csv": csv_bytes, "xlsx": xlsx_bytes, "ods": ods_bytes}[kind](table)
    source = read_bytes(f"a.{kind}", data, mapping=mapping)

    there = corrected(data, source, Corrections({4: {1: "Another"}})).data

    assert [one.values.display_name for one in read_bytes(f"a.{kind}", there, mapping=mapping)] == ["Another"]
    named = "content.xml" if kind == "ods" else "xl/worksheets/sheet1.xml"
    assert b"Title" in (there if kind == "csv" else part(there, named) + part(there, "xl/sharedStrings.xml"))


def test_what_the_encoding_lacks_is_refused() -> None:
    data = f"{HEADER}\n{','.join(row(display_name='Jürgen'))}\n".encode("cp1252")
    source = read_bytes("a.csv", data, encoding="cp1252")

    with pytest.raises(SourceError, match=r"line 2.*cp1252"):
        written(data, source, Corrections({2: {1: "Зоя"}}))


@pytest.mark.parametrize(
    ("name", "data", "is_spliced"),
    [
        ("a.csv", csv_bytes([COLUMNS, ROW, [], row(display_name="two\nlines"), ROW, ROW]), True),
        ("a.csv", csv_bytes([[*COLUMNS, "x"], *[[*ROW, "=2"]] * 4], delimiter=";"), True),
        ("a.csv", b"sep=|\r\n" + csv_bytes([COLUMNS, *[ROW] * 4]).replace(b",", b"|"), True),
        ("a.csv", b"\xef\xbb\xbf" + csv_bytes([COLUMNS, *[ROW] * 4]), True),
        ("a.csv", csv_bytes([COLUMNS, *[ROW] * 4]).decode().encode("utf-16"), False),
        ("a.csv", csv_bytes([COLUMNS, *[ROW] * 4]) + b"\x1a", False),
        ("a.xlsx", xlsx_bytes([COLUMNS, *[ROW] * 4]), False),
    ],
)
def test_rows_that_are_not_read_again_are_what_reading_gives(
    name: str, data: bytes, is_spliced: bool
) -> None:
    source = read_bytes(name, data)
    lines = [one.line for one in source]
    cells: Any = {lines[-1]: {1: 'a "name", Zoë'}, lines[1]: {0: "", 1: "=1+1"}}

    made = corrected(data, source, Corrections(cells, frozenset({lines[2]})))

    anew = read_bytes(name, made.data)
    assert [one.line for one in anew] == [line for line in lines if line != lines[2]]
    assert (made.rows is not None) is is_spliced
    assert list(made.rows or anew) == list(anew)
    if is_spliced:
        assert made.data.splitlines()[1] == data.splitlines()[1]


def test_a_file_in_which_a_record_would_not_fit_is_written_as_a_whole() -> None:
    data = csv_bytes([COLUMNS, ROW, ROW])
    source = read_bytes("a.csv", data)

    made = corrected(data, source, Corrections({2: {1: "two\nlines"}}))

    assert made.rows is None
    assert next(one.values.display_name for one in read_bytes("a.csv", made.data)) == "two\nlines"


cell = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda char: char not in "\0\x1a"), max_size=6)


@given(st.lists(st.lists(cell, min_size=6, max_size=8), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_holds_it_is_written_again(rows: list[list[str]]) -> None:
    try:
        data = csv_bytes([COLUMNS, ROW, *([escape(one) for one in r] for r in rows)])
        before = contents(read_bytes("a.csv", data))
    except SourceError:
        return

    assert contents(again("a.csv", data)) == before


@given(st.lists(st.lists(cell, min_size=6, max_size=7), min_size=1, max_size=6), st.data())
@settings(max_examples=60, deadline=None)
def test_whatever_a_file_holds_unread_rows_are_what_reading_gives(
    rows: list[list[str]], data: st.DataObject
) -> None:
    written_down = csv_bytes([COLUMNS, ROW, *([escape(one) for one in r] for r in rows)])
    try:
        source = read_bytes("a.csv", written_down).held()
        lines = [one.line for one in source]
        cells: Any = {data.draw(st.sampled_from(lines)): {data.draw(st.integers(0, 5)): data.draw(cell)}}
        without = data.draw(st.sampled_from([frozenset(), frozenset(lines[1:2])]))
        made = corrected(written_down, source, Corrections(cells, without))
        anew = list(read_bytes("a.csv", made.data))
    except SourceError:
        return

    assert list(made.rows or anew) == anew
