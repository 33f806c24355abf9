"""A fresh sandbox for each test, and a caller connected to it."""

from collections.abc import Iterator

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller

PLANS = (
    "standard:1000:EUR:monthly",
    "fleet:5000",
    "twin:1000",
    "ahead:3000:EUR:monthly:advance",
    "usd:900:USD",
)


@pytest.fixture
def compat() -> str:
    """Override with `@pytest.mark.parametrize("compat", ["head"])`."""
    return "released"


@pytest.fixture
def sandbox(compat: str) -> Iterator[Sandbox]:
    with Sandbox(PLANS, compat=compat) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Iterator[Caller]:
    it = Caller(sandbox)
    yield it
    it.close()
