"""Fixtures of the tests of reverts."""

from collections.abc import Iterator

import pytest

from rehearsal.lago import Sandbox
from tests.rehearsal.lago.calls import Caller


@pytest.fixture
def by_hand(lago: Sandbox) -> Iterator[Caller]:
    """Somebody who changes things in Lago."""
    caller = Caller(lago)
    yield caller
    caller.close()
