"""A CRM of a few lines: contacts by external_id, over HTTP. It can hold a call in its hands."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any


@dataclass
class Crm:
    """What the server has. `hold_at`: the POST with this number waits, once it has done its work."""

    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: int = 0
    hold_at: int = 0
    held: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def post(self, given: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            self.posts += 1
            number = self.posts
            existed = given["external_id"] in self.contacts
            if not existed:
                self.contacts[given["external_id"]] = {"id": next(self._ids), "notes": "", **given}
            contact = self.contacts[given["external_id"]]
        if number == self.hold_at:
            self.held.set()
            self.go_on.wait(60)
        return {**contact, "existed": existed}

    def delete(self, number: int) -> dict[str, Any]:
        with self._lock:
            found = [key for key, one in self.contacts.items() if one["id"] == number]
            for key in found:
                del self.contacts[key]
        return {"there": bool(found)}


@contextmanager
def running() -> Iterator[Crm]:
    crm = Crm()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(list(crm.contacts.values()))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(crm.post(json.loads(body)))

        def do_DELETE(self) -> None:
            self._answer(crm.delete(int(self.path.rpartition("/")[2])))

        def _answer(self, value: Any) -> None:
            body = json.dumps(value).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # who asked was killed
                self.close_connection = True

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    crm.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield crm
    finally:
        crm.go_on.set()
        server.shutdown()
        server.server_close()
