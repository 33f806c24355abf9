"""What tests of the engine may use."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.customers.factories import csv_text


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows to a file, for a command."""

    def write(*given: dict[str, str]) -> Path:
        path = tmp_path / "customers.csv"
        path.write_text(csv_text(given))
        return path

    return write
