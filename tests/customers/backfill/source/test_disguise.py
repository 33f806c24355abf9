"""Files that are something else than their name tells."""

import gzip
import io
import zipfile

import pytest

from tests.customers.backfill.files import HEADER, LINE, problems_of, refusal_of, rows_of

OLD = b"\xd0\xcf\x11\xe0"
LOCKED = OLD + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")


def archive(**members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("a.csv", gzip.compress(b"x", mtime=0), "a gzip archive"),
        ("a.xlsx", gzip.compress(b"x", mtime=0), "a gzip archive"),
        ("a.csv", b"%PDF-1.7", "a PDF"),
        ("a.csv", b"\xef\xbb\xbf  <!DOCTYPE html><html>", "a web page"),
        ("a.xlsx", b"<table><tr><td>email", "a web page"),
        ("a.csv", b"<html xmlns:x='urn:schemas-microsoft-com:office:excel'>", "a web page"),
        (
            "a.xlsx",
            b'<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet">',
            "2003",
        ),
        ("a.csv", b"{\\rtf1", "RTF"),
        ("a.xlsx", LOCKED, "this workbook has a password"),
        ("a.xlsx", OLD, "old workbook"),
        ("a.xlsx", archive(xl__workbook_dot_bin=""), "binary workbook"),
        ("a.xlsx", archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "OpenDocument"),
        ("a.ods", archive(xl__workbook_dot_xml=""), "Excel workbook"),
        ("a.ods", archive(**{"META-INF__manifest_dot_xml": "<encryption-data/>"}), "has a password"),
    ],
)
def test_a_file_in_disguise_is_called_by_its_name_and_a_way_out_is_told(
    name: str, data: bytes, told: str
) -> None:
    (problem,) = problems_of(data, name)

    assert told in problem.message
    assert problem.hint


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "iso-8859-1"])
def test_utf_8_is_not_read_as_anything_else(encoding: str) -> None:
    data = f"{HEADER}\n{LINE.replace('Ann', 'Jürgen')}\n".encode()

    assert refusal_of(data, encoding=encoding)[0] == "file_encoding"


def test_plain_ascii_may_be_called_what_one_likes() -> None:
    assert len(rows_of(f"{HEADER}\n{LINE}\n".encode(), encoding="cp1252")) == 1


def test_what_a_mac_wrote_is_named() -> None:
    data = f"{HEADER}\n{LINE.replace('Ann', 'Jürgen')}\n".encode("mac_roman")

    assert "mac_roman" in problems_of(data)[0].hint
