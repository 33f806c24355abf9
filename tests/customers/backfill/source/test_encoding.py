"""Encodings: recognised where unmistakable, refused everywhere else."""

import pytest

from customers.backfill.source import COLUMNS, read_bytes
from tests.customers.backfill.files import HEADER, LINE, cells, csv_bytes, problems_of, refusal_of, rows_of

UMLAUTS = [COLUMNS, cells(display_name="Jürgen Müßig")]


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_unicode_is_recognised(written: str, told: str) -> None:
    source = read_bytes("customers.csv", csv_bytes(UMLAUTS, written))

    assert source.info.encoding == told
    assert next(iter(source)).values.display_name == "Jürgen Müßig"


def test_utf_16_with_the_other_byte_order_mark_is_recognised() -> None:
    data = b"\xfe\xff" + csv_bytes(UMLAUTS, "utf-16-be")

    assert rows_of(data)[0].values.display_name == "Jürgen Müßig"


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp850", "mac-roman"])
def test_another_encoding_is_refused_with_the_line_and_what_to_do(encoding: str) -> None:
    data = csv_bytes([COLUMNS, cells(), *UMLAUTS[1:]], encoding)

    (problem,) = problems_of(data)

    assert problem.code == "file_encoding"
    assert problem.message == "customers.csv: line 3 is not UTF-8 text."
    assert "--encoding cp1252" in problem.hint


def test_the_line_is_exact_far_into_a_file() -> None:
    line = f"{LINE}\n".encode()
    data = f"{HEADER}\n".encode() + line * 20_000 + b"\xfc\n" + line * 100

    assert refusal_of(data)[1] == "customers.csv: line 20002 is not UTF-8 text."


@pytest.mark.parametrize("encoding", ["cp1252", "CP1252", "latin-1", "cp850", "utf-8", "utf-16-le"])
def test_an_encoding_that_is_named_is_used(encoding: str) -> None:
    data = csv_bytes(UMLAUTS, encoding)

    assert rows_of(data, encoding=encoding)[0].values.display_name == "Jürgen Müßig"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_byte_order_mark_is_not_part_of_the_first_column(encoding: str) -> None:
    data = ("\ufeff" + csv_bytes(UMLAUTS).decode()).encode(encoding)

    assert read_bytes("customers.csv", data, encoding=encoding).info.header == COLUMNS


@pytest.mark.parametrize("encoding", ["utf-9", "", "rot13", "hex", "undefined", "idna", "punycode", "x\0y"])
def test_an_encoding_that_is_none_is_refused(encoding: str) -> None:
    code, message = refusal_of(csv_bytes(UMLAUTS), encoding=encoding)

    assert code == "file_encoding"
    assert "no text encoding named" in message


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_where_the_named_encoding_needs_a_byte_order_mark_its_absence_is_told(encoding: str) -> None:
    data = csv_bytes(UMLAUTS, f"{encoding}-le")

    (problem,) = problems_of(data, encoding=encoding)

    assert problem.code == "file_encoding"
    assert "does not begin with the byte order mark" in problem.message
    assert f"--encoding {encoding}-le" in problem.hint


def test_text_that_does_not_fit_the_named_encoding_is_refused() -> None:
    data = csv_bytes(UMLAUTS).replace("ü".encode(), b"\x81")

    assert refusal_of(data, encoding="cp1252")[1] == "customers.csv: line 2 is not CP1252 text."


def test_half_a_character_at_the_end_of_utf_16_is_refused() -> None:
    data = csv_bytes(UMLAUTS, "utf-16") + b"\n"

    assert refusal_of(data)[1] == "customers.csv: line 3 is not UTF-16 text."


def test_utf_32_is_refused() -> None:
    assert refusal_of(csv_bytes(UMLAUTS, "utf-32")) == ("file_encoding", "customers.csv: the file is UTF-32.")
