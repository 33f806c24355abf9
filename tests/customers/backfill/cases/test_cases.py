"""Files made after what people reported of other importers: what becomes of each, and why."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.planning import draft
from customers.backfill.source import SourceError, open_source

FILES = Path(__file__).parent / "files"
PLAN = SimpleNamespace(interval="monthly", code="standard", pending_deletion=False, amount_currency="EUR")
SYSTEMS: Any = SimpleNamespace(
    target=SimpleNamespace(plans={"standard": PLAN}), timezone=ZoneInfo("Europe/Berlin"), platform=None
)
DAMAGED, LOOKED_AT = "value_damaged", "~value_damaged"  # refused; a warning
ZULU = {"date_format": "%Y-%m-%dT%H:%M:%SZ"}

# The name, how many rows are read, and what is told of which lines; a warning has ~ before it.
READ: list[tuple[str, int, Mapping[int, str]]] = [
    ("c02-float-ids.csv", 3, {2: DAMAGED, 3: DAMAGED, 4: DAMAGED}),
    ("c03b-equals-quoted-only-external-id.csv", 2, {2: DAMAGED, 3: f"{DAMAGED} {LOOKED_AT}"}),
    (
        "c04-rfid-notations.csv",
        14,
        {
            2: "id_tag_invalid",
            3: "id_tag_invalid",
            **dict.fromkeys(range(4, 12), "~id_tag_notation"),
            12: "~id_tag_lowercase",
            13: "~id_tag_notation",
            14: DAMAGED,
        },
    ),
    (
        "c04c-same-card-two-notations.csv",
        4,
        dict.fromkeys([2, 3, 4, 5], "id_tag_duplicate ~id_tag_notation"),
    ),
    (
        "c05-null-placeholders.csv",
        17,
        dict.fromkeys([3, 4, 7, 9, 12, 13, 14, 15, 18], DAMAGED)
        | dict.fromkeys([2, 5, 6, 8, 10, 11, 16, 17], LOOKED_AT),
    ),
    ("c06-mojibake.csv", 7, {**dict.fromkeys(range(2, 8), LOOKED_AT), 8: DAMAGED}),
    ("c06b-utf8-read-as-cp1252.csv", 2, {}),
    ("c07-utc-datetimes.csv", 3, {2: "~start_date_moved", 3: "~start_date_moved"}),
    ("c08-ctrl-z.csv", 2, {}),
    ("c09-header-zwsp.csv", 1, {}),
    ("c12-space-quote.csv", 2, dict.fromkeys([2, 3], f"{DAMAGED} {LOOKED_AT}")),
    ("c16-nul-in-one-cell.csv", 3, {3: "display_name_invalid"}),
    (
        "c17-invisible-values.csv",
        10,
        {
            2: "external_id_invalid",
            3: LOOKED_AT,
            4: DAMAGED,
            5: DAMAGED,
            6: "id_tag_invalid",
            7: LOOKED_AT,
            8: "external_id_invalid",
            10: "email_invalid",
            11: DAMAGED,
        },
    ),
    ("j02-nested-ignored.json", 2, {}),
    ("j04-nan.json", 3, dict.fromkeys([2, 3, 4], LOOKED_AT)),
    (
        "x01-carriage-return-xlsxwriter.xlsx",
        7,
        {
            2: DAMAGED,
            3: DAMAGED,
            4: LOOKED_AT,
            5: f"{DAMAGED} {LOOKED_AT}",
            6: "display_name_invalid",
            7: "email_invalid",
            8: "plan_not_found",
        },
    ),
    ("x02-error-cells.xlsx", 4, {2: LOOKED_AT, 3: DAMAGED, 4: LOOKED_AT, 5: "id_tag_invalid"}),
    ("x03-formulas-not-calculated.xlsx", 6, dict.fromkeys([3, 4, 5, 7], "formula_not_calculated")),
    ("x03d-formula-result-0.xlsx", 2, dict.fromkeys([2, 3], "formula_not_calculated")),
    ("x05-hidden-first-sheet.xlsx", 3, {}),
    ("x07-dates-half-converted.xlsx", 4, dict.fromkeys([2, 3, 4, 5], "dates_mixed")),
    ("x09-strict-ooxml.xlsx", 2, {}),
    ("x19-date-cells-with-times.xlsx", 4, dict.fromkeys([3, 4, 5], "start_date_invalid")),
    ("x21-table-with-totals-row.xlsx", 3, {4: "row_totals"}),
]

# The name, what is given with it, the code, and what of the cause and of the remedy is told.
REFUSED: list[tuple[str, dict[str, str], str, str, str]] = [
    ("c01-title-rows.csv", {}, "column_missing", "the header is on line 4", "Remove lines 1–3"),
    (
        "c06b-utf8-read-as-cp1252.csv",
        {"encoding": "cp1252"},
        "file_encoding",
        "UTF-8",
        "Leave out --encoding",
    ),
    ("c11-unbalanced-quote-notes.csv", {}, "rows_swallowed", "lines 5–7 would be lost", "doubled"),
    ("c19-monta-like.csv", {}, "column_missing", "not a header", "--delimiter"),
    ("c19b-ocpi-like.csv", {}, "column_missing", "there is no column", "Rename the column “uid” to id_tag"),
    ("j01-ndjson.json", {}, "file_unreadable", "NDJSON", "Make a list of it"),
    ("x04-filtered-rows.xlsx", {}, "rows_hidden", "3 of 6 rows are hidden", "--hidden-rows leave-out"),
    ("x06-merged-customer.xlsx", {}, "cells_merged", "lines 3–4", "Unmerge the cells"),
]


def drafted(name: str, *, date_format: str | None = None, **reading: Any) -> list[PlannedRow]:
    source = open_source(FILES / name, **reading)
    return draft(source, SYSTEMS, Options(date_format=date_format), date(2026, 11, 28))


def told(row: PlannedRow) -> str:
    codes = [one.code for one in row.problems] + [f"~{one.code}" for one in row.warnings]
    return " ".join(dict.fromkeys(codes))


def refusal(name: str, **reading: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        drafted(name, **reading)
    return caught.value


def test_every_file_has_its_outcome() -> None:
    assert {path.name for path in FILES.iterdir()} == {name for name, *_ in (*READ, *REFUSED)}


@pytest.mark.parametrize(("name", "rows", "lines"), READ)
def test_a_file_is_read_and_nothing_wrong_in_it_goes_in_silently(
    name: str, rows: int, lines: Mapping[int, str]
) -> None:
    found = drafted(name)

    assert len(found) == rows
    assert {row.line: told(row) for row in found if told(row)} == lines


@pytest.mark.parametrize(("name", "reading", "code", "cause", "remedy"), REFUSED)
def test_a_file_is_refused_with_its_cause_and_a_remedy(
    name: str, reading: dict[str, str], code: str, cause: str, remedy: str
) -> None:
    error = refusal(name, **reading)

    assert {problem.code for problem in error.problems} == {code}
    assert cause in str(error)
    assert remedy in str(error)


@pytest.mark.parametrize(("choice", "lines"), [("include", [2, 3, 4, 5, 6, 7]), ("leave-out", [2, 4, 6])])
def test_hidden_rows_are_read_or_left_out_as_the_operator_says(choice: str, lines: list[int]) -> None:
    assert [row.line for row in drafted("x04-filtered-rows.xlsx", hidden_rows=choice)] == lines


def test_the_visible_sheet_is_read_and_named() -> None:
    info = open_source(FILES / "x05-hidden-first-sheet.xlsx").info

    assert (info.sheet, info.ignored_sheets, set(info.hidden_sheets)) == (
        "Customers",
        ("Backup 2023",),
        {"Backup 2023"},
    )


@pytest.mark.parametrize("date_format", [None, "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%z"])
def test_a_moment_is_on_the_day_that_it_is_where_days_are_meant(date_format: str | None) -> None:
    rows = drafted("c07-utc-datetimes.csv", date_format=date_format)

    assert [row.wanted.start_date for row in rows] == [date(2025, 3, 1), date(2025, 6, 1), date(2025, 3, 1)]


def test_half_converted_dates_are_refused_in_whatever_format() -> None:
    rows = drafted("x07-dates-half-converted.xlsx", date_format="%d/%m/%Y")

    assert {told(row) for row in rows} == {"dates_mixed"}
    assert "lines 2, 4" in rows[0].problems[0].message
