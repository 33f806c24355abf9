"""A receiver of webhooks on a real port, which can be slow, broken, elsewhere, and not to be trusted."""

import hashlib
import hmac
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

SECRET = "Sëcret+/text of the operator, which is long"


@dataclass
class Receiver:
    """What came, and how it answers: each of `answers` once, the last one for ever.

    A number is a status; `hang` never answers, `drip` never ends its answer, `hang up` closes the line.
    `headers` go with each answer.
    """

    url: str = ""
    answers: list[int | str] = field(default_factory=lambda: [200])
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    gone: Event = field(default_factory=Event)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    @property
    def events(self) -> list[str]:
        return [one["event"] for one in self.told()]

    def are_signed(self) -> bool:
        """Check as an operator's own few lines would."""
        digests = [hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest() for body in self.bodies]
        return bool(digests) and self.signatures == [f"sha256={digest}" for digest in digests]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:  # noqa: C901 one class of small methods
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            receiver.bodies.append(b'{"event": "redirect followed"}')
            self.send_response(200)
            self.end_headers()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.asked += 1
            answer = receiver.answers.pop(0) if len(receiver.answers) > 1 else receiver.answers[0]
            receiver.bodies.append(body)
            receiver.signatures.append(self.headers.get("X-Polaris-Signature", ""))
            if answer == "hang":
                receiver.gone.wait(60)
            elif answer == "drip":
                self._drip()
            elif isinstance(answer, int):
                self._answer(answer)
            self.close_connection = True

        def _answer(self, status: int) -> None:
            self.send_response_only(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{receiver.url}elsewhere")
            for name, value in {"Date": self.date_time_string(), **receiver.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def _drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
            while not receiver.gone.wait(0.2):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(receiver))
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    receiver.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook/"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.gone.set()
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def seconds(most: float) -> Iterator[None]:
    """Fail if it takes longer."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < most
