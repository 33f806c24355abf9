"""Bytes to text: recognise what is unmistakable, refuse everything else instead of guessing."""

import codecs
import re
from collections.abc import Iterator
from functools import partial
from typing import TextIO

from customers.backfill.source.model import SourceError, unreadable

MAX_LINE_CHARS = 1_000_000

# Stands for a byte that cannot be decoded, so that its exact line is known. No decoder ever produces one.
_UNDECODABLE = re.compile("[\udc80-\udcff]")
_OF_A_MAC = re.compile("[\udc80-\udc9f]")  # where Mac has its letters, and Windows and ISO none or few
MARKING = "backfill-mark-undecodable"


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(0xDC00 + max(error.object[error.start], 0x80)), error.end


codecs.register_error(MARKING, _mark)

_BOMS = (
    (codecs.BOM_UTF32_LE, None),
    (codecs.BOM_UTF32_BE, None),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What Python cannot read without one: it would take either byte order for granted, and refuses to.
_BOM_NEEDED = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}
_UTF16_LE_ASCII = re.compile(rb"(?:[^\0]\0){8,}\Z")
_UTF16_BE_ASCII = re.compile(rb"(?:\0[^\0]){8,}\Z")
_HINT = "Save the file as UTF-8, or name its encoding; Excel on Windows often writes --encoding cp1252."
_MAC_HINT = (
    "Save the file as UTF-8, or name its encoding: what an older Excel on a Mac wrote is "
    "--encoding mac_roman, what Excel on Windows wrote --encoding cp1252."
)


def choose_encoding(name: str, start: bytes, explicit: str | None) -> str:
    """Name the encoding of a file that begins with `start`; an explicit one wins; raise SourceError."""
    if explicit is not None:
        return _known(name, explicit, start)
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            if encoding is None:
                raise unreadable(name, "the file is UTF-32.", _HINT, code="file_encoding")
            return encoding
    return _without_bom(start)


def decode(name: str, data: bytes, encoding: str) -> str:
    """Decode a whole file; raise SourceError with the line of the first byte that does not fit."""
    text = data.decode(encoding, MARKING).removeprefix("\ufeff")
    if mark := _UNDECODABLE.search(text):
        line = text[text.rfind("\n", 0, mark.start()) + 1 :].partition("\n")[0]
        raise _not_decodable(name, text.count("\n", 0, mark.start()) + 1, encoding, line)
    return text


def checked_lines(name: str, stream: TextIO, encoding: str) -> Iterator[str]:
    """Return the physical lines with their ends; raise SourceError where one is not text."""
    lines = iter(partial(stream.readline, MAX_LINE_CHARS + 1), "")
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE_CHARS:
            raise unreadable(name, f"line {number} is longer than {MAX_LINE_CHARS:,} characters.")
        if not line.isascii() and _UNDECODABLE.search(line):
            raise _not_decodable(name, number, encoding, line)
        if number == 1 and "\0" in line:  # further down it is the matter of its row
            raise _nul(name, number)
        if line.endswith("\x1a"):  # the end of a file of old DOS programs; nothing is lost with it
            line = line.rstrip("\x1a")
        yield line.removeprefix("\ufeff") if number == 1 else line


def _known(name: str, explicit: str, start: bytes) -> str:
    """Check the name; a byte order mark that agrees with it is not part of the first column's name."""
    try:
        "".encode(explicit)
        b"x".decode(explicit, MARKING)  # idna and punycode have no place for marks
        codec = codecs.lookup(explicit).name
    except (LookupError, UnicodeError, ValueError) as error:
        told = f"there is no text encoding named “{explicit}”."
        raise unreadable(name, told, "Try utf-8, utf-16 or cp1252.", code="file_encoding") from error
    if start and not start.startswith(_BOM_NEEDED.get(codec, b"")):
        told = f"the file does not begin with the byte order mark of {codec.upper()}."
        raise unreadable(name, told, f"Without one: --encoding {codec}-le.", code="file_encoding")
    return "utf-8-sig" if codec == "utf-8" and start.startswith(codecs.BOM_UTF8) else codec


def _without_bom(start: bytes) -> str:
    """Recognise UTF-16 by a beginning whose characters are all ASCII, as those of a header are."""
    sample = start[: len(start) // 2 * 2][:64]
    if _UTF16_LE_ASCII.match(sample):
        return "utf-16-le"
    return "utf-16-be" if _UTF16_BE_ASCII.match(sample) else "utf-8"


def _not_decodable(name: str, line: int, encoding: str, text: str) -> SourceError:
    label = encoding.removesuffix("-sig").upper()
    hint = _MAC_HINT if _OF_A_MAC.search(text) else _HINT
    return unreadable(name, f"line {line} is not {label} text.", hint, code="file_encoding")


class Utf8Check:
    """Find out, block by block, whether bytes are UTF-8 beyond ASCII, which no accident makes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_utf8, self._is_ascii = True, True

    def feed(self, block: bytes, *, final: bool = False) -> None:
        self._is_ascii = self._is_ascii and block.isascii()
        if self._is_utf8:
            try:
                self._decoder.decode(block, final)
            except UnicodeDecodeError:
                self._is_utf8 = False

    def refuse_other(self, name: str, encoding: str) -> None:
        """Raise SourceError where another encoding was named for what is UTF-8 beyond doubt."""
        if self._is_utf8 and not self._is_ascii and not encoding.startswith(("utf-", "utf_")):
            told = f"the file is UTF-8, and not {encoding}: read so, letters of names would become others."
            raise unreadable(name, told, "Leave out --encoding.", code="file_encoding")


def _nul(name: str, line: int) -> SourceError:
    hint = "The file is damaged, or UTF-16 without a byte order mark: --encoding utf-16-le."
    return unreadable(name, f"line {line} contains a NUL byte.", hint, code="file_encoding")
