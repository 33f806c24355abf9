"""Files for tests, made in memory."""

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
import tablib

from customers.backfill.source import COLUMNS, Source, SourceError, SourceRow, read_bytes
from kernel import Problem

HEADER = ",".join(COLUMNS)
ROW = ("ann@example.com", "Ann Example", "LEGACY-1", "A1B2C3D4", "standard", "2024-01-31")
LINE = ",".join(ROW)


def cells(**changes: Any) -> list[Any]:
    """Give the cells of a good row with some of them changed."""
    return list((dict(zip(COLUMNS, ROW, strict=True)) | changes).values())


def csv_bytes(records: Sequence[Sequence[object]], encoding: str = "utf-8", **dialect: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(records)
    return text.getvalue().encode(encoding)


def xlsx_bytes(*sheets: Sequence[Sequence[object]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, records in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {number}")
        for record in records:
            sheet.append(list(record))
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def ods_bytes(*sheets: Sequence[Sequence[Any]]) -> bytes:
    """Let somebody else's writer make the file."""
    width = max(len(record) for records in sheets for record in records)
    wide = [[[*record, *[""] * (width - len(record))] for record in records] for records in sheets]
    book = tablib.Databook([tablib.Dataset(*records[1:], headers=records[0]) for records in wide])
    return bytes(book.export("ods"))


def part(book: bytes, name: str) -> bytes:
    """Give a part of a workbook; nothing if it has none."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return archive.read(name) if name in archive.namelist() else b""


def parts(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def text_source(text: str, name: str = "customers.csv", **options: Any) -> Source:
    return read_bytes(name, text.encode(), **options)


def rows_of(data: bytes, name: str = "customers.csv", **options: Any) -> list[SourceRow]:
    return list(read_bytes(name, data, **options))


def problems_of(data: bytes, name: str = "customers.csv", **options: Any) -> tuple[Problem, ...]:
    """Give what is said of a file that is refused."""
    with pytest.raises(SourceError) as caught:
        rows_of(data, name, **options)
    return caught.value.problems


def refusal_of(data: bytes, name: str = "customers.csv", **options: Any) -> tuple[str, str]:
    """Give the code and the message of the one problem of a file that is refused."""
    (problem,) = problems_of(data, name, **options)
    return problem.code, problem.message
