"""A small real HTTP server that answers as a test tells it to, for what no Lago would ever say."""

import json
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire: `target` is the raw path with its query."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.target).query)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What to say; `cut` sends so much less than announced, `hang_up` nothing at all.

    `silent` sends nothing either, and waits until it is the client who hangs up.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int = 0
    hang_up: bool = False
    silent: bool = False

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Scripted:
    """`script` is answered first, in order; then `route`, if set, else the last of the script again."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: deque[Answer] = deque()
        self.route: Callable[[Asked], Answer] | None = None
        self.lock = Lock()
        self.url = ""

    def answers(self, *answers: Answer) -> None:
        self.script.extend(answers)

    def targets(self) -> list[str]:
        return [asked.target for asked in self.asked]

    def next(self, asked: Asked) -> Answer:
        with self.lock:
            self.asked.append(asked)
            if len(self.script) > 1 or (self.script and self.route):
                return self.script.popleft()
            if self.script:
                return self.script[0]
        assert self.route, f"nothing to say to {asked.method} {asked.target}"
        return self.route(asked)


class Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hang up, which some tests want them to."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


@contextmanager
def scripted_server(tls: SSLContext | None = None) -> Iterator[Scripted]:
    told = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 60

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            asked = Asked(self.command, self.path, dict(self.headers), body)
            say = told.next(asked)
            if say.silent:
                self.rfile.read(1)
            if say.hang_up or say.silent:
                self.close_connection = True
                return
            content = say.content
            self.send_response_only(say.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(content)), **say.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: len(content) - say.cut])
            self.close_connection = self.close_connection or bool(say.cut)

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.answer)
    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    told.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
