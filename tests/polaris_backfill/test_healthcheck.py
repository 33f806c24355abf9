"""The container's health check against a real server."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from polaris_backfill.healthcheck import is_healthy


class Picky(BaseHTTPRequestHandler):
    """Answers at /healthz and under one name, as ours does."""

    def do_GET(self) -> None:
        good = (self.path, self.headers["Host"]) == ("/healthz", "backfill.example.com")
        self.send_response(200 if good else 400)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Picky) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "names",
    ["backfill.example.com,other.example.com", "*,.backfill.example.com", "backfill.example.com:8443"],
)
def test_it_asks_under_a_name_that_the_server_knows(port, monkeypatch, names):
    monkeypatch.setenv("ALLOWED_HOSTS", names)

    assert is_healthy(port)


def test_a_refusal_is_not_healthy(port, monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "other.example.com")

    assert not is_healthy(port)


def test_a_silent_port_is_not_healthy(port, monkeypatch):
    monkeypatch.setenv("ALLOWED_HOSTS", "backfill.example.com")

    assert not is_healthy(1)
