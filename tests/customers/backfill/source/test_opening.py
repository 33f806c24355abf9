"""Opening files by path and by content."""

import hashlib
from pathlib import Path

import pytest

from customers.backfill.source import COLUMNS, MAX_BYTES, SourceError, open_source, read_bytes
from customers.backfill.source.model import MAX_TEXT_BYTES
from tests.customers.backfill.files import HEADER, LINE, ROW, csv_bytes, refusal_of, xlsx_bytes

FORMATS_SHOWN = ".csv, .tsv, .xlsx, .ods, .json"


def message_of(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(path)
    (problem,) = caught.value.problems
    assert problem.code in ("file_unreadable", "file_empty")
    return problem.message


def test_a_path_and_its_content_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(csv_bytes([COLUMNS, ROW]))

    by_path, by_content = open_source(path), read_bytes("customers.csv", path.read_bytes())

    assert by_path.info == by_content.info
    assert list(by_path) == list(by_content)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.csv", csv_bytes([COLUMNS, ROW], "utf-8-sig")), ("a.xlsx", xlsx_bytes([COLUMNS, ROW]))],
)
def test_the_digest_is_that_of_the_bytes(name: str, data: bytes) -> None:
    assert read_bytes(name, data).info.sha256 == hashlib.sha256(data).hexdigest()


def test_the_ending_of_a_name_may_be_in_capitals() -> None:
    assert read_bytes("CUSTOMERS.CSV", csv_bytes([COLUMNS, ROW])).info.format == "csv"


def test_a_tsv_file_is_read() -> None:
    source = read_bytes("customers.tsv", csv_bytes([COLUMNS, ROW], delimiter="\t"))

    assert (source.info.format, source.info.delimiter) == ("tsv", "\t")
    assert [row.values for row in source] == [ROW]


def test_a_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "customers.csv"
    folder.mkdir()

    assert message_of(folder) == "customers.csv: this is a folder, not a file."


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert message_of(tmp_path / "no.csv") == "no.csv: there is no such file."


def test_a_missing_file_is_refused_whatever_its_name(tmp_path: Path) -> None:
    assert message_of(tmp_path / ("x" * 300 + ".csv")).endswith(
        "the file cannot be read (File name too long)."
    )


def test_an_empty_file_is_refused() -> None:
    assert refusal_of(b"") == ("file_empty", "customers.csv: the file is empty.")


@pytest.mark.parametrize("name", ["customers", "customers.txt", "customers.xls", ".csv"])
def test_another_ending_is_refused(name: str) -> None:
    message = refusal_of(csv_bytes([COLUMNS, ROW]), name)[1]

    assert message == f"{name}: the name has to end in one of {FORMATS_SHOWN}."


@pytest.mark.parametrize("name", ["a.xls", "a.xlsb", "a.xlsm"])
def test_other_workbooks_of_excel_are_to_be_saved_as_xlsx(name: str) -> None:
    with pytest.raises(SourceError, match=r"Save it as \.xlsx"):
        read_bytes(name, b"\xd0\xcf\x11\xe0")


@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_an_old_or_locked_workbook_under_another_name_is_refused(name: str) -> None:
    assert "old workbook (.xls) or one with a password" in refusal_of(b"\xd0\xcf\x11\xe0\xa1\xb1", name)[1]


@pytest.mark.parametrize("name", ["a.csv", "a.json"])
def test_a_workbook_under_another_name_is_refused(name: str) -> None:
    message = refusal_of(xlsx_bytes([COLUMNS, ROW]), name)[1]

    assert message == f"{name}: this is a workbook or an archive although its name ends in {name[1:]}."


@pytest.mark.parametrize("name", ["a.xlsx", "a.ods"])
def test_text_under_the_name_of_a_workbook_is_refused(name: str) -> None:
    message = refusal_of(csv_bytes([COLUMNS, ROW]), name)[1]

    assert message == f"{name}: this is not a workbook although its name ends in {name[1:]}."


@pytest.mark.parametrize(
    ("name", "most", "said"),
    [("customers.csv", MAX_TEXT_BYTES, "1,000 MB"), ("customers.json", MAX_BYTES, "100 MB")],
)
def test_a_file_that_is_too_large_is_refused(tmp_path: Path, name: str, most: int, said: str) -> None:
    path = tmp_path / name
    with path.open("wb") as stream:
        stream.write(f"{HEADER}\n{LINE}\n".encode())
        stream.truncate(most + 1)

    assert message_of(path) == f"{name}: the file is larger than {said}."


def test_a_refusal_says_what_to_do() -> None:
    with pytest.raises(
        SourceError, match=r"^a\.xls: the name has to end in .* Save it as \.xlsx or as CSV UTF-8\.$"
    ):
        read_bytes("a.xls", b"x")
