"""HTTP itself: what a raw socket sends and gets."""

import socket
from collections.abc import Iterator

import pytest

from tests.rehearsal.stand_in.till import TillSandbox

READY = b"GET /ready HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def peer(till: TillSandbox) -> Iterator[socket.socket]:
    with socket.create_connection((till.host, till.port), timeout=60) as connection:
        yield connection


def _everything(peer: socket.socket) -> bytes:
    return b"".join(iter(lambda: peer.recv(65536), b""))


def test_requests_sent_at_once_are_answered_in_order(peer: socket.socket) -> None:
    missing = b"GET /sandbox/none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    peer.sendall(READY + b"\r\n" + missing)

    answers = _everything(peer)
    assert answers.index(b"200 OK") < answers.index(b"404 Not Found")


def test_a_body_may_arrive_in_pieces(peer: socket.socket) -> None:
    peer.sendall(b"POST /sandbox/requests/reset HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{")
    peer.sendall(b"}")

    assert b"200 OK" in _everything(peer)


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        READY + b"Transfer-Encoding: chunked\r\n\r\n",
        READY + b"Content-Length: -1\r\n\r\n",
        READY + b"X: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_understood_ends_the_connection(peer: socket.socket, sent: bytes) -> None:
    peer.sendall(sent)

    assert peer.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_a_caller_that_hangs_up_leaves_no_trace(till: TillSandbox, peer: socket.socket) -> None:
    peer.sendall(b"POST /api/v1/customers HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    peer.close()

    assert till.requests()["total"] == 0
