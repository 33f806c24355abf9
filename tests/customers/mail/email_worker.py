"""A small server that checks what the platform's email worker checks."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

SECRET = "Sëcret+/text"
CLOCK_SKEW_MS = 5 * 60 * 1000
LIMIT = 5  # per recipient and category
CATEGORIES = {
    "magic-link", "welcome", "session-summary", "reservation-cancelled", "account-reactivated",
    "admin-password-reset", "invoice-available", "account-inactive",
}  # fmt: skip


@dataclass
class EmailWorker:
    """What it took, what it refused, and how it is to answer instead."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    answer: int = 0
    hang_up: bool = False
    clock_ahead_ms: int = 0
    _nonces: set[str] = field(default_factory=set)

    def judge(self, body: bytes, signature: str) -> tuple[int, str]:
        expected = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        if signature != expected:
            return 401, "signature"
        document = json.loads(body)
        if abs(document["ts"] - time.time() * 1000 - self.clock_ahead_ms) > CLOCK_SKEW_MS:
            return 401, "time"
        if document["nonce"] in self._nonces:
            return 401, "nonce"
        self._nonces.add(document["nonce"])
        return self._judge_content(document)

    def _judge_content(self, document: dict[str, Any]) -> tuple[int, str]:
        if not 1 <= len(document["subject"]) <= 50 or document["category"] not in CATEGORIES:
            return 400, "content"
        if "\n" in document["text"].replace("\r\n", ""):
            return 400, "line ends"
        key = (document["to"], document["category"])
        if sum((mail["to"], mail["category"]) == key for mail in self.taken) >= LIMIT:
            return 429, "too many"
        self.taken.append(document)
        return 200, ""


@contextmanager
def running() -> Iterator[EmailWorker]:
    worker = EmailWorker()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if worker.hang_up:
                self.close_connection = True
                return
            status, why = worker.judge(body, self.headers.get("x-polaris-sig", ""))
            if why:
                worker.refused.append(why)
            self.send_response(404 if self.path != "/send" else worker.answer or status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    worker.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield worker
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
