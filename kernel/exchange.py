"""One exchange of HTTP/1.1 on a connection that stands, read by Node's parser: a tenth of what urllib3 takes.

Each row of a run is two or three small calls, and in urllib3 each was more work than all else that is done
for the row. To connect, by a proxy or with certificates, and to unpack stay urllib3's.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

PIECE = 2**16
MOST_HEADERS, LONGEST_HEAD = 100, 2**16


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` are by their names in lower case; `content` is None where it is more than was wanted."""

    status: int
    headers: Mapping[str, str]
    content: bytes | None


def exchange(sock: Any, head: str, body: bytes, *, timeout_s: float, most: int) -> tuple[Answer, bool]:
    """Send a request and read its whole answer; return too whether the connection may be used again.

    `head` is the first line and the headers, without the blank line after them; `most` are the bytes of an
    answer that are wanted. Raises OSError: TimeoutError where a part did not come in time.
    """
    if sock.gettimeout() != timeout_s:
        sock.settimeout(timeout_s)
    with suppress(BrokenPipeError):  # who hung up may have said why
        sock.sendall(f"{head}\r\n\r\n".encode("ascii") + body)
    reading = _Reading(most)
    try:
        while not reading.is_over:
            reading.take(sock.recv(PIECE))
        return reading.answer()
    finally:
        reading.let_go()


class _Reading:
    """An answer while it comes in. The parser calls what begins with `on_`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._content: bytearray | None = bytearray()
        self._read = 0  # bytes of the head so far
        self._has_head = self._is_kept = self.is_over = False

    def take(self, data: bytes) -> None:
        """Go on with what came, or end with nothing more to come; raise ConnectionError."""
        if not data:
            self._hung_up()
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):  # also where what it calls raises
            raise ConnectionError("no answer, or none in HTTP") from None
        self._read += len(data)
        if not self._has_head and self._read > LONGEST_HEAD:
            raise ConnectionError("an answer whose headers have no end")

    def answer(self) -> tuple[Answer, bool]:
        content = None if self._content is None else bytes(self._content)
        if content and (encoding := self._headers.get("content-encoding")):
            content = _unpacked(content, encoding, self._most)
        return Answer(self._parser.get_status_code(), self._headers, content), self._is_kept

    def let_go(self) -> None:
        """Part from the parser: as each knows the other, a large answer would stay until garbage is found."""
        del self._parser

    def on_message_begin(self) -> None:
        if self.is_over:
            raise ConnectionError("an answer to what nobody asked")

    def on_header(self, name: bytes, value: bytes) -> None:
        known, text = name.decode("latin-1").lower(), value.decode("latin-1").strip()
        if len(self._headers) == MOST_HEADERS:
            raise ConnectionError("an answer whose headers have no end")
        self._headers[known] = f"{self._headers[known]}, {text}" if known in self._headers else text

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, body: bytes) -> None:
        if self._content is not None and len(self._content) + len(body) <= self._most:
            self._content += body
        else:
            self._content, self.is_over = None, True

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() < 200:  # it will be answered
            self._headers, self._has_head = {}, False
        elif not self.is_over:
            self._is_kept, self.is_over = self._parser.should_keep_alive(), True

    def _hung_up(self) -> None:
        """End an answer that has no other end; raise ConnectionError for one that was to have it."""
        if not self._has_head or {"content-length", "transfer-encoding"} & self._headers.keys():
            raise ConnectionError("an answer that stops half way")
        self.is_over = True


def _unpacked(content: bytes, encoding: str, most: int) -> bytes | None:
    packed = HTTPResponse(BytesIO(content), {"content-encoding": encoding}, preload_content=False)
    try:
        unpacked = packed.read(most + 1, decode_content=True)
    except HTTPError:
        raise ConnectionError("an answer that cannot be unpacked") from None
    return unpacked if len(unpacked) <= most else None
