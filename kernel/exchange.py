"""One exchange of HTTP/1.1 on a connection that stands: what the library takes ten times as long for.

Each row of a run is two or three small calls, and in the library each was more work than all else that is
done for the row. To connect, by a proxy or with certificates, and to decode stay the library's.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

LONGEST_LINE = 2**16
MOST_HEADERS = 100
WITHOUT_BODY = frozenset([204, 304])


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
    with sock.makefile("rb") as stream:
        status, headers = _head(stream)
        while 100 <= status < 200:
            status, headers = _head(stream)
        content, has_end = _body(stream, status, headers, most)
    is_kept = has_end and content is not None and headers.get("connection", "").lower() != "close"
    if content and (encoding := headers.get("content-encoding")):
        content = _decoded(content, encoding, most)
    return Answer(status, headers, content), is_kept


def _head(stream: BinaryIO) -> tuple[int, dict[str, str]]:
    line = stream.readline(LONGEST_LINE)
    version, _, rest = line.partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise ConnectionError("no answer, or none in HTTP")
    headers = {} if version == b"HTTP/1.1" else {"connection": "close"}
    while (line := stream.readline(LONGEST_LINE)) not in (b"\r\n", b"\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) == MOST_HEADERS:
            raise ConnectionError("an answer that stops in its headers, or has no end of them")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(rest[:3]), headers


def _body(stream: BinaryIO, status: int, headers: Mapping[str, str], most: int) -> tuple[bytes | None, bool]:
    """Return what comes after the headers, and whether it has an end before that of the connection."""
    if status in WITHOUT_BODY:
        return b"", True
    if coding := headers.get("transfer-encoding"):
        if coding.lower() != "chunked":
            raise ConnectionError("an answer in a coding that nobody asked for")
        return _chunks(stream, most), True
    if (length := headers.get("content-length")) is not None:
        wanted = _number(length, 10)
        return (_exactly(stream, wanted) if wanted <= most else None), True
    content = stream.read(most + 1)
    return (content if len(content) <= most else None), False


def _chunks(stream: BinaryIO, most: int) -> bytes | None:
    content = bytearray()
    while size := _number(stream.readline(LONGEST_LINE).partition(b";")[0].decode("latin-1"), 16):
        if len(content) + size > most:
            return None
        content += _exactly(stream, size)
        stream.readline(LONGEST_LINE)
    while stream.readline(LONGEST_LINE).strip():
        pass
    return bytes(content)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise ConnectionError("an answer that stops half way")
    return content


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if number < 0:
        raise ConnectionError("an answer that does not say how long it is")
    return number


def _decoded(content: bytes, encoding: str, most: int) -> bytes | None:
    packed = HTTPResponse(BytesIO(content), {"content-encoding": encoding}, preload_content=False)
    try:
        unpacked = packed.read(most + 1, decode_content=True)
    except HTTPError:
        raise ConnectionError("an answer that cannot be unpacked") from None
    return unpacked if len(unpacked) <= most else None
