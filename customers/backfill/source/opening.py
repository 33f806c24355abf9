"""Open a file by path or by content; everything behind these two is the same."""

import hashlib
import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from customers.backfill.source.disguise import refuse_disguise
from customers.backfill.source.encoding import Utf8Check, choose_encoding, decode
from customers.backfill.source.items import json_source
from customers.backfill.source.mapping.model import FIELDS, FileMapping, Form, Origin
from customers.backfill.source.model import MAX_BYTES, MAX_TEXT_BYTES, Source, unreadable
from customers.backfill.source.raw import Opener
from customers.backfill.source.text import TextFile, known_delimiter, text_source
from customers.backfill.source.workbook import workbook_source

TEXT_FORMATS = ("csv", "tsv")
FORMATS = (*TEXT_FORMATS, "xlsx", "ods", "json")
AS_IT_COMES = Form()

_AS_WORKBOOK = "Save it as .xlsx or as CSV UTF-8."
_AS_LIST = (
    "Make a list of it ([ before the first object, a comma between two, ] after the last), and name it .json."
)
_OTHER_ENDINGS = {
    **dict.fromkeys(("xls", "xlsm", "xlsb", "xltx", "xml", "fods", "numbers", "html", "htm"), _AS_WORKBOOK),
    **dict.fromkeys(("gz", "zip", "bz2", "xz", "zst", "7z", "rar", "tgz"), "Unpack it first."),
    **dict.fromkeys(("ndjson", "jsonl", "jsonlines"), _AS_LIST),
    **dict.fromkeys(("txt", "dat", "asc"), "If it is a table with a delimiter, name it .csv."),
    "tab": "Name it .tsv.",
    "toml": "A mapping says how an export is read; it is none.",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read, where that is not to be recognised.

    `encoding` and `delimiter` mean nothing for a workbook, `hidden_rows` nothing for anything else. `mapping`
    says what the columns are, where they are not ours.
    """

    encoding: str | None = None
    delimiter: str | None = None
    hidden_rows: str | None = None
    mapping: FileMapping | None = None

    def filled(self) -> "Reading":
        """Take from the mapping what is not said otherwise."""
        if self.mapping is None:
            return self
        form = self.mapping.form
        return Reading(
            self.encoding or form.encoding,
            self.delimiter or form.delimiter,
            self.hidden_rows or form.hidden_rows,
            self.mapping,
        )


def open_source(
    path: Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    hidden_rows: str | None = None,
    mapping: FileMapping | None = None,
) -> Source:
    """Open the operator's file; raise SourceError.

    The format follows from the name's ending. What is not given is recognised. CSV and TSV are streamed from
    the disk whenever the rows are read.
    """
    reading = Reading(encoding, delimiter, hidden_rows, mapping).filled()
    try:
        if path.is_dir():
            raise unreadable(path.name, "this is a folder, not a file.")
        if not path.is_file():
            raise unreadable(path.name, "there is no such file.", "Check the path.")
        with path.open("rb") as stream:
            return _source(path.name, lambda: path.open("rb"), stream, reading)
    except OSError as error:
        raise unreadable(path.name, f"the file cannot be read ({error.strerror}).") from error


def read_bytes(
    name: str,
    data: bytes,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    hidden_rows: str | None = None,
    mapping: FileMapping | None = None,
) -> Source:
    """Do as `open_source` does with the content of a file that was uploaded under `name`."""
    reading = Reading(encoding, delimiter, hidden_rows, mapping).filled()
    return _source(name, partial(io.BytesIO, data), io.BytesIO(data), reading)


def read_cells(name: str, data: bytes, form: Form = AS_IT_COMES) -> Source:
    """Read a file whose columns nobody knows yet: only its header and `cells` of its rows mean something."""
    return read_bytes(name, data, mapping=_meaning_nothing(name, form))


def open_cells(path: Path) -> Source:
    """Do as `read_cells` does with a file on the disk; raise SourceError."""
    return open_source(path, mapping=_meaning_nothing(path.name, AS_IT_COMES))


def _meaning_nothing(name: str, form: Form) -> FileMapping:
    return FileMapping(name, form, {field: Origin(constant="") for field in FIELDS})


def recognise_format(name: str, data: bytes) -> str:
    """Return what kind of file this is; raise SourceError where its content is no such file."""
    kind = _format(name)
    refuse_disguise(name, kind, data[:4096], partial(io.BytesIO, data))
    return kind


def _source(name: str, opener: Opener, stream: BinaryIO, reading: Reading) -> Source:
    kind = _format(name)
    delimiter = known_delimiter(name, reading.delimiter)
    _refuse_too_large(name, kind, stream)
    start = stream.read(4096)
    refuse_disguise(name, kind, start, opener)
    utf8 = Utf8Check() if reading.encoding else None
    sha256 = _measure(start, stream, utf8)
    if kind in ("xlsx", "ods"):
        return workbook_source(name, kind, _whole(opener), sha256, reading.hidden_rows, reading.mapping)
    chosen = choose_encoding(name, start, reading.encoding)
    if utf8:
        utf8.refuse_other(name, chosen)
    if kind == "json":
        return json_source(name, decode(name, _whole(opener), chosen), chosen, sha256, reading.mapping)
    return text_source(TextFile(name, kind, opener, sha256, chosen, delimiter, reading.mapping))


def _format(name: str) -> str:
    kind = Path(name).suffix.removeprefix(".").casefold()
    if kind not in FORMATS:
        hint = _OTHER_ENDINGS.get(kind, "Use one of these formats.")
        known = ", ".join(f".{known}" for known in FORMATS)
        raise unreadable(name, f"the name has to end in one of {known}.", hint)
    return kind


def _refuse_too_large(name: str, kind: str, stream: BinaryIO) -> None:
    most = MAX_TEXT_BYTES if kind in TEXT_FORMATS else MAX_BYTES
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    if size > most:
        told = f"the file is larger than {most // 1_000_000:,} MB."
        raise unreadable(name, told, "Split it into several files.")


def _measure(start: bytes, stream: BinaryIO, utf8: Utf8Check | None) -> str:
    """Return the SHA-256 of the whole file."""
    digest, block = hashlib.sha256(), start
    while block:
        digest.update(block)
        if utf8:
            utf8.feed(block)
        block = stream.read(1 << 20)
    if utf8:
        utf8.feed(b"", final=True)
    return digest.hexdigest()


def _whole(opener: Opener) -> bytes:
    with opener() as stream:
        return stream.read(MAX_BYTES + 1)
