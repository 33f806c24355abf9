"""What is seen of a file that nobody knows: where its table is, and what stands in its columns."""

import io
import json

import openpyxl
import pytest

from customers.backfill.mappings.table import AS_IT_COMES, MAX_VALUES, look_at
from customers.backfill.source import SourceError
from customers.backfill.source.error_cells import write_ods
from customers.backfill.source.mapping.model import Form

HEADER = "Kundennummer;Name;E-Mail;Beginn"
ROW = "7;Käthe;kaethe@example.com;31.12.2024"


def text(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(encoding)


def refusal(name: str, data: bytes, form: Form = AS_IT_COMES) -> str:
    with pytest.raises(SourceError) as refused:
        look_at(name, data, form)
    return str(refused.value)


# --- Where the table is ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "header_line", "named"),
    [
        ((HEADER, ROW), 1, None),
        (("", HEADER, ROW), 2, None),
        (("Export of the CRM", "", "as of 31 December; all", HEADER, ROW), 4, 4),
        (("sep=;", HEADER, ROW), 2, None),
        (("Title;;;", HEADER, ROW), 2, 2),
        (("A;B;C;D", ROW), 1, None),
        (('"Kunden', 'nummer";Name;E-Mail;Beginn', ROW), 1, None),
        (("Title", '"Kunden', 'nummer";Name;E-Mail;Beginn', ROW), 2, 2),
        (('"Title', HEADER, ROW), 2, 2),
        (('"Title', HEADER, *[ROW] * 20), 2, 2),
    ],
)
def test_the_header_is_found(lines, header_line, named):
    table = look_at("export.csv", text(*lines))

    assert (table.header_line, table.form.header_line, table.rows) == (header_line, named, lines.count(ROW))
    assert len(table.header) == 4


@pytest.mark.parametrize(
    ("delimiter", "named"),
    [(",", None), (";", None), ("\t", None), ("|", "|")],
    ids=["comma", "semi", "tab", "bar"],
)
def test_the_delimiter_is_said_only_where_reading_does_not_recognise_it(delimiter, named):
    table = look_at("export.csv", text(HEADER, ROW).replace(b";", delimiter.encode()))

    assert (len(table.columns), table.form.delimiter) == (4, named)


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_another_encoding_is_guessed_and_called_a_guess(encoding):
    table = look_at("export.csv", text(HEADER, ROW, "8;Ümit Çöl;b@example.com;1.1.2024", encoding=encoding))

    assert (table.form.encoding, table.guessed) == (encoding, {"encoding"})
    assert table.columns[1].samples == ("Käthe", "Ümit Çöl")


def test_who_is_in_the_first_line_of_a_file_without_header_is_no_column():
    told = refusal("export.csv", text(ROW, ROW))

    assert "none of the first 30 lines names columns" in told
    assert "kaethe" not in told.casefold()


def test_the_first_visible_sheet_with_a_table_is_taken():
    book = openpyxl.Workbook()
    book.active.title, book.active["A1"] = "Cover", "Welcome"
    hidden = book.create_sheet("Old")
    hidden.sheet_state = "hidden"
    for sheet in (hidden, book.create_sheet("Now"), book.create_sheet("Later")):
        sheet.append(["Title"])
        sheet.append(["Name", "E-Mail"])
        sheet.append([sheet.title, "a@example.com"])
    target = io.BytesIO()
    book.save(target)

    table = look_at("export.xlsx", target.getvalue())

    assert (table.sheet, table.form.sheet, table.header_line) == ("Now", "Now", 2)
    assert table.sheets == ("Cover", "Old", "Now", "Later")
    assert "no sheet “Nowhere”" in refusal("export.xlsx", target.getvalue(), Form(sheet="Nowhere"))


def test_a_table_of_libreoffice_below_a_title_is_found():
    target = io.BytesIO()
    write_ods(target, [["All of them"], ["Name", "E-Mail"], ["Ida", "a@example.com"]], "Sheet")

    table = look_at("export.ods", target.getvalue())

    assert (table.header, table.form.header_line) == (("Name", "E-Mail"), 2)


def test_a_list_under_another_name_is_found():
    table = look_at("export.json", json.dumps({"page": {"n": 1}, "tokens": [{"uid": 7, "x": [1]}]}).encode())

    assert (table.form.list, table.header, table.rows) == ("tokens", ("uid", "x"), 1)


# --- Files that nobody should send -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"Name;Mail\n", "no row below the header"),
        ("a.csv", bytes(range(256)) * 40, "a.csv"),
        ("a.csv", b"\xfe\xdc\x01\x02junk;junk\n\xfe;\xdc\n", "not text"),
        ("a.xlsx", b"PK\x03\x04" + bytes(200), "damaged"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b'{"a": 1}', "neither a list"),
        ("a.txt", b"x", "has to end in one of"),
        (
            "a.csv",
            (";".join(f"c{n}" for n in range(10_000)) + "\n" + ";" * 9_999 + "x\n").encode(),
            "10,000 columns",
        ),
        ("a.csv", b"Name;Mail\n" + b"x" * 1_100_000 + b";y\n", "longer than"),
    ],
    ids=[
        "nothing",
        "header only",
        "junk",
        "more junk",
        "no zip",
        "deep",
        "no list",
        "other",
        "wide",
        "long cell",
    ],
)
def test_what_cannot_be_read_is_refused(name, data, told):
    assert told in refusal(name, data)


def test_long_cells_and_many_values_are_counted_and_not_kept():
    items = [{"id": f"C{n}", "text": "y" * 1_000_000 if n < 3 else "y"} for n in range(5_000)]

    key, long = look_at("a.json", json.dumps(items).encode()).columns

    assert (key.is_open, key.filled, len(key.values), key.samples) == (True, 5_000, 0, ("C0", "C1", "C2"))
    assert (long.is_open, max(map(len, long.samples))) == (True, 100)
    assert len(look_at("a.json", json.dumps(items[-MAX_VALUES:]).encode()).columns[0].values) == MAX_VALUES


def test_hidden_rows_are_counted_and_blank_headers_stay_blank():
    book = openpyxl.Workbook()
    for cells in (["Name", None, "Mail"], ["Ida", "x", "a@example.com"], ["Ole", "y", "b@example.com"]):
        book.active.append(cells)
    book.active.row_dimensions[3].hidden = True
    target = io.BytesIO()
    book.save(target)

    table = look_at("export.xlsx", target.getvalue())

    assert (table.header, table.rows, table.hidden) == (("Name", "", "Mail"), 2, 1)
