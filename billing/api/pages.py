"""Reading a whole listing, page by page, while others may be changing it."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.errors import UNREACHABLE, LagoError

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

# Lago has no maximum (its default is 100). Larger pages save calls, but each must be built well within the
# time-out.
PER_PAGE = 500
MAX_SCANS = 3


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page, its items under their lago_id; an item that the caller has no use for is None."""

    items: Mapping[str, T | None]
    total_pages: int
    total_count: int


def read_all(fetch: Callable[[int], Page[T]], workers: int, first: Page[T] | None = None) -> list[T]:
    """Return each item of the listing once, the first page's first; raise LagoError if it never holds still.

    The lists are newest first and paged by offset: a creation meanwhile shows an item twice, a deletion hides
    one. Either is told by the totals, and then all is read again.
    """
    for _ in range(MAX_SCANS):
        first = first or fetch(1)
        pages = [first, *spread(fetch, range(2, first.total_pages + 1), workers)]
        items = {lago_id: item for page in pages for lago_id, item in page.items.items()}
        if all(page.total_count == first.total_count for page in pages) and len(items) == first.total_count:
            return [item for item in items.values() if item is not None]
        first = None
    message = "Lago's list kept changing while it was read: try again when less is going on"
    raise LagoError(UNREACHABLE, message, repeatable=True, down=True)


def spread(call: Callable[[A], R], arguments: Iterable[A], workers: int) -> list[R]:
    """Return the answers in the order of the arguments, asked for by a few threads that end with the call."""
    asked = list(arguments)
    if len(asked) < 2:
        return [call(argument) for argument in asked]
    with ThreadPoolExecutor(min(workers, len(asked)), thread_name_prefix="lago") as pool:
        return list(pool.map(call, asked))
