"""Files that are something else than their name tells: what they are, and what to do."""

import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO

from customers.backfill.source.model import SourceError, unreadable
from customers.backfill.source.raw import Opener

_COMPOUND = b"\xd0\xcf\x11\xe0"  # .xls, and .xlsx with a password
_ZIP = b"PK\x03\x04"
_SEARCHED = 4_000_000  # of a compound file, whose directory may be anywhere

_AS_WORKBOOK = "Open it in a spreadsheet and save it as .xlsx or as CSV UTF-8."
_KNOWN: tuple[tuple[bytes, str, str], ...] = (
    (b"\x1f\x8b", "this is a gzip archive", "Unpack it first: gunzip."),
    (b"BZh", "this is a bzip2 archive", "Unpack it first: bunzip2."),
    (b"\xfd7zXZ\x00", "this is an xz archive", "Unpack it first: unxz."),
    (b"\x28\xb5\x2f\xfd", "this is a zstd archive", "Unpack it first: unzstd."),
    (b"7z\xbc\xaf\x27\x1c", "this is a 7-Zip archive", "Unpack it first."),
    (b"Rar!", "this is a RAR archive", "Unpack it first."),
    (b"%PDF", "this is a PDF", "Ask for the same as CSV or .xlsx: a PDF has no columns."),
    (b"{\\rtf", "this is a text of a word processor (RTF)", "Export the table as CSV UTF-8."),
    (b"SQLite format 3", "this is a SQLite database", "Export the table as CSV UTF-8."),
    (b"PAR1", "this is a Parquet file", "Export it as CSV UTF-8."),
    (b"\x89PNG", "this is a picture", "Ask for the same as CSV or .xlsx."),
    (b"\xff\xd8\xff", "this is a picture", "Ask for the same as CSV or .xlsx."),
)
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<meta", b"<style", b"<div")
_HTML_HINT = (
    f"If it is a table, not an error page or a sign-in page: {_AS_WORKBOOK[:1].lower()}{_AS_WORKBOOK[1:]}"
)


def refuse_disguise(name: str, kind: str, start: bytes, opener: Opener) -> None:
    """Say at once what a file is whose name tells something else; raise SourceError."""
    if not start:
        raise unreadable(name, "the file is empty.", code="file_empty")
    for magic, told, hint in _KNOWN:
        if start.startswith(magic):
            raise unreadable(name, f"{told} although its name ends in .{kind}.", hint)
    if start.startswith(_COMPOUND):
        raise _compound(name, opener)
    _refuse_markup(name, kind, start)
    _refuse_other_text(name, kind, start)
    is_zip = start.startswith(_ZIP)
    if kind in ("xlsx", "ods") and is_zip:
        _refuse_other_archive(name, kind, opener)
    elif (kind in ("xlsx", "ods")) != is_zip:
        told = f"this is not a workbook although its name ends in .{kind}."
        if is_zip:
            told = f"this is a workbook or an archive although its name ends in .{kind}."
            raise unreadable(name, told, "Name it .xlsx or .ods if it is a workbook; else unpack it first.")
        raise unreadable(name, told, "Name it as what it is, such as .csv, or save it again in this format.")


def _compound(name: str, opener: Opener) -> SourceError:
    with opener() as stream:
        has_password = "EncryptedPackage".encode("utf-16-le") in stream.read(_SEARCHED)
    if has_password:
        return unreadable(name, "this workbook has a password.", "Save it without one.")
    return unreadable(
        name, "this is an old workbook (.xls) or one with a password.", "Save it as .xlsx without one."
    )


def _refuse_markup(name: str, kind: str, start: bytes) -> None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1024].lower()
    ends = f"although its name ends in .{kind}."
    in_disguise = text.startswith((b"<?xml", b"<!--")) and any(tag in text for tag in _HTML)
    if text.startswith(_HTML) or (in_disguise and b"office:spreadsheet" not in text):
        raise unreadable(name, f"this is a web page (HTML) {ends}", _HTML_HINT)
    if text.startswith(b"<?xml"):
        what = "a workbook in the XML of Excel 2003" if b"office:spreadsheet" in text else "XML"
        raise unreadable(name, f"this is {what} {ends}", _AS_WORKBOOK)


def _refuse_other_text(name: str, kind: str, start: bytes) -> None:
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    is_json = text.startswith(b"{") or (text.startswith(b"[") and text[1:].lstrip()[:1] in (b"{", b"["))
    if kind in ("csv", "tsv") and is_json and b'"' in text:
        raise unreadable(name, f"this is JSON although its name ends in .{kind}.", "Name it .json.")
    is_table = text.isascii() and text[:1].isalpha() and any(one in text for one in (b",", b";", b"\t"))
    if kind == "json" and is_table and not text.startswith((b"true", b"false", b"null", b"NaN")):
        hint = "If it is a table with a delimiter, name it .csv."
        raise unreadable(name, "this is no JSON although its name ends in .json.", hint)


def _refuse_other_archive(name: str, kind: str, opener: Opener) -> None:
    """Look into an archive; one that cannot be opened is told later, as damaged."""
    try:
        with opener() as stream, zipfile.ZipFile(stream) as archive:
            for is_it, told, hint in _ARCHIVES[kind]:
                if is_it(archive):
                    raise unreadable(name, told, hint)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, KeyError):
        return


def _has(member: str) -> Callable[[zipfile.ZipFile], bool]:
    return lambda archive: any(name.startswith(member) for name in archive.namelist())


def _is_open_document(archive: zipfile.ZipFile) -> bool:
    return "mimetype" in archive.namelist() and b"opendocument" in _head(archive, "mimetype")


def _is_locked(archive: zipfile.ZipFile) -> bool:
    return "META-INF/manifest.xml" in archive.namelist() and b"encryption-data" in _head(
        archive, "META-INF/manifest.xml"
    )


def _head(archive: zipfile.ZipFile, member: str) -> bytes:
    with archive.open(member) as stream:
        head: BinaryIO = stream  # type: ignore[assignment]
        return head.read(1_000_000)


def _is_no_workbook(archive: zipfile.ZipFile) -> bool:
    known = ("xl/", "_rels/", "[Content_Types].xml", "content.xml", "META-INF/", "mimetype")
    members = archive.namelist()
    return bool(members) and not any(name.startswith(known) for name in members)


def _is_text_document(archive: zipfile.ZipFile) -> bool:
    return _is_open_document(archive) and b"opendocument.text" in _head(archive, "mimetype")


_Archive = tuple[Callable[[zipfile.ZipFile], bool], str, str]
_ANY: tuple[_Archive, ...] = (
    (_has("xl/workbook.bin"), "this is a binary workbook (.xlsb).", "Save it as .xlsx."),
    (_has("word/document"), "this is a text of a word processor.", "Save the table as .xlsx or CSV UTF-8."),
    (_is_text_document, "this is a text of a word processor.", "Save the table as .xlsx or CSV UTF-8."),
    (_has("Index/"), "this is a document of Apple Numbers.", "Export it as .xlsx or CSV (UTF-8)."),
    (_is_no_workbook, "this is an archive (ZIP), and no workbook.", "Unpack it first."),
)
_ARCHIVES: dict[str, tuple[_Archive, ...]] = {
    "xlsx": (
        *_ANY,
        (_is_open_document, "this is an OpenDocument file although its name ends in .xlsx.", "Name it .ods."),
    ),
    "ods": (
        *_ANY,
        (
            _has("xl/workbook.xml"),
            "this is an Excel workbook although its name ends in .ods.",
            "Name it .xlsx.",
        ),
        (_is_locked, "this workbook has a password.", "Save it without one."),
    ),
}
