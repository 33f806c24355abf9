"""Fixtures of the tests that talk to SteVe."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from charging import SteveClient
from tests.billing.scripted import Scripted, scripted_server

USERNAME, KEY = "api-user", "5f2b1c1e-secret"

Connect = Callable[..., SteveClient]


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """A server that says what it is told to."""
    with scripted_server() as server:
        yield server


@pytest.fixture
def naps() -> list[float]:
    """How long the client slept, had it slept."""
    return []


@pytest.fixture
def connect(naps: list[float]) -> Iterator[Connect]:
    """Make clients that do not really sleep, and close them."""
    with ExitStack() as stack:

        def connect(url: str, **options: Any) -> SteveClient:
            options = {"sleep": naps.append, "timeout_s": 60, **options}
            return stack.enter_context(closing(SteveClient(url, USERNAME, KEY, **options)))

        yield connect


@pytest.fixture
def client(scripted: Scripted, connect: Connect) -> SteveClient:
    return connect(f"{scripted.url}/steve")
