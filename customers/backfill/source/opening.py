"""Open a file by path or by content; everything behind these two is the same."""

import hashlib
import io
from functools import partial
from pathlib import Path
from typing import BinaryIO

from customers.backfill.source.encoding import choose_encoding, decode
from customers.backfill.source.items import json_source
from customers.backfill.source.model import MAX_BYTES, Source, unreadable
from customers.backfill.source.raw import Opener
from customers.backfill.source.text import TextFile, known_delimiter, text_source
from customers.backfill.source.workbook import workbook_source

TEXT_FORMATS = ("csv", "tsv")
FORMATS = (*TEXT_FORMATS, "xlsx", "ods", "json")

_OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"  # .xls, and .xlsx with a password
_ZIP = b"PK\x03\x04"


def open_source(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Source:
    """Open the operator's file; raise SourceError.

    The format follows from the name's ending. `encoding` and `delimiter` are recognised if not given;
    they mean nothing for a workbook. CSV and TSV are streamed from the disk whenever the rows are read.
    """
    try:
        if path.is_dir():
            raise unreadable(path.name, "this is a folder, not a file.")
        if not path.is_file():
            raise unreadable(path.name, "there is no such file.", "Check the path.")
        with path.open("rb") as stream:
            return _source(path.name, lambda: path.open("rb"), stream, encoding, delimiter)
    except OSError as error:
        raise unreadable(path.name, f"the file cannot be read ({error.strerror}).") from error


def read_bytes(
    name: str, data: bytes, *, encoding: str | None = None, delimiter: str | None = None
) -> Source:
    """Do as `open_source` does with the content of a file that was uploaded under `name`."""
    return _source(name, partial(io.BytesIO, data), io.BytesIO(data), encoding, delimiter)


def _source(
    name: str, opener: Opener, stream: BinaryIO, encoding: str | None, delimiter: str | None
) -> Source:
    kind = _format(name)
    delimiter = known_delimiter(name, delimiter)
    start = stream.read(4096)
    _refuse_by_content(name, kind, start)
    sha256 = _measure(name, start, stream)
    if kind in ("xlsx", "ods"):
        return workbook_source(name, kind, _whole(opener), sha256)
    chosen = choose_encoding(name, start, encoding)
    if kind == "json":
        return json_source(name, decode(name, _whole(opener), chosen), chosen, sha256)
    return text_source(TextFile(name, kind, opener, sha256, chosen, delimiter))


def _format(name: str) -> str:
    kind = Path(name).suffix.removeprefix(".").casefold()
    if kind not in FORMATS:
        hint = "Save it as .xlsx or as CSV." if kind.startswith("xl") else "Use one of these formats."
        known = ", ".join(f".{known}" for known in FORMATS)
        raise unreadable(name, f"the name has to end in one of {known}.", hint)
    return kind


def _refuse_by_content(name: str, kind: str, start: bytes) -> None:
    """Say at once what a file is whose name tells something else."""
    if not start:
        raise unreadable(name, "the file is empty.", code="file_empty")
    if start.startswith(_OLD_WORKBOOK):
        raise unreadable(
            name, "this is an old workbook (.xls) or one with a password.", "Save it as .xlsx without one."
        )
    if (kind in ("xlsx", "ods")) != start.startswith(_ZIP):
        told = f"this is not a workbook although its name ends in .{kind}."
        if start.startswith(_ZIP):
            told = f"this is a workbook or an archive although its name ends in .{kind}."
        raise unreadable(name, told, "Save it again in the format that its name tells.")


def _measure(name: str, start: bytes, stream: BinaryIO) -> str:
    """Return the SHA-256 of the whole file; refuse one that is too large without reading it all."""
    digest, size, block = hashlib.sha256(), 0, start
    while block:
        digest.update(block)
        size += len(block)
        if size > MAX_BYTES:
            told = f"the file is larger than {MAX_BYTES // 1_000_000} MB."
            raise unreadable(name, told, "Split it into several files.")
        block = stream.read(1 << 20)
    return digest.hexdigest()


def _whole(opener: Opener) -> bytes:
    with opener() as stream:
        return stream.read(MAX_BYTES + 1)
