"""CSV and TSV: delimiters, line numbers, what is refused."""

import csv
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.backfill.source import COLUMNS, SourceError, open_source, read_bytes
from tests.customers.backfill.files import (
    HEADER,
    LINE,
    ROW,
    cells,
    csv_bytes,
    problems_of,
    refusal_of,
    rows_of,
    text_source,
)

# Delimiters


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_recognised(delimiter: str) -> None:
    source = read_bytes("customers.csv", csv_bytes([COLUMNS, ROW], delimiter=delimiter))

    assert source.info.delimiter == delimiter
    assert [row.values for row in source] == [ROW]


def test_the_delimiter_of_a_quoted_header_is_recognised() -> None:
    source = read_bytes("customers.csv", csv_bytes([COLUMNS, ROW], delimiter=";", quoting=csv.QUOTE_ALL))

    assert source.info.delimiter == ";"


def test_names_with_other_delimiters_in_the_header_do_not_mislead() -> None:
    header = [*COLUMNS, "a,b,c,d,e,f,g,h,i,j"]

    source = read_bytes("customers.csv", csv_bytes([header, cells()], delimiter=";", quoting=csv.QUOTE_ALL))

    assert source.info.delimiter == ";"
    assert source.info.unknown_columns == ("a,b,c,d,e,f,g,h,i,j",)


@pytest.mark.parametrize(("named", "meant"), [("|", "|"), ("tab", "\t"), ("\\t", "\t"), ("\t", "\t")])
def test_a_named_delimiter_wins(named: str, meant: str) -> None:
    data = csv_bytes([COLUMNS, ROW], delimiter=meant)

    assert [row.values for row in rows_of(data, delimiter=named)] == [ROW]


@pytest.mark.parametrize("named", ["", ",,", '"', "\n", " "])
def test_a_delimiter_that_cannot_be_one_is_refused(named: str) -> None:
    assert "delimiter" in refusal_of(csv_bytes([COLUMNS, ROW]), delimiter=named)[1]


def test_excels_line_that_names_the_delimiter_is_not_the_header() -> None:
    source = text_source(f"sep=|\r\n{HEADER}\r\n{LINE}\r\n".replace(",", "|"))

    assert [(row.line, row.values) for row in source] == [(3, ROW)]


# Lines


def test_lines_are_physical_ones_after_quoted_line_breaks_and_blank_lines() -> None:
    source = text_source(f'{HEADER}\n\n{LINE}\na@x.org,"two\nlines",B,C,p,d\n\n\n{LINE}\n')

    assert [row.line for row in source] == [3, 4, 8]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(end: str) -> None:
    source = text_source(end.join([HEADER, LINE, LINE, ""]))

    assert [(row.line, row.values) for row in source] == [(2, ROW), (3, ROW)]


def test_kinds_of_line_ends_may_be_mixed() -> None:
    source = text_source(f"{HEADER}\r\n{LINE}\r{LINE}\n{LINE}")

    assert [row.line for row in source] == [2, 3, 4]


def test_line_ends_inside_quotes_belong_to_the_cell() -> None:
    source = text_source(f'{HEADER}\r\na@x.org,"one\r\ntwo\rthree",B,C,p,d\r\n')

    assert next(iter(source)).values.display_name == "one\r\ntwo\rthree"


def test_blank_lines_before_the_header_are_counted() -> None:
    source = text_source(f"\n\n{HEADER}\n{LINE}\n")

    assert [row.line for row in source] == [4]


@pytest.mark.parametrize("blank", ["", ",,,,,", " , ,\t,,,", ",,,,,,,,,"])
def test_blank_records_are_left_out(blank: str) -> None:
    source = text_source(f"{HEADER}\n{blank}\n{LINE}\n{blank}\n")

    assert [row.line for row in source] == [3]


# Cells


def test_cells_are_given_exactly_as_they_are() -> None:
    source = text_source(f'{HEADER}\n a@x.org ,"He said ""hi""",007,\u00a0A1,p\t,1/2/24\n')

    (row,) = source

    assert row.values == (" a@x.org ", 'He said "hi"', "007", "\u00a0A1", "p\t", "1/2/24")


def test_too_few_cells_are_blank() -> None:
    (row,) = text_source(f"{HEADER}\na@x.org,Ann\n")

    assert row.values == ("a@x.org", "Ann", "", "", "", "")
    assert not row.surplus


def test_too_many_cells_are_told() -> None:
    (row,) = text_source(f"{HEADER}\n{LINE},more\n")

    assert row.surplus
    assert row.cells == (*ROW, "more")


def test_empty_cells_at_the_end_are_not_too_many() -> None:
    (row,) = text_source(f"{HEADER}\n{LINE},, ,\n")

    assert not row.surplus
    assert row.cells == ROW


# Refusals


@pytest.mark.parametrize("text", ["\n\n", " ", "\ufeff", ",,,\n"])
def test_a_file_without_a_header_is_empty(text: str) -> None:
    assert refusal_of(text.encode()) == ("file_empty", "customers.csv: the file is empty.")


@pytest.mark.parametrize("text", [HEADER, f"{HEADER}\n\n,,,,,\n"])
def test_a_file_with_nothing_but_a_header_is_empty(text: str) -> None:
    assert refusal_of(text.encode()) == ("file_empty", "customers.csv: there is no row below the header.")


def test_a_quotation_mark_that_is_never_closed_is_told_with_its_line() -> None:
    data = f'{HEADER}\n{LINE}\na@x.org,"Ann,B,C,p,d\n{LINE}\n'.encode()

    assert refusal_of(data) == (
        "file_unreadable",
        "customers.csv: line 3 starts a cell whose quotation mark is never closed.",
    )


def test_a_quotation_mark_in_the_wrong_place_is_told_with_its_line() -> None:
    data = f'{HEADER}\n{LINE}\na@x.org,"Ann" Example,B,C,p,d\n'.encode()

    assert refusal_of(data)[1] == "customers.csv: line 3 has a quotation mark in the wrong place."


def test_a_quotation_mark_that_swallows_the_file_is_told_where_it_begins() -> None:
    data = f'{HEADER}\na@x.org,"Ann,B,C,p,d\n'.encode() + f"{LINE}\n".encode() * 3000

    assert refusal_of(data)[1].startswith("customers.csv: line 2 starts a cell of more than 131,072")


def test_an_endless_line_is_refused_before_it_is_in_memory() -> None:
    assert "line 2 is longer than 1,000,000" in refusal_of(f"{HEADER}\n{'x' * 1_000_001}".encode())[1]


def test_a_nul_byte_in_the_header_is_refused() -> None:
    data = f"{HEADER}\0\n{LINE}\n".encode()

    assert refusal_of(data) == ("file_encoding", "customers.csv: line 1 contains a NUL byte.")


def test_a_nul_byte_further_down_is_the_matter_of_its_row() -> None:
    data = f"{HEADER}\n{LINE}\n{LINE}\0\n".encode()

    assert [row.values.start_date for row in rows_of(data)] == ["2024-01-31", "2024-01-31\0"]


def test_a_refusal_holds_no_cell_of_the_file() -> None:
    data = f'{HEADER}\nsecret@example.com,"Secret Name\n'.encode()

    assert "ecret" not in str(problems_of(data))


# Reading again


def test_a_source_can_be_read_as_often_as_needed() -> None:
    source = text_source(f"{HEADER}\n{LINE}\n")

    assert list(source) == list(source)


def test_a_file_that_changes_under_the_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(f"{HEADER}\n{LINE}\n")
    source = open_source(path)

    path.write_text(f"{HEADER}\n{LINE}\n".replace("LEGACY-1", "LEGACY-2"))

    with pytest.raises(SourceError, match="changed while"):
        list(source)


def test_a_large_file_is_read_in_constant_memory(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(HEADER + "\n" + f"{LINE}\n" * 50_000)
    source = open_source(path)
    tracemalloc.start()

    count = sum(1 for _ in source)
    peak = tracemalloc.get_traced_memory()[1]

    tracemalloc.stop()
    assert count == 50_000
    assert peak < 1_000_000


# Whatever the csv module writes is read back

_CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=12).filter(
    lambda cell: not cell.startswith("'")
)


@given(
    records=st.lists(st.lists(_CELL, min_size=6, max_size=6), min_size=1, max_size=5),
    delimiter=st.sampled_from([",", ";", "\t"]),
    lineterminator=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
)
def test_any_table_is_read_back_with_the_lines_it_is_on(
    records: list[list[str]], delimiter: str, lineterminator: str, encoding: str
) -> None:
    # The module's writer leaves a lone line break of another kind than its own without quotes.
    quoting = csv.QUOTE_MINIMAL if lineterminator == "\r\n" else csv.QUOTE_ALL
    dialect = {"delimiter": delimiter, "lineterminator": lineterminator, "quoting": quoting}
    marked = [["first", *record[1:]] for record in records]  # blank ones would be left out

    data = csv_bytes([COLUMNS, *marked], encoding, **dialect)

    read = rows_of(data)
    assert [list(row.values) for row in read] == marked
    assert [row.line for row in read] == _lines_of(marked)


def _lines_of(records: list[list[str]]) -> list[int]:
    """Count lines in another way than the reader does: by the breaks inside the cells before."""
    lines, line = [], 2
    for record in records:
        lines.append(line)
        line += 1 + sum(cell.replace("\r\n", "\n").replace("\r", "\n").count("\n") for cell in record)
    return lines
