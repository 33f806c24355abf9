"""A fresh till for each test."""

from collections.abc import Iterator

import pytest

from tests.rehearsal.stand_in.till import TillSandbox


@pytest.fixture
def till() -> Iterator[TillSandbox]:
    with TillSandbox() as running:
        yield running
