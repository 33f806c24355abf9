"""Whole rows: all problems at once, and what is left to ask for."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from customers.backfill.checks import Written, check_row, clashes, file_warnings
from customers.backfill.source import COLUMNS, Source, SourceRow, open_source, parse_mapping, read_bytes
from kernel import Problem, Wanted
from tests.customers import operator_files
from tests.customers.backfill.checks.test_values import PLANS, Plan
from tests.customers.backfill.files import HEADER, LINE, ROW, cells, csv_bytes, text_source, xlsx_bytes

BERLIN = ZoneInfo("Europe/Berlin")
Checked = tuple[Wanted, list[Problem], list[Problem]]


def check(row: SourceRow, *, date_format: str | None = None, billing_time: str = "calendar") -> Checked:
    plans = {**PLANS, "ending": Plan("ending", pending_deletion=True)}
    return check_row(
        row,
        plans=plans,
        written=Written(BERLIN, date_format),
        today=date(2026, 11, 22),
        billing_time=billing_time,
    )


def check_one(data: bytes, name: str = "a.csv", date_format: str | None = None) -> Checked:
    (row,) = read_bytes(name, data)
    return check(row, date_format=date_format)


def codes(problems: list[Problem]) -> list[str]:
    return [problem.code for problem in problems]


def verdicts(source: Source) -> dict[str, list[str]]:
    """Give the codes by line, the codes of a line sorted."""
    checked = [(row.line, check(row)) for row in source]
    found = clashes([wanted for _, (wanted, _, _) in checked])
    by_line = {str(line): codes([*problems, *found.get(line, [])]) for line, (_, problems, _) in checked}
    return {line: sorted(told) for line, told in by_line.items() if told}


def test_a_good_row_becomes_what_it_asks_for() -> None:
    (row,) = text_source(f"{HEADER}\n{LINE}\n")

    wanted, problems, warnings = check(row, billing_time="anniversary")

    assert (problems, warnings) == ([], [])
    assert wanted == Wanted(
        line=2,
        email="ann@example.com",
        display_name="Ann Example",
        external_id="LEGACY-1",
        id_tag="A1B2C3D4",
        plan_code="standard",
        start_date=date(2024, 1, 31),
        subscription_at=datetime(2024, 1, 30, 23, tzinfo=UTC),
        billing_time="anniversary",
    )


def test_all_problems_of_a_row_are_told_at_once_and_its_values_are_blank() -> None:
    wanted, problems, _ = check_one(f"{HEADER}\nx,,a\tb,?,nope,yesterday\n".encode())

    assert codes(problems) == [
        "email_invalid",
        "display_name_blank",
        "external_id_invalid",
        "id_tag_invalid",
        "plan_not_found",
        "start_date_invalid",
    ]
    assert wanted == Wanted(2, "", "", "", "", "", None, None)


def test_valid_values_of_a_bad_row_are_kept() -> None:
    wanted, problems, _ = check_one(csv_bytes([COLUMNS, cells(id_tag="", start_date="")]))

    assert codes(problems) == ["id_tag_blank", "start_date_blank"]
    assert (wanted.email, wanted.external_id, wanted.plan_code) == ("ann@example.com", "LEGACY-1", "standard")


def test_a_row_with_too_many_cells_is_not_guessed_at() -> None:
    wanted, problems, warnings = check_one(
        f"{HEADER}\nann@example.com,Example, Ann,C-1,A1,fleet,2024-01-01\n".encode()
    )

    assert (codes(problems), warnings) == (["cells_surplus"], [])
    assert wanted == Wanted(2, "", "", "", "", "", None, None)


def test_all_warnings_are_told() -> None:
    data = csv_bytes([COLUMNS, cells(id_tag="a1b2", plan_code="ending", start_date="2026-11-22")])

    assert codes(check_one(data)[2]) == ["id_tag_lowercase", "plan_pending_deletion", "start_date_today"]


@pytest.mark.parametrize("value", [123456, 4.12e13, date(2024, 1, 1), True])
def test_a_cell_that_is_not_text_is_damage_in_the_columns_of_keys(value: object) -> None:
    data = xlsx_bytes([COLUMNS, cells(external_id=value, id_tag=value)])

    assert codes(check_one(data, "a.xlsx")[1]) == ["external_id_invalid", "id_tag_damaged"]


def test_a_number_is_damage_in_json_too() -> None:
    item = dict(zip(COLUMNS, ROW, strict=True)) | {"external_id": 1, "id_tag": 2}

    problems = check_one(json.dumps([item]).encode(), "a.json")[1]

    assert codes(problems) == ["external_id_invalid", "id_tag_damaged"]


def test_a_number_is_no_damage_in_other_columns() -> None:
    data = xlsx_bytes([COLUMNS, cells(display_name=4711)])

    wanted, problems, _ = check_one(data, "a.xlsx")

    assert (wanted.display_name, problems) == ("4711", [])


def test_a_date_cell_is_read_whatever_format_is_named_for_text() -> None:
    data = xlsx_bytes([COLUMNS, cells(start_date=date(2024, 1, 31))])

    assert check_one(data, "a.xlsx", date_format="%d.%m.%Y")[0].start_date == date(2024, 1, 31)


@pytest.mark.parametrize("value", [45292, datetime(2024, 1, 31, 8)])
def test_a_number_or_a_time_of_day_is_no_start_date(value: object) -> None:
    data = xlsx_bytes([COLUMNS, cells(start_date=value)])

    assert codes(check_one(data, "a.xlsx")[1]) == ["start_date_invalid"]


@pytest.mark.parametrize("tariff", ["#N/A", "NULL", "[object Object]", "Gold"])
def test_a_default_is_taken_for_no_sign_of_damage(tariff: str) -> None:
    said = '[values.plan_code]\n"Basis" = "standard"\n[defaults]\nplan_code = "standard"\n'
    data = csv_bytes([COLUMNS, cells(plan_code=tariff)])

    (row,) = read_bytes("a.csv", data, mapping=parse_mapping("m.toml", said))

    assert codes(check(row)[1]) == ([] if tariff == "Gold" else ["value_damaged"])


def test_what_is_in_a_file_and_not_read_is_warned_of() -> None:
    source = read_bytes("a.xlsx", xlsx_bytes([[*COLUMNS, "Shoe size"], [*ROW, "44"]], [["x"]]))

    warnings = file_warnings(source.info)

    assert codes(warnings) == ["column_unknown", "sheet_ignored"]
    assert "“Shoe size”" in warnings[0].message


def test_problems_show_neither_name_nor_address_nor_id_tag() -> None:
    row = cells(email="secret.person@@example.com", display_name="Secret\tPerson", id_tag="SECRET;CARD")

    problems = check_one(csv_bytes([COLUMNS, row]))[1]

    assert len(problems) == 3
    assert "secret" not in str(problems).lower()


# A file with one of everything

MESSY = csv_bytes(
    [
        COLUMNS,
        cells(),
        cells(email="", external_id="C-3", id_tag="T3"),
        cells(email="a@b", external_id="C-4", id_tag="T4"),
        cells(email="Dup@example.com", external_id="C-5", id_tag="T5"),
        cells(email="dup@example.com", external_id="C-6", id_tag="T6"),
        cells(email="c7@example.com", external_id="C-7", id_tag="T7", display_name=" "),
        cells(email="c8@example.com", external_id="C-8", id_tag="T8", display_name="x" * 256),
        cells(email="c9@example.com", external_id="", id_tag="T9"),
        cells(email="c10@example.com", external_id="C-10", id_tag="T10"),
        cells(email="c11@example.com", external_id="c-10", id_tag="T11"),
        cells(email="c12@example.com", external_id="C-12", id_tag="META-1"),
        cells(email="c13@example.com", external_id="C-13", id_tag="4,12E+13"),
        cells(email="c14@example.com", external_id="C-14", id_tag="abc"),
        cells(email="c15@example.com", external_id="C-15", id_tag="ABC"),
        cells(email="c16@example.com", external_id="C-16", id_tag="T16", plan_code="Standard"),
        cells(email="c17@example.com", external_id="C-17", id_tag="T17", start_date="31/12/2023"),
        [*cells(email="c18@example.com", external_id="C-18", id_tag="T18"), "more"],
        cells(id_tag="T19"),
    ]
)

MESSY_EXPECTED = {
    "3": ["email_blank"],
    "4": ["email_invalid"],
    "5": ["email_duplicate"],
    "6": ["email_duplicate"],
    "7": ["display_name_blank"],
    "8": ["display_name_too_long"],
    "9": ["external_id_blank"],
    "10": ["external_id_duplicate"],
    "11": ["external_id_duplicate"],
    "12": ["id_tag_reserved"],
    "13": ["id_tag_damaged"],
    "14": ["id_tag_duplicate"],
    "15": ["id_tag_duplicate"],
    "16": ["plan_not_found"],
    "17": ["start_date_invalid"],
    "18": ["cells_surplus"],
}


def test_a_messy_file_gives_exactly_its_problems() -> None:
    assert verdicts(read_bytes("messy.csv", MESSY)) == MESSY_EXPECTED


def test_an_operators_messy_file_gives_exactly_its_problems(tmp_path: Path) -> None:
    path, expected = operator_files.messy(tmp_path)

    assert verdicts(open_source(path)) == {str(line): sorted(told) for line, told in expected.items()}


@pytest.mark.parametrize("good_file", operator_files.GOOD_FILES)
def test_an_operators_good_files_have_no_problem(good_file: Callable[[Path], Path], tmp_path: Path) -> None:
    assert verdicts(open_source(good_file(tmp_path))) == {}
