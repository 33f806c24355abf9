"""A way to Lago that is cut after a number of calls: from then on, connections are refused."""

import socket
import threading
from typing import Self
from urllib.parse import urlsplit

READ = 65_536


class Relay:
    """Passes so many calls on to the server at `url`, one after the other, and then stops to listen."""

    def __init__(self, url: str, calls: int) -> None:
        server = urlsplit(url)
        self._server = (server.hostname or "", server.port or 80)
        self._calls = calls
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="relay")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._calls = 0
        with socket.socket() as last:  # wakes it up, if it still listens
            last.connect_ex(self._listening_address())
        self._thread.join()

    def _listening_address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2])

    def _serve(self) -> None:
        with self._listening:
            while self._calls > 0:
                client, _ = self._listening.accept()
                with client:
                    self._pass_on(client)
                self._calls -= 1

    def _pass_on(self, client: socket.socket) -> None:
        """Pass on one request and its answer, after which the connection is closed."""
        request = _whole_request(client)
        if not request:
            return
        with socket.create_connection(self._server) as server:
            server.sendall(request.replace(b"Connection: keep-alive", b"Connection: close", 1))
            while answer := server.recv(READ):
                client.sendall(answer)


def _whole_request(client: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request or len(request) < _length(request):
        received = client.recv(READ)
        if not received:
            return b""
        request += received
    return request


def _length(request: bytes) -> int:
    head, _, _ = request.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(head) + 4 + int(line.partition(b":")[2])
    return len(head) + 4
