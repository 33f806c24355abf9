"""Change some places of an XML part of a workbook, and leave every other byte of the file as it is.

A library that reads a workbook and writes it again loses what it does not know: pictures, formats, other
sheets' results. Here places are found by a parser that tells where in the bytes it is, and only they change.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.parsers import expat

# A tag from its start on; ">" may stand in an attribute.
_TAG = re.compile(rb"""<[^>"']*(?:(?:"[^"]*"|'[^']*')[^>"']*)*>""")
_UTF8 = ("utf-8", "utf8", "us-ascii", "ascii")

Attributes = Mapping[str, str]


class CannotSpliceError(Exception):
    """A part in which a cell cannot be changed by itself: it belongs to others, or is written unusually."""


class Splicer:
    """Reads a part once, and notes what is to stand where: subclasses say it, at the tags that they meet."""

    def __init__(self, data: bytes, wanted: Iterable[int]) -> None:
        self.data = data
        self.wanted = {*wanted}  # the rows in which something is to change; those that were met leave it
        self._edits: list[tuple[int, int, bytes]] = []
        # Names as they are written and prefixed: what is put in is to be of the same kind.
        self._parser = expat.ParserCreate()
        self._parser.XmlDeclHandler = self._declared
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self.opened
        self._parser.EndElementHandler = self.closed

    def opened(self, name: str, attributes: dict[str, str]) -> None:
        raise NotImplementedError

    def closed(self, name: str) -> None:
        raise NotImplementedError

    def spliced(self) -> bytes:
        """Return the new part; raise CannotSpliceError."""
        self._parser.Parse(self.data, True)
        if self.wanted:
            raise CannotSpliceError("a row that is not where it is looked for")
        pieces, last = [], 0
        for start, end, put in self._edits:
            pieces += [self.data[last:start], put]
            last = end
        return b"".join([*pieces, self.data[last:]])

    def replace(self, start: int, end: int, put: str) -> None:
        """Have something stand between two places; those of later calls come later."""
        self._edits.append((start, end, put.encode()))

    @property
    def at(self) -> int:
        """Return where the tag begins that is being read."""
        return self._parser.CurrentByteIndex

    def behind(self, start: int) -> int:
        """Return where the tag ends that begins there."""
        found = _TAG.match(self.data, start)
        if found is None:
            raise CannotSpliceError("a tag that has no end")
        return found.end()

    def end(self, start: int) -> int:
        """Return, at its end, where the element ends that begins there; an empty one is a single tag."""
        inside = self.behind(start)
        return inside if self.data[inside - 2 : inside] == b"/>" else self.behind(self.at)

    def text(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding and encoding.casefold() not in _UTF8:
            raise CannotSpliceError(f"a part in {encoding}")

    def _refuse(self, *told: Any) -> None:
        raise CannotSpliceError("a part that declares entities")


def local(name: str) -> str:
    return name.rpartition(":")[2]


def prefix(name: str) -> str:
    """Return what stands before a name, with its colon."""
    return name[: len(name) - len(local(name))]


def repacked(data: bytes, parts: Mapping[str, Callable[[bytes], bytes] | None]) -> bytes:
    """Return an archive with some parts changed, or left out, in the order and manner of the first one."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(data)) as before,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as after,
    ):
        for member in before.infolist():
            change = parts.get(member.filename, _as_it_is)
            if change is not None:
                after.writestr(member, change(before.read(member)), member.compress_type)
    return stream.getvalue()


def _as_it_is(content: bytes) -> bytes:
    return content
