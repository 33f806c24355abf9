"""An export read through a mapping: its columns found, its cells made the values of our fields."""

import io
import json
from typing import Any

import openpyxl
import pytest

from customers.backfill.source import COLUMNS, Source, SourceError, SourceRow, parse_mapping, read_bytes
from customers.backfill.source.error_file import write_errors
from kernel import Problem

HEADER = "No;First;Last;Mail;Card;Tariff;Since;State"
FIELDS = """
[fields]
email = "Mail"
display_name = { columns = ["First", "Last"] }
external_id = "No"
id_tag = "Card"
plan_code = "Tariff"
start_date = "Since"
"""
LINE = "7;Ann;Lee;ann@example.com;04:a1:b2:c3;Fleet;2026-01-01;active"


def read(mapping: str, *lines: str, header: str = HEADER, name: str = "old.csv") -> Source:
    return read_bytes(name, "\n".join([header, *lines]).encode(), mapping=parse_mapping("m.toml", mapping))


def first(mapping: str, *lines: str, **given: str) -> SourceRow:
    return next(iter(read(mapping, *lines, **given)))


def sheet(*rows: list[Any], title: str = "Data") -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.title = "Cover"
    page = book.create_sheet(title)
    for row in rows:
        page.append(row)
    book.save(stream)
    return stream.getvalue()


# Columns


def test_columns_are_found_by_the_names_that_the_mapping_has() -> None:
    row = first(FIELDS, LINE)

    assert tuple(row.values) == ("ann@example.com", "Ann Lee", "7", "04:a1:b2:c3", "Fleet", "2026-01-01")
    assert row.cells == tuple(LINE.split(";"))


def test_a_field_that_is_not_named_has_its_own_column() -> None:
    row = first('[fields]\nplan_code = "Tariff"\n', "a,b,c,d,e,2026,F", header=",".join((*COLUMNS, "Tariff")))

    assert (row.values.email, row.values.plan_code) == ("a", "F")


def test_parts_that_are_blank_are_not_joined() -> None:
    assert first(FIELDS, LINE.replace("Ann;Lee", ";Lee ")).values.display_name == "Lee"


def test_a_constant_day_may_be_written_as_iso_writes_it_whatever_the_format_of_the_file() -> None:
    iso = first(FIELDS.replace('"Since"', '{ constant = "2027-01-01" }'), LINE)
    own = first(FIELDS.replace('"Since"', '{ constant = "01.01.2027" }'), LINE)

    assert (iso.dated, own.dated, first(FIELDS, LINE).dated) == ({"start_date"}, frozenset(), frozenset())


def test_a_constant_stands_in_every_row() -> None:
    assert first(FIELDS.replace('"Tariff"', '{ constant = "basic" }'), LINE).values.plan_code == "basic"


def test_an_optional_column_can_be_named() -> None:
    assert first(f'{FIELDS}coupon = "State"\n', LINE).more == {"coupon": "active"}


@pytest.mark.parametrize(
    ("header", "told", "hint"),
    [
        (HEADER.replace("Tariff", "Tarif"), "no column “Tariff”, of which plan_code", "a column “Tarif”"),
        (HEADER.replace("State", "mail"), "more than one column is named “Mail”, of which email", "Rename"),
    ],
)
def test_a_column_that_is_missing_or_there_twice_is_told(header: str, told: str, hint: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(FIELDS, LINE, header=header)

    (problem,) = refused.value.problems
    assert told in problem.message
    assert hint in problem.hint


def test_what_the_mapping_does_not_name_is_known() -> None:
    info = read(FIELDS, LINE).info

    assert (info.mapping, info.unmapped_columns, info.unknown_columns) == ("m.toml", ("State",), ())


# Where the header is


def test_the_header_is_on_the_line_that_the_mapping_says() -> None:
    source = read(f"[file]\nheader_line = 3\n{FIELDS}", HEADER, LINE, header="Customers of 2026;;\n")

    assert [(row.line, row.values.external_id) for row in source] == [(4, "7")]


def test_a_header_below_a_title_is_told_with_the_remedy() -> None:
    with pytest.raises(SourceError, match="Say header_line = 3 in"):
        read(FIELDS, "", HEADER, LINE, header="Customers of 2026")


def test_a_header_line_that_is_not_there_is_told() -> None:
    with pytest.raises(SourceError, match="line 9 is blank or not there"):
        read(f"[file]\nheader_line = 9\n{FIELDS}", LINE)


def test_a_sheet_is_chosen_by_its_name() -> None:
    data = sheet(["Title"], HEADER.split(";"), LINE.split(";"))
    mapping = parse_mapping("m.toml", f'[file]\nsheet = "data"\nheader_line = 2\n{FIELDS}')

    (row,) = read_bytes("old.xlsx", data, mapping=mapping)

    assert (row.line, row.values.display_name) == (3, "Ann Lee")


def test_a_sheet_that_is_not_there_is_told_with_those_that_are() -> None:
    mapping = parse_mapping("m.toml", f'[file]\nsheet = "Kunden"\n{FIELDS}')

    with pytest.raises(SourceError, match="The sheets are “Cover”, “Data”"):
        read_bytes("old.xlsx", sheet(HEADER.split(";")), mapping=mapping)


def test_the_list_of_a_json_document_has_the_name_that_the_mapping_says() -> None:
    item = dict(zip(HEADER.split(";"), LINE.split(";"), strict=True))
    mapping = parse_mapping("m.toml", f'[file]\nlist = "data"\n{FIELDS}')

    (row,) = read_bytes("old.json", json.dumps({"count": 1, "data": [item]}).encode(), mapping=mapping)

    assert row.values.display_name == "Ann Lee"


# Values


def test_values_are_translated() -> None:
    row = first(f'{FIELDS}[values.plan_code]\n"Fleet" = "fleet-24"\n', LINE)

    assert row.values.plan_code == "fleet-24"
    assert row.mapped is not None
    assert [tuple(one) for one in row.mapped.translated] == [("plan_code", "Fleet", "fleet-24", False)]


def test_a_value_that_the_mapping_does_not_name_is_a_problem_of_its_row() -> None:
    row = first(f'{FIELDS}[values.plan_code]\n"Fleets" = "fleet"\n', LINE)

    assert row.mapped is not None
    problem = row.mapped.faults["plan_code"]
    assert (problem.code, problem.message) == (
        "value_untranslated",
        "m.toml does not say what “Fleet” is in plan_code.",
    )
    assert "“Fleets” is there" in problem.hint


def test_a_default_is_for_what_is_not_named_and_not_for_nothing() -> None:
    text = f'{FIELDS}[values.plan_code]\n"A" = "a"\n[defaults]\nplan_code = "basic"\n'

    assert first(text, LINE).values.plan_code == "basic"
    assert first(text, LINE.replace("Fleet", " ")).values.plan_code == " "


def test_a_card_that_is_rewritten_is_known_as_it_was() -> None:
    row = first(f'{FIELDS}[cards]\nremove_separators = ":"\nupper_case = true\n', LINE)

    assert row.values.id_tag == "04A1B2C3"
    assert row.mapped is not None
    assert row.mapped.id_tag == "04:a1:b2:c3"


def test_a_card_that_is_not_written_so_is_a_problem_of_its_row() -> None:
    row = first(f"{FIELDS}[cards]\ndecimal_to_hex = true\n", LINE)

    assert row.mapped is not None
    assert row.mapped.faults["id_tag"].code == "id_tag_not_rewritten"
    assert "b2" not in row.mapped.faults["id_tag"].message


@pytest.mark.parametrize(
    ("rule", "left"),
    [
        ('values = ["ended"]', ["2"]),
        ('values = [" ENDED ", "asleep"]', ["2", "3"]),
        ('unless = ["active"]', ["2", "3"]),
    ],
)
def test_rows_are_left_out_by_a_column(rule: str, left: list[str]) -> None:
    lines = [f"{number}{LINE[1:].replace('active', state)}" for number, state in enumerate(
        ["Active", "Ended", "asleep"], start=1
    )]  # fmt: skip

    source = read(f'{FIELDS}[[leave_out]]\ncolumn = "State"\n{rule}\n', *lines)

    told = [row.values.external_id for row in source if row.mapped and row.mapped.left_out == "State"]
    assert told == left


# Cells that are no text


def test_whole_numbers_stand_for_their_digits_where_the_mapping_says_so() -> None:
    rows = [HEADER.split(";"), [7, "Ann", "Lee", "a@b.example", 77705923, "Fleet", "2026-01-01", "x"]]
    plain = parse_mapping("m.toml", f'[file]\nsheet = "Data"\n{FIELDS}')
    numbers = parse_mapping(
        "m.toml",
        f'[file]\nsheet = "Data"\n{FIELDS}[cards]\ndecimal_to_hex = true\n'.replace(
            '"No"', '{ column = "No", numbers = true }'
        ),
    )

    (refused,) = read_bytes("old.xlsx", sheet(*rows), mapping=plain)
    (row,) = read_bytes("old.xlsx", sheet(*rows), mapping=numbers)

    assert refused.numeric == {"external_id", "id_tag"}
    assert (row.numeric, row.values.external_id, row.values.id_tag) == (frozenset(), "7", "04A1B2C3")


def test_a_number_with_a_fraction_or_too_many_digits_does_not() -> None:
    text = f'[file]\nsheet = "Data"\n{FIELDS}'.replace('"No"', '{ column = "No", numbers = true }')
    tail = ["Ann", "Lee", "a@b.example", "x", "Fleet", "2026-01-01", "x"]
    data = sheet(HEADER.split(";"), [7.5, *tail], [1234567890123456789, *tail])

    rows = read_bytes("old.xlsx", data, mapping=parse_mapping("m.toml", text))

    assert [row.numeric for row in rows] == [{"external_id"}, {"external_id"}]


# Error files


@pytest.mark.parametrize("name", ["old.csv", "old.xlsx"])
def test_an_error_file_is_read_through_the_same_mapping(name: str) -> None:
    text = f'[file]\nsheet = "Data"\nheader_line = 2\n{FIELDS}[cards]\nremove_separators = ":"\n'
    mapping = parse_mapping("m.toml", text)
    given = [["A title"], HEADER.split(";"), [7, *LINE.split(";")[1:]]]
    data = sheet(*given) if name.endswith("xlsx") else f"A title\n{HEADER}\n{LINE}\n".encode()
    source, stream = read_bytes(name, data, mapping=mapping), io.BytesIO()

    write_errors(stream, source.info, [(row, [Problem("x", None, "Told.")]) for row in source])
    back = read_bytes(name, stream.getvalue(), mapping=mapping)

    assert [(row.values, row.cells, row.numeric) for row in back] == [
        (row.values, row.cells, row.numeric) for row in source
    ]
