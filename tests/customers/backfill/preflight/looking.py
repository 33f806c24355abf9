"""Looking at one system, and a proxy that adds to what a stand-in says."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests

from customers.backfill.preflight import Asked, Finding, Part, State

NOBODY_ASKED = Asked()
PASSED_ON = ("Authorization", "STEVE-API-KEY")


def look(part: Part[Any], asked: Asked = NOBODY_ASKED) -> dict[str, Finding]:
    return {finding.name: finding for finding in part.findings(asked)}


def states(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.state.value for name, finding in found.items()}


def is_stop(finding: Finding, *words: str) -> bool:
    return _is(finding, State.STOP, words)


def is_warning(finding: Finding, *words: str) -> bool:
    return _is(finding, State.WARNING, words)


def is_ok(finding: Finding, *words: str) -> bool:
    return _is(finding, State.OK, words) and not finding.remedy


def _is(finding: Finding, state: State, words: tuple[str, ...]) -> bool:
    """Compare state and words; what is not well has a remedy."""
    said = f"{finding.found} {finding.remedy}"
    assert finding.state is state, finding
    assert state is State.OK or finding.remedy, finding
    assert all(word in said for word in words), said
    return True


def dated(ahead_s: float) -> Callable[[], dict[str, str]]:
    """Give the header of a server whose clock is so far ahead."""
    return lambda: {"Date": format_datetime(datetime.now(UTC) + timedelta(seconds=ahead_s), usegmt=True)}


@contextmanager
def proxy(upstream: str, headers: Callable[[], dict[str, str]]) -> Iterator[str]:
    """Pass reads on, and add headers to the answers; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
            answer = requests.get(f"{upstream}{self.path}", headers=sent, timeout=30)
            self.send_response_only(answer.status_code)
            told = {
                "Content-Type": answer.headers["Content-Type"],
                "Content-Length": str(len(answer.content)),
            }
            for name, value in {**told, **headers()}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
