"""The header: which column is which."""

import pytest

from customers.backfill.source import COLUMNS, read_bytes
from tests.customers.backfill.files import LINE, ROW, csv_bytes, problems_of, rows_of


def test_columns_are_found_in_any_order_and_case() -> None:
    header = [f" {column.upper()} " for column in reversed(COLUMNS)]

    (row,) = rows_of(csv_bytes([header, ROW[::-1]]))

    assert row.values == ROW
    assert row.cells == ROW[::-1]


def test_the_operators_own_names_are_kept() -> None:
    header = ["Email", *COLUMNS[1:], "Notes"]

    info = read_bytes("customers.csv", csv_bytes([header, ROW])).info

    assert info.header == tuple(header)
    assert info.unknown_columns == ("Notes",)


def test_a_column_without_a_name_is_told_by_its_place() -> None:
    header = ["", *COLUMNS]

    assert read_bytes("customers.csv", csv_bytes([header, ["", *ROW]])).info.unknown_columns == (
        "(column 1)",
    )


def test_empty_names_at_the_end_are_no_columns() -> None:
    info = read_bytes("customers.csv", csv_bytes([[*COLUMNS, "", " "], ROW])).info

    assert info.header == COLUMNS


def test_all_missing_columns_are_named_at_once() -> None:
    problems = problems_of(csv_bytes([["email", "id_tag", "x"], ["a", "b", "c"]]))

    assert [(problem.code, problem.field) for problem in problems] == [
        ("column_missing", "display_name"),
        ("column_missing", "external_id"),
        ("column_missing", "plan_code"),
        ("column_missing", "start_date"),
    ]


def test_a_column_that_is_there_twice_is_refused() -> None:
    problems = problems_of(csv_bytes([[*COLUMNS, "EMAIL"], [*ROW, "x"]]))

    assert [(problem.code, problem.field) for problem in problems] == [("column_duplicate", "email")]


@pytest.mark.parametrize(
    ("own", "column"),
    [
        ("Email address", "email"),
        ("E-Mail", "email"),
        ("idTag", "id_tag"),
        ("RFID", "id_tag"),
        ("ExternalID", "external_id"),
        ("Start Date", "start_date"),
        ("plan-code", "plan_code"),
        ("displayname", "display_name"),
        ("extrenal_id", "external_id"),
    ],
)
def test_a_column_that_is_nearly_right_is_pointed_out(own: str, column: str) -> None:
    header = [own if known == column else known for known in COLUMNS]

    (problem,) = problems_of(csv_bytes([header, ROW]))

    assert problem.field == column
    assert problem.hint == f"Rename the column “{own}” to {column}."


def test_a_column_that_nothing_comes_near_is_to_be_added() -> None:
    header = ["Town" if column == "id_tag" else column for column in COLUMNS]

    (problem,) = problems_of(csv_bytes([header, ROW]))

    assert problem.hint == "Add a column named id_tag."


@pytest.mark.parametrize("data", [LINE.encode(), csv_bytes([COLUMNS, ROW], delimiter="|")])
def test_a_line_that_is_no_header_is_told_once(data: bytes) -> None:
    (problem,) = problems_of(data)

    assert problem.code == "column_missing"
    assert problem.message.startswith("customers.csv: line 1: this is not a header")
    assert "--delimiter" in problem.hint
    assert "Ann" not in str(problem)


def test_the_line_of_the_header_is_told() -> None:
    problems = problems_of(b"\n\nemail\nx\n")

    assert problems[0].message == "customers.csv: line 3: there is no column display_name."


def test_the_four_columns_of_an_error_file_are_left_out_silently() -> None:
    header = [*COLUMNS, "Notes", "code", "field", "message", "hint"]

    source = read_bytes("customers.csv", csv_bytes([header, [*ROW, "n", "a", "b", "c", "d"]]))

    (row,) = source
    assert source.info.unknown_columns == ("Notes",)
    assert row.cells == (*ROW, "n")


def test_an_operators_own_column_named_like_one_of_them_is_kept() -> None:
    header = ["code", *COLUMNS, "Code", "Field", "Message", "Hint"]

    source = read_bytes("customers.csv", csv_bytes([header, ["x", *ROW, "a", "b", "c", "d"]]))

    (row,) = source
    assert source.info.header == ("code", *COLUMNS)
    assert row.cells == ("x", *ROW)
