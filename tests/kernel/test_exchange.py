"""What is made of an answer, as it comes over a connection."""

import gc
import gzip
import socket
from collections.abc import Iterator

import pytest
from httptools import HttpResponseParser

from kernel.exchange import Answer, exchange

MOST = 1_000
GET = "GET / HTTP/1.1"
OK = b"HTTP/1.1 200 OK\r\n"

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def answered(ends: Ends, answer: bytes) -> tuple[Answer, bool]:
    """Hear this answer, and nothing after it."""
    ours, theirs = ends
    theirs.sendall(answer)
    theirs.shutdown(socket.SHUT_WR)
    return exchange(ours, GET, b"", timeout_s=5, most=MOST)


def test_what_is_asked_goes_out_in_one_piece(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(OK + b"Content-Length: 0\r\n\r\n")

    exchange(ours, "PUT /a HTTP/1.1\r\nHost: b", b"{}", timeout_s=5, most=MOST)

    assert theirs.recv(100) == b"PUT /a HTTP/1.1\r\nHost: b\r\n\r\n{}"


@pytest.mark.parametrize(
    ("answer", "content", "is_kept"),
    [
        (OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
        (
            OK + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\n{\r\n1\r\n}\r\n0\r\nTrailer: c\r\n\r\n",
            b"{}",
            True,
        ),
        (OK + b"\r\n{}", b"{}", False),
        (OK + b"Connection: Close\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}", b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (OK + b"content-length:1000\r\n\r\n" + b"a" * 1_000, b"a" * 1_000, True),
        (OK + b"Content-Length: 1001\r\n\r\n" + b"a" * 1_001, None, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n" + b"a" * 1_001, None, False),
        (OK + b"\r\n" + b"a" * 1_001, None, False),
    ],
)
def test_an_answer_is_read_to_its_end(
    ends: Ends, answer: bytes, content: bytes | None, is_kept: bool
) -> None:
    heard, kept = answered(ends, answer)

    assert (heard.content, kept) == (content, is_kept)


def test_headers_are_found_whatever_their_case_and_however_often(ends: Ends) -> None:
    heard, _ = answered(ends, OK + b"DATE: today\r\nVia: a\r\nvia:  b \r\nContent-Length: 0\r\n\r\n")

    assert heard.headers == {"date": "today", "via": "a, b", "content-length": "0"}


@pytest.mark.parametrize(("size", "content"), [(1_000, b"a" * 1_000), (1_001, None)])
def test_what_is_packed_is_unpacked_and_not_beyond_measure(
    ends: Ends, size: int, content: bytes | None
) -> None:
    packed = gzip.compress(b"a" * size)
    head = f"Content-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"

    heard, _ = answered(ends, OK + head.encode() + packed)

    assert heard.content == content


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 twohundred\r\n\r\n",
        OK,
        OK + b"no header\r\n\r\n",
        OK + b"".join(b"a%d: b\r\n" % n for n in range(101)) + b"\r\n",
        OK + b"Content-Length: 3\r\n\r\n{}",
        OK + b"Content-Length: -1\r\n\r\n{}",
        OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\n{}",
        OK + b"Transfer-Encoding: gzip\r\n\r\n{}",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        2 * (OK + b"Content-Length: 2\r\n\r\n{}"),
        OK + b"Content-Length: 2\r\n\r\n{}more",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
        OK + b"A: " + b"a" * 2**17 + b"\r\n\r\n",
    ],
)
def test_what_is_no_whole_answer_is_a_lost_connection(ends: Ends, answer: bytes) -> None:
    with pytest.raises(ConnectionError):
        answered(ends, answer)


def test_what_does_not_come_is_not_waited_for_longer_than_was_said(ends: Ends) -> None:
    ours, _ = ends

    with pytest.raises(TimeoutError):
        exchange(ours, GET, b"", timeout_s=0.01, most=MOST)


def test_who_hangs_up_while_it_is_asked_may_have_said_why(ends: Ends) -> None:
    ours, theirs = ends
    theirs.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
    theirs.close()

    heard, _ = exchange(ours, GET, b"", timeout_s=5, most=MOST)

    assert heard.status == 413


def test_a_large_answer_is_let_go_at_once(ends: Ends) -> None:
    gc.collect()
    gc.disable()  # it is not garbage that somebody has to look for
    try:
        answered(ends, OK + b"Content-Length: 2\r\n\r\n{}")
        kept = [one for one in gc.get_objects() if isinstance(one, HttpResponseParser)]
    finally:
        gc.enable()

    assert not kept
