"""Where webhooks arrive: a real server that keeps what it gets, and answers as it is told."""

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True, slots=True)
class Letter:
    headers: dict[str, str]
    body: bytes

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class PostBox:
    """`answers` are the next statuses, 200 when there are none left."""

    url: str = ""
    letters: list[Letter] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)


@contextmanager
def post_box() -> Iterator[PostBox]:
    box = PostBox()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            box.letters.append(Letter(dict(self.headers), body))
            self.send_response(box.answers.popleft() if box.answers else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        box.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
