"""Long lists in pieces."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

SIZE = 5_000  # values per query: one round trip costs more than a longer list up to about here


def chunks(values: Iterable[Any], size: int = SIZE) -> Iterator[list[Any]]:
    remaining = iter(values)
    while some := list(islice(remaining, size)):
        yield some
