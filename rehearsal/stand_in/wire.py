"""HTTP/1.1 on a stream: requests in, replies out, and the ways in which a reply can go wrong."""

import asyncio
import socket
import struct
from http import HTTPStatus

from rehearsal.stand_in.messages import Reply, Request

MAX_HEAD = 64 * 1024


class BadRequestError(Exception):
    """What came in is not HTTP that this server speaks; the connection is closed."""


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read the next request of a kept-alive connection; None when the client has gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequestError("head too long") from error
    line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
    method, _, rest = line.partition(" ")
    path, _, query = rest.rpartition(" ")[0].partition("?")
    length = headers.get("content-length", "0")
    if not path or not length.isdigit() or "transfer-encoding" in headers:
        raise BadRequestError("no path, or a body without a plain length")
    try:
        body = await reader.readexactly(int(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return Request(method, path, query, headers, body)


def wants_close(request: Request) -> bool:
    return request.headers.get("connection", "").lower() == "close"


def encoded(reply: Reply) -> bytes:
    head = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.content_type}",
        f"Content-Length: {len(reply.body)}",
        *(f"{name}: {value}" for name, value in reply.headers.items()),
    ]
    return "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + reply.body


def reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection with RST, as a crashing proxy would."""
    peer = writer.get_extra_info("socket")
    if peer is not None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
