"""The way to one server: the library makes the connections, and the calls on them go past it."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from billing.client import LagoClient, LagoError
from kernel import one_server
from kernel.deadline import Deadline
from kernel.exchange import Answer, exchange
from tests.billing.scripted import Answer as Said
from tests.billing.scripted import Scripted, scripted_server

NOBODY = Said(404, {"status": 404, "code": "customer_not_found"})


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with scripted_server() as told:
        told.answers(NOBODY)
        yield told


@pytest.fixture
def past(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note the first lines of the calls that go past the library."""
    noted: list[str] = []

    def noting(sock: Any, head: str, body: bytes, **how: Any) -> tuple[Answer, bool]:
        noted.append(head.partition("\r\n")[0])
        return exchange(sock, head, body, **how)

    monkeypatch.setattr(one_server, "exchange", noting)
    return noted


Connect = Callable[..., LagoClient]


@pytest.fixture
def connect(scripted: Scripted) -> Iterator[Connect]:
    made: list[LagoClient] = []

    def connected(url: str = "", **how: Any) -> LagoClient:
        made.append(LagoClient(url or scripted.url, "key", rate_per_s=0, tries=1, **how))
        return made[-1]

    yield connected
    for client in made:
        client.close()


def test_all_calls_but_the_first_go_past_the_library_and_say_the_same(
    scripted: Scripted, connect: Connect, past: list[str]
) -> None:
    client = connect()

    for _ in range(3):
        client.customer("a/b")

    assert past == ["GET /api/v1/customers/a%2Fb HTTP/1.1"] * 2
    first, second, third = scripted.asked
    assert first == second == third


def test_a_connection_that_is_to_end_is_made_anew(
    scripted: Scripted, connect: Connect, past: list[str]
) -> None:
    client = connect()
    client.customer("a")
    scripted.script.clear()
    scripted.answers(Said(404, NOBODY.body, {"Connection": "close"}), NOBODY)

    for _ in range(3):
        client.customer("a")

    assert len(scripted.asked) == 4
    assert len(past) == 2


def test_a_lost_connection_is_made_anew_and_the_loss_is_told(scripted: Scripted, connect: Connect) -> None:
    client = connect()
    client.customer("a")
    scripted.script.clear()
    scripted.answers(Said(hang_up=True), NOBODY)

    with pytest.raises(LagoError, match="the connection was lost") as lost:
        client.delete_customer("a")

    assert lost.value.sent
    assert client.customer("a") is None


def test_a_standing_connection_waits_no_longer_than_a_deadline(scripted: Scripted, connect: Connect) -> None:
    client = connect(deadline=Deadline(0.3))
    client.customer("a")
    scripted.script.clear()
    scripted.answers(Said(silent=True))
    began = time.monotonic()

    for _ in range(2):
        with pytest.raises(LagoError, match="no answer in time"):
            client.customer("a")

    assert time.monotonic() - began < 5


def test_behind_a_proxy_that_is_told_whole_addresses_the_library_stays(
    scripted: Scripted, connect: Connect, past: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", scripted.url)
    client = connect("http://lago.invalid")

    for _ in range(2):
        client.customer("a")

    assert scripted.targets() == ["http://lago.invalid/api/v1/customers/a"] * 2
    assert past == []


def test_once_it_is_closed_a_call_begins_anew(connect: Connect, past: list[str]) -> None:
    client = connect()
    client.customer("a")
    client.close()

    client.customer("a")

    assert past == []


def test_an_address_that_would_say_more_than_an_address_is_escaped(
    scripted: Scripted, connect: Connect, past: list[str]
) -> None:
    client = connect()
    client.customer("a")

    with pytest.raises(LagoError):
        client._transport.send("DELETE", "api/v1/a HTTP/1.1\r\nX: y\r\n\r\n", "customer")

    assert scripted.asked[1].path == "/api/v1/a%20HTTP/1.1X:%20y"
    assert past == []
