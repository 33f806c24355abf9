"""A way to PostgreSQL that is held at a statement, before the server sees it or before its answer is heard.

It speaks as much of the protocol as it takes to count: a statement ends with a Query or a Sync.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Self
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

READ = 65_536
ENDS = (b"Q", b"S")
SAYS = (b"Q", b"P")
ASKS_FOR_ENCRYPTION = (80877103, 80877104)
READY = b"Z\x00\x00\x00\x05"  # and a letter: the server has done all that it was told
WAIT_S = 60.0


class PostgresRelay:
    """Passes on what clients say to the database at `address`, and counts their statements."""

    def __init__(self, address: str) -> None:
        self._server = conninfo_to_dict(address)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        login = quote(str(self._server.get("user", "")))
        if password := self._server.get("password"):
            login += f":{quote(str(password))}"
        self.url = f"postgresql://{login}@127.0.0.1:{port}/{self._server.get('dbname')}"
        self.seen = 0
        self.words: list[str] = []  # the first of each statement
        self._nth, self._answered = 0, False
        self._held = threading.Event()
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="postgres-relay", daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.drop()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def hold(self, nth: int, *, answered: bool) -> None:
        """Hold the n-th statement from now on: unseen by the server, or done with the answer unheard."""
        self.seen, self._nth, self._answered = 0, nth, answered
        self._held.clear()

    def wait_held(self) -> bool:
        return self._held.wait(WAIT_S)

    def drop(self) -> None:
        """Break all connections, and hold nothing any more."""
        self.seen, self._nth = 0, 0
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it has ended by itself
        self._open = []
        self._held.clear()  # from now on whoever hangs up is heard of at the other end

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = self._reached()
            self._open += [client, server]
            for work in (self._speak, self._answer):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _reached(self) -> socket.socket:
        host, port = str(self._server.get("host") or "localhost"), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _speak(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what a client says, message by message, until it is held or one of them hangs up."""
        try:
            server.sendall(_greeting(client))
            for kind, message in _messages(client):
                self.seen += kind in ENDS
                if kind in SAYS:
                    self.words.append(_first_word(kind, message))
                is_due = kind in ENDS and self.seen == self._nth
                if is_due and not self._answered:
                    self._held.set()
                    return
                server.sendall(message)
        except OSError:
            return
        finally:
            if not self._held.is_set():
                _hang_up(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what the server says; of the statement that is held, keep it to oneself."""
        said = b""
        try:
            while received := server.recv(READ):
                if self._nth and self._answered and self.seen >= self._nth:
                    said += received
                    if said[-6:-1] == READY:
                        self._held.set()
                    continue
                client.sendall(received)
        except OSError:
            return
        finally:
            _hang_up(client, server)


def _greeting(client: socket.socket) -> bytes:
    """Read the first message, after each question for encryption was answered with no."""
    while True:
        length = _exactly(client, 4)
        rest = _exactly(client, struct.unpack("!I", length)[0] - 4)
        if struct.unpack("!I", rest[:4])[0] not in ASKS_FOR_ENCRYPTION:
            return length + rest
        client.sendall(b"N")


def _messages(client: socket.socket) -> Iterator[tuple[bytes, bytes]]:
    while True:
        head = _exactly(client, 5)
        yield head[:1], head + _exactly(client, struct.unpack("!I", head[1:])[0] - 4)


def _first_word(kind: bytes, message: bytes) -> str:
    text = message[5:] if kind == b"Q" else message[5:].partition(b"\0")[2]
    return text.split(maxsplit=1)[0].rstrip(b"\0").decode().upper()


def _exactly(client: socket.socket, length: int) -> bytes:
    read = b""
    while len(read) < length:
        received = client.recv(length - len(read))
        if not received:
            raise ConnectionResetError
        read += received
    return read


def _hang_up(*both: socket.socket) -> None:
    """Close both. While another thread reads from one, only a shutdown is heard of at its other end."""
    for one in both:
        with suppress(OSError):  # it may have ended by itself
            one.shutdown(socket.SHUT_RDWR)
        one.close()
