"""Fixtures of the tests that talk to Lago."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from billing.client import LagoClient
from tests.billing.scripted import Scripted, scripted_server

KEY = "5f2b1c1e-secret-key"


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
def connect(naps: list[float]) -> Iterator[Callable[..., LagoClient]]:
    """Make clients that do not really sleep, and close them."""
    with ExitStack() as stack:

        def connect(url: str, key: str = KEY, **options: Any) -> LagoClient:
            options = {"rate_per_s": 0, "sleep": naps.append, "timeout_s": 60, **options}
            return stack.enter_context(LagoClient(url, key, **options))

        yield connect


@pytest.fixture
def client(scripted: Scripted, connect: Callable[..., LagoClient]) -> LagoClient:
    return connect(scripted.url)
