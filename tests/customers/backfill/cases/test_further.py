"""More files of the same kinds, made here: what becomes of each. Nothing wrong goes in without a word."""

import csv
import gzip
import io
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from customers.backfill.checks import file_warnings
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.engine.planning import draft
from customers.backfill.source import COLUMNS, SourceError, read_bytes
from tests.customers.backfill.cases.making import good, ods, ods_sheet, sheet, xlsx, zipped
from tests.customers.backfill.cases.test_cases import SYSTEMS, told
from tests.customers.backfill.files import HEADER

DAMAGED, LOOKED_AT = "value_damaged", "~value_damaged"
NOTED = f"{HEADER},notes"
ITEM = dict(zip(COLUMNS, good(), strict=True))


def text(*lines: str | list[str], head: str = HEADER, delimiter: str = ",", end: str = "\n") -> bytes:
    """Join lines as they are, and cells without quoting any."""
    written = [line if isinstance(line, str) else delimiter.join(line) for line in lines]
    return end.join([head.replace(",", delimiter), *written]).encode()


def one(**changes: str) -> bytes:
    """A CSV file of one row, quoted as it has to be."""
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([COLUMNS, good(**changes)])
    return stream.getvalue().encode()


def items(*given: Mapping[str, Any]) -> bytes:
    own = [dict[str, Any](zip(COLUMNS, good(place), strict=True)) for place in range(len(given))]
    return json.dumps(
        [{**cells, **changes} for cells, changes in zip(own, given, strict=True)], indent=1
    ).encode()


def number(value: object, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def typed(kind: str, value: object = "") -> str:
    return f'<c t="{kind}"><v>{value}</v></c>'


def ods_cell(attributes: str, shown: str = "") -> str:
    shown = f"<text:p>{shown}</text:p>" if shown else ""
    return f"<table:table-cell {attributes}>{shown}</table:table-cell>"


def drafted(name: str, data: bytes, *, date_format: str | None = None, **reading: Any) -> list[PlannedRow]:
    return draft(
        read_bytes(name, data, **reading), SYSTEMS, Options(date_format=date_format), date(2026, 11, 28)
    )


def seen(rows: list[PlannedRow]) -> dict[int, str]:
    return {row.line: told(row) for row in rows}


# --- Single values -----------------------------------------------------------------------------------

NAMES = r"""
Ann_x000D_ | 0x005F_FFFF | 0 | 45123 | 1.234,56 | 0,5 | 50% | =A1 | 'Ann | Ann\nB | {name} | %NAME% | J¸rgen
JŸrgen | Jⁿrgen | MĂĽller | M=FCller | Ａnn | ﬁrma | 𝓐nn | Аnn | M\u00fcller | null Meier | Ann (NULL)
"""
SOUND_NAMES = """
4711 | AT&T | O'Brien | 't Hoen | Jürgen Müller | ÖBB | Peña-Núñez | McDonald | Ltd. 3 | Mª José
Christopher Null | Łukasz Żak | Ann 李 | ﾔﾏﾀﾞ
"""
IDS = r"""
10,423 | 1.042,0 | =A1 | '=A1 | [None] | ﬁ-1 | Lade... | entfällt | １２３ | n-a | CRM-1\r\n | x005F_1
01. Mrz | {id}
"""
SOUND_IDS = (
    r"4e12 | 3E-12 | 10.423 | КЛ-1001 | KL-2024-10 | CORP\nick | {3F2504E0-4F89-11D3-9A0C-0305E82C3301}"
)


def listed(values: str) -> list[str]:
    return [value.strip() for line in values.strip().splitlines() for value in line.split(" | ")]


@pytest.mark.parametrize("name", [*listed(NAMES), "Ann\u00a0Example", "Ann\u200b"])
def test_a_name_that_shows_damage_is_looked_at(name: str) -> None:
    assert seen(drafted("a.csv", one(display_name=name))) == {2: LOOKED_AT}


@pytest.mark.parametrize("external_id", listed(IDS))
def test_an_id_that_shows_damage_is_refused(external_id: str) -> None:
    assert seen(drafted("a.csv", one(external_id=external_id))) == {2: DAMAGED}


@pytest.mark.parametrize(
    "cells",
    [
        *({"display_name": name} for name in listed(SOUND_NAMES)),
        *({"external_id": key} for key in listed(SOUND_IDS)),
    ],
)
def test_what_is_only_unusual_goes_in(cells: dict[str, str]) -> None:
    assert seen(drafted("a.csv", one(**cells))) == {2: ""}


@pytest.mark.parametrize(
    ("email", "code"),
    [
        ("'ann@example.com", DAMAGED),
        ("ann_x000D_@example.com", DAMAGED),
        *(
            (given, "email_invalid")
            for given in ("mailto:ann@example.com", "Ann <ann@example.com>", "ann＠b.de")
        ),
        *((given, "email_invalid") for given in ("ann@example.com.", "ann&#64;example.com", "NULL")),
    ],
)
def test_an_address_that_nobody_has_is_refused(email: str, code: str) -> None:
    assert seen(drafted("a.csv", one(email=email))) == {2: code}


@pytest.mark.parametrize(
    ("given", "date_format", "day", "said"),
    [
        ("2024-01-31T23:30:00.0000000Z", None, date(2024, 2, 1), "~start_date_moved"),
        ("2024-01-31 23:30:00 UTC", None, date(2024, 2, 1), "~start_date_moved"),
        ("2024-01-31 23:30:00+00", None, date(2024, 2, 1), "~start_date_moved"),
        ("2024-01-31 23:30 UTC", "%Y-%m-%d %H:%M %Z", date(2024, 2, 1), "~start_date_moved"),
        ("2024-01-31T23:00:00Z", "%Y-%m-%dT23:00:00Z", date(2024, 2, 1), "~start_date_moved"),
        ("31.01.2024 23:30", "%d.%m.%Y 23:30", date(2024, 1, 31), "start_date_invalid"),
        ("31.01.2024 00:00", "%d.%m.%Y 00:00", date(2024, 1, 31), ""),
        ("31.01.24", "%d.%m.%y", date(2024, 1, 31), ""),
        *(
            (given, None, None, "start_date_invalid")
            for given in ("03/04/2025", "31.01.24", "45322", "20240131")
        ),
    ],
)
def test_no_time_is_dropped_and_no_day_guessed(
    given: str, date_format: str | None, day: date | None, said: str
) -> None:
    rows = drafted("a.csv", one(start_date=given), date_format=date_format)

    assert (rows[0].wanted.start_date, told(rows[0])) == (day, said)


@pytest.mark.parametrize(
    ("given", "remedy"),
    [("45322", "format the column as a date"), ("1706659200", "seconds"), ("####", "widen it")],
)
def test_a_start_that_no_format_reads_does_not_lead_back_to_the_format(given: str, remedy: str) -> None:
    (row,) = drafted("a.csv", one(start_date=given))

    assert remedy in row.problems[0].hint


# --- Rows that are none ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("(1 rows affected)", "row_totals"),
        ("Summe,,,,,1", "row_totals"),
        (HEADER, "row_no_customer"),
        ("\ufeff" + HEADER.upper(), "row_no_customer"),
        ("-----,-----,-----,-----,-----,-----", "row_no_customer"),
        ("-- end --", "row_no_customer"),
        (",,1,,,", "row_no_customer"),
        ("\0\0\0\0", "row_no_customer"),
        (",,,04A1B2C9,,", "row_incomplete"),
        (",,CRM-1001,04A1B2C9,,", "row_incomplete"),
    ],
)
def test_a_row_that_is_no_customer_has_one_problem_that_says_so(line: str, code: str) -> None:
    rows = drafted("a.csv", text(good(1), line))

    assert seen(rows) == {2: "", 3: code}


def test_the_end_of_an_old_dos_file_is_no_part_of_a_value() -> None:
    assert seen(drafted("a.csv", text(good(1)) + b"\x1a\x1a")) == {2: ""}


# --- Rows that would be lost -------------------------------------------------------------------------

SWALLOWING = {
    "last column": text([*good(1), '"12 in'], [*good(2), "x"], [*good(3), 'y"'], head=NOTED),
    "carriage returns": text([*good(1), '"12 in'], [*good(2), "x"], [*good(3), 'y"'], head=NOTED, end="\r"),
    "first column": text(['"12', *good(1)], ["x", *good(2)], ['y"', *good(3)], head=f"notes,{HEADER}"),
    "middle column": text(
        [*good(1)[:1], '"12 in', *good(1)[1:]],
        [*good(2)[:1], '13"', *good(2)[1:]],
        head=HEADER.replace("email", "email,notes"),
    ),
    "semicolons": text([*good(1), '"a'], [*good(2), 'b"'], head=NOTED, delimiter=";"),
}


@pytest.mark.parametrize("place", SWALLOWING)
def test_an_unbalanced_quotation_mark_takes_in_no_rows(place: str) -> None:
    with pytest.raises(SourceError) as caught:
        drafted("a.csv", SWALLOWING[place])

    assert caught.value.problems[0].code == "rows_swallowed"


def test_a_note_of_several_lines_is_no_lost_row() -> None:
    notes = ['"Called, on Monday\nwrite to a@example.com, please\nthanks"']

    assert seen(drafted("a.csv", text(good(1) + notes, [*good(2), "x"], head=NOTED))) == {2: "", 5: ""}


# --- Files that are something else, and headers that are not found -----------------------------------

LIST = b"[" + json.dumps(ITEM).encode() + b"]"
REFUSED: list[tuple[str, bytes, str]] = [
    ("a.csv", gzip.compress(one()), "gunzip"),
    ("a.csv.gz", gzip.compress(one()), "Unpack it first"),
    ("a.toml", b"[fields]", "A mapping says how an export is read"),
    ("a.csv", b"<!-- export --><table><tr>", "web page"),
    ("a.xlsx", b"<html><table></table>", "web page"),
    ("a.xlsx", zipped({"a.csv": "x"}), "Unpack it first"),
    ("a.csv", zipped({"a.csv": "x"}), "unpack it first"),
    ("a.ods", zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), "word processor"),
    ("a.json", LIST + LIST, "Join the lists"),
    ("a.json", b" \n", "is empty"),
    ("a.csv", LIST, "Name it .json"),
    ("a.json", one(), "name it .csv"),
    ("a.ndjson", LIST, "Make a list of it"),
    ("a.jsonl", LIST, "Make a list of it"),
    ("a.txt", one(), "name it .csv"),
    ("a.fods", one(), "Save it as .xlsx"),
    ("a.json", json.dumps({"data": [ITEM], "total": 1}).encode(), "under “data”, name that customers"),
    ("a.json", json.dumps(ITEM).encode(), "put [ before it"),
    ("a.json", items({"id_tag": ["A", "B"]}), "several items"),
    ("a.json", b'[{"email": "a@b.de", "email": "c@d.de"}]', "Remove one of them"),
    ("a.csv", text(good(), delimiter="|"), "--delimiter '|'"),
    ("a.csv", "\n".join(f'"{line}"' for line in one().decode().splitlines()).encode(), "take those away"),
    ("a.csv", text([f"'{cell}'" for cell in good()], head="'" + HEADER.replace(",", "','") + "'"), "marks"),
    ("a.csv", b"Customers 2024;;;;;\n\n" + text(good(), delimiter=";"), "the header is on line 3"),
    ("a.csv", text([*good(), "X"], head=f"{HEADER},External_ID"), "more than one column"),
    ("a.xlsx", xlsx(sheet(list(COLUMNS), good(), head=["Customers"])), "the header is on line 2"),
    (
        "a.xlsx",
        xlsx(sheet(["x"], head=["Notes"]), more={"Kunden": ("visible", sheet(good()))}),
        "“Kunden” has it",
    ),
    ("a.xlsx", xlsx(sheet(["x"], head=["Notes"]), more={"Kunden": ("hidden", sheet(good()))}), "show it"),
    (
        "a.xlsx",
        xlsx(sheet(good(), head=["email", "name", "external_\nid", *COLUMNS[3:]])),
        "“external_ id” to",
    ),
    (
        "a.xlsx",
        xlsx(sheet(good()), after='<mergeCells><mergeCell ref="A1:B1"/></mergeCells>'),
        "unmerge them",
    ),
    ("a.ods", xlsx(sheet(good())), "Name it .xlsx"),
    ("a.xlsx", ods(ods_sheet(good())), "Name it .ods"),
    ("a.ods", ods(ods_sheet(good()), manifest="<m><encryption-data/></m>"), "has a password"),
    ("a.ods", ods(ods_sheet(["x"], head=["Notes"]), ods_sheet(good(), name="Kunden")), "“Kunden” has it"),
    ("a.ods", ods(ods_sheet(list(COLUMNS), good(), head=["Kunden"])), "the header is on line 2"),
]


@pytest.mark.parametrize(("name", "data", "remedy"), REFUSED, ids=range(len(REFUSED)))
def test_a_file_is_refused_with_what_helps(name: str, data: bytes, remedy: str) -> None:
    with pytest.raises(SourceError) as caught:
        drafted(name, data)

    assert remedy in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-8-sig"])
def test_unicode_is_recognised_with_and_without_its_mark(encoding: str) -> None:
    assert seen(drafted("a.csv", one().decode().encode(encoding))) == {2: ""}


@pytest.mark.parametrize("end", ["\r", "\r\n", "\r\r\n"])
def test_line_ends_of_any_system_are_ends(end: str) -> None:
    assert len(drafted("a.csv", text(good(1), good(2), end=end))) == 2


# --- Typed cells -------------------------------------------------------------------------------------

STRINGS = (
    "<si><t>CRM_x000D_</t></si>"
    "<si><r><t>An</t></r><r><rPr><b/></rPr><t>n B</t></r><rPh sb='0'><t>AN</t></rPh></si>"
)
FORMULA = "<c><f>A1</f></c>"
TYPED: list[tuple[dict[str, str], str]] = [
    ({"external_id": number(10423)}, "external_id_invalid"),
    ({"external_id": number(125, style=2)}, "external_id_invalid"),  # shown as 000125
    ({"id_tag": number("1.2E13")}, "id_tag_damaged"),
    ({"display_name": number("0.5", style=3)}, LOOKED_AT),
    ({"display_name": number(45322, style=1)}, LOOKED_AT),
    ({"display_name": typed("b", 1)}, LOOKED_AT),
    ({"display_name": typed("e", "#N/A")}, LOOKED_AT),
    ({"external_id": typed("e", "#REF!")}, DAMAGED),
    ({"external_id": typed("s", 0)}, DAMAGED),
    ({"display_name": typed("s", 1)}, ""),
    ({"display_name": '<c t="str"><f>A1</f><v>Ann</v></c>'}, ""),
    ({"start_date": number(45322, style=1)}, ""),
    ({"start_date": number("45322.5", style=4)}, "start_date_invalid"),
    ({"start_date": number(45322)}, "start_date_invalid"),
    ({"start_date": typed("d", "2024-01-31T23:30:00Z")}, "~start_date_moved"),
    ({"external_id": FORMULA}, "formula_not_calculated"),
    ({"external_id": "<c><f>A1</f><v>0</v></c>"}, "formula_not_calculated"),
]


@pytest.mark.parametrize(("cells", "said"), TYPED, ids=range(len(TYPED)))
def test_a_cell_of_xlsx_says_what_it_is(cells: dict[str, str], said: str) -> None:
    assert seen(drafted("a.xlsx", xlsx(sheet(good(**cells)), strings=STRINGS))) == {2: said}


ODS_TYPED: list[tuple[dict[str, str], str]] = [
    (
        {"external_id": ods_cell('office:value-type="float" office:value="125"', "000125")},
        "external_id_invalid",
    ),
    ({"display_name": ods_cell('office:value-type="percentage" office:value="0.5"', "50 %")}, LOOKED_AT),
    ({"display_name": ods_cell('office:value-type="time" office:time-value="PT8H"', "08:00:00")}, LOOKED_AT),
    (
        {
            "display_name": ods_cell(
                'office:value-type="string"',
                "<text:ruby><text:ruby-base>Ann</text:ruby-base>"
                "<text:ruby-text>AN</text:ruby-text></text:ruby>",
            )
        },
        "",
    ),
    ({"display_name": ods_cell('table:formula="of:=[.A1]"')}, "formula_not_calculated"),
    (
        {"external_id": ods_cell('table:formula="x" office:value-type="float" office:value="0"', "0")},
        "formula_not_calculated",
    ),
    (
        {"external_id": ods_cell('table:formula="x" office:value-type="float" office:value="0"', "#REF!")},
        DAMAGED,
    ),
    ({"display_name": ods_cell('table:formula="x" office:value-type="string"', "Err:508")}, LOOKED_AT),
    (
        {
            "start_date": ods_cell(
                'office:value-type="date" office:date-value="2024-01-31T00:00:00.000000000"', "x"
            )
        },
        "",
    ),
    (
        {"start_date": ods_cell('office:value-type="date" office:date-value="2024-01-31T12:00:00"', "x")},
        "start_date_invalid",
    ),
]


@pytest.mark.parametrize(("cells", "said"), ODS_TYPED, ids=range(len(ODS_TYPED)))
def test_a_cell_of_ods_says_what_it_is(cells: dict[str, str], said: str) -> None:
    assert seen(drafted("a.ods", ods(ods_sheet(good(**cells))))) == {2: said}


def test_numbers_of_json_are_no_ids_and_keep_their_digits() -> None:
    data = items({"external_id": 9007199254740993}, {"id_tag": 12345678}, {"display_name": 0})

    rows = drafted("a.json", data)

    assert [told(row) for row in rows] == ["external_id_invalid", "id_tag_damaged", LOOKED_AT]
    assert next(iter(read_bytes("a.json", data))).values.external_id == "9007199254740993"


def test_formulas_without_results_are_told_once_and_name_all_lines() -> None:
    rows = drafted("a.xlsx", xlsx(sheet([FORMULA] * 6, good(2), [FORMULA] * 6)))

    assert seen(rows) == {2: "formula_not_calculated", 3: "", 4: "formula_not_calculated"}
    (problem,) = rows[0].problems
    assert "email, display_name, external_id" in problem.message
    assert "lines 2, 4" in problem.message


def test_the_calendar_of_1904_is_known() -> None:
    book = xlsx(sheet(good(start_date=number(43860, style=1))), book='<workbookPr date1904="1"/>')

    assert drafted("a.xlsx", book)[0].wanted.start_date == date(2024, 1, 31)


def test_a_text_formula_may_be_blank_and_not_without_a_result() -> None:
    blank, none = '<c t="str"><f>A1</f><v></v></c>', '<c t="str"><f>A1</f></c>'

    rows = drafted("a.xlsx", xlsx(sheet(good(1, display_name=blank), good(2, display_name=none))))

    assert seen(rows) == {2: "display_name_blank", 3: "formula_not_calculated"}


@pytest.mark.parametrize("other", ["NULL", typed("e", "#N/A"), "—"])
def test_what_is_no_date_at_all_makes_no_mixture(other: str) -> None:
    rows = [good(1, start_date=number(45322, style=1)), good(2, start_date=other)]

    assert seen(drafted("a.xlsx", xlsx(sheet(*rows)))) == {2: "", 3: "start_date_invalid"}


def test_a_note_merged_over_the_table_is_no_customer_and_refuses_no_file() -> None:
    book = xlsx(sheet(good(1), ["All prices net"]), after='<mergeCells><mergeCell ref="A3:F3"/></mergeCells>')

    assert seen(drafted("a.xlsx", book)) == {2: "", 3: "row_no_customer"}


def test_several_cards_in_a_cell_are_several_rows() -> None:
    (row,) = drafted("a.csv", one(id_tag="04A1B2C3; 04A1B2C4"))

    assert (told(row), "a row for each card" in row.problems[0].hint) == ("id_tag_invalid", True)


@pytest.mark.parametrize("cell", ['<c r="XFD1" s="1"/>', '<c r="XFD1" t="inlineStr"><is><t> </t></is></c>'])
def test_styled_empty_cells_far_right_are_not_there(cell: str) -> None:
    assert seen(drafted("a.xlsx", xlsx(sheet(good()).replace("</row>", f"{cell}</row>")))) == {2: ""}


# --- What the operator does not see ------------------------------------------------------------------

COLUMN = '<table:table-column table:number-columns-repeated="{}"{}/>'
HIDDEN_ROWS = {
    "xlsx": xlsx(sheet(good(1), good(2), row_attributes={3: 'hidden="1"'})),
    "ods": ods(ods_sheet(good(1), good(2), row_attributes={3: 'table:visibility="filter"'})),
}
HIDDEN_COLUMN = {
    "xlsx": xlsx(sheet(good()), columns='<cols><col min="3" max="3" hidden="1"/></cols>'),
    "ods": ods(
        ods_sheet(good(), columns=COLUMN.format(2, "") + COLUMN.format(1, ' table:visibility="collapse"'))
    ),
}
SPANNING = 'table:number-rows-spanned="2" office:value-type="string"'
MERGED = {
    "xlsx": xlsx(sheet(good(1), good(2)), after='<mergeCells><mergeCell ref="A2:A3"/></mergeCells>'),
    "ods": ods(
        ods_sheet(
            good(1, email=ods_cell(SPANNING, "ann@example.com")), good(2, email="<table:covered-table-cell/>")
        )
    ),
}
FIRST_HIDDEN = {
    "xlsx": xlsx(sheet(good(1)), state="veryHidden", more={"Kunden": ("visible", sheet(good(2)))}),
    "ods": ods(ods_sheet(good(1), hidden=True), ods_sheet(good(2), name="Kunden")),
}
KINDS = pytest.mark.parametrize("kind", ["xlsx", "ods"])


@KINDS
def test_hidden_rows_are_asked_about(kind: str) -> None:
    name, data = f"a.{kind}", HIDDEN_ROWS[kind]

    with pytest.raises(SourceError, match="1 of 2 rows are hidden, by a filter or by hand: line 3"):
        drafted(name, data)

    assert [row.line for row in drafted(name, data, hidden_rows="include")] == [2, 3]
    assert [row.line for row in drafted(name, data, hidden_rows="leave-out")] == [2]
    (warning,) = file_warnings(read_bytes(name, data, hidden_rows="leave-out").info)
    assert (warning.code, "left out: line 3" in warning.message) == ("rows_hidden", True)


def test_rows_of_a_folded_group_are_hidden() -> None:
    header, first, end = ods_sheet(good(1)).partition("</table:table-row>")
    folded = end.replace(
        "<table:table-row >", '<table:table-row-group table:display="false"><table:table-row >'
    )
    folded = folded.replace("</table:table>", "</table:table-row-group></table:table>")

    with pytest.raises(SourceError, match="1 of 1 rows are hidden"):
        drafted("a.ods", ods(header + first + folded))


@KINDS
def test_a_column_that_is_read_and_not_seen_is_named(kind: str) -> None:
    (warning,) = file_warnings(read_bytes(f"a.{kind}", HIDDEN_COLUMN[kind]).info)

    assert (warning.code, warning.message.endswith("read: external_id.")) == ("columns_hidden", True)


@KINDS
def test_what_lies_under_merged_cells_is_no_customer(kind: str) -> None:
    with pytest.raises(SourceError, match=r"line 3 .* Unmerge the cells"):
        drafted(f"a.{kind}", MERGED[kind])


@KINDS
def test_the_first_sheet_that_is_seen_is_read_with_its_own_lines(kind: str) -> None:
    source = read_bytes(f"a.{kind}", FIRST_HIDDEN[kind])

    assert [(row.line, row.values.external_id) for row in source] == [(2, "CRM-1002")]
    assert source.info.sheet == "Kunden"
