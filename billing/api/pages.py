"""Reading a whole listing, page by page, while others may be changing it.

Pages overlap, and two that share an item have nothing between them, whenever each of them was read: a list
keeps its order. So a listing is whole once its pages hang together from the first to the last. What comes in
meanwhile moves items to later pages and breaks nothing; what goes moves them forward, and where that opens a
gap, the two pages beside it are read again, and no others.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from typing import Generic, TypeVar

from billing.errors import UNREACHABLE, LagoError

T = TypeVar("T")
A = TypeVar("A")
R = TypeVar("R")

# Lago has no maximum (its default is 100). Larger pages save calls, but each must be built well within the
# time-out.
PER_PAGE = 500
OVERLAPS = 50  # neighbours share one item of so many: as many changes between two calls do no harm
MENDS = 4  # tries to close one gap, two calls each
MAX_SCANS = 3
AHEAD = 2  # pages that are asked for before they are needed, for each thread


@dataclass(frozen=True, slots=True)
class Window:
    """A page as it is asked for: the `number`th, from 1, of pages of `size` items."""

    number: int
    size: int

    @property
    def start(self) -> int:
        return (self.number - 1) * self.size

    @property
    def end(self) -> int:
        return self.start + self.size


FIRST = Window(1, PER_PAGE)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """What came of a window, items under their lago_id; an item that the caller has no use for is None.

    `unread` are the places in the list, from 1, of what Lago cannot show.
    """

    window: Window
    items: Mapping[str, T | None]
    total_count: int
    unread: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        return len(self.items) + len(self.unread)

    @property
    def total_pages(self) -> int:
        return -(-self.total_count // self.window.size)

    @property
    def is_last(self) -> bool:
        return self.window.start + self.length >= self.total_count

    def touches(self, other: "Page[T]") -> bool:
        """Return whether nothing can lie between the two: they share an item, or an unread place."""
        if not self.items.keys().isdisjoint(other.items):
            return True
        return self.total_count == other.total_count and not set(self.unread).isdisjoint(other.unread)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A whole listing; `unread` are the places, from 1, of what Lago cannot show, among `total_count`."""

    items: list[T]
    total_count: int
    unread: tuple[int, ...] = ()


def read_all(
    fetch: Callable[[Window], Page[T]],
    workers: int,
    first: Page[T] | None = None,
    take: Callable[[T], None] | None = None,
) -> Listing[T]:
    """Return each item of the listing once, the first page's first; raise LagoError if it never holds still.

    Nothing is missed that is there from the beginning to the end of the call. Of what comes or goes meanwhile
    it may be there or not. Where `take` is given, it gets the items as they come, perhaps several times, and
    none is returned: a long listing is not in memory as a whole.
    """
    for _ in range(MAX_SCANS):
        try:
            return _listing(_chain(fetch, workers, _as_given(first or fetch(FIRST))), take)
        except _GapError:
            first = None
    message = "Lago's list kept changing while it was read: try again when less is going on"
    raise LagoError(UNREACHABLE, message, repeatable=True, down=True)


class _GapError(Exception):
    """Two pages do not hang together, and could not be made to."""


def _chain(fetch: Callable[[Window], Page[T]], workers: int, last: Page[T]) -> Iterator[Page[T]]:
    """Give pages that hang together from the first to the last; raise _GapError."""
    size = last.window.size
    with closing(in_turn(fetch, _windows(last.window.end, size, last.total_count), workers)) as ahead:
        yield last
        while not last.is_last:
            page = next(ahead, None) or fetch(following(last.window.end, size))
            joined = [page] if page.touches(last) else _mended(fetch, last, page.window)
            if not joined:
                raise _GapError
            yield from joined
            last = joined[-1]


def _listing(pages: Iterable[Page[T]], take: Callable[[T], None] | None) -> Listing[T]:
    items: dict[str, T | None] = {}
    unread: set[int] = set()
    total_count = 0
    for page in pages:
        if take is None:
            items.update(page.items)
        else:
            for item in page.items.values():
                if item is not None:
                    take(item)
        unread.update(page.unread)
        total_count = page.total_count
    return Listing([item for item in items.values() if item is not None], total_count, tuple(sorted(unread)))


def _as_given(first: Page[T]) -> Page[T]:
    """Return the first page as of the size that it has: a gateway may give no larger ones."""
    is_short = first.length < min(first.window.size, first.total_count)
    return replace(first, window=Window(1, first.length)) if is_short else first


def following(end: int, size: int) -> Window:
    """Return the window that reaches furthest of those that begin a little before `end`.

    A window begins at a multiple of its size: so sizes differ a little, and it takes 108 calls for what 100
    pages that do not overlap would hold.
    """
    begin = end - max(size // OVERLAPS, 1)
    sizes = range(max(size * 4 // 5, 1), size + 1)
    furthest = max((Window(begin // one + 1, one) for one in sizes), key=lambda window: window.end)
    return furthest if furthest.end > end else Window(end // size + 1, size)  # of one or two items


def _windows(end: int, size: int, total_count: int) -> Iterator[Window]:
    while end < total_count:
        window = following(end, size)
        yield window
        end = window.end


def _mended(fetch: Callable[[Window], Page[T]], last: Page[T], window: Window) -> list[Page[T]]:
    """Read two neighbours again, one after the other, until they meet, or the list ends with the first.

    None are returned where more has gone than a page holds, or where it goes faster than it can be read.
    """
    for _ in range(MENDS):
        again = fetch(last.window)
        if not again.touches(last):
            break
        if again.is_last:
            return [again]
        page = fetch(window)
        if page.touches(again):
            return [again, page]
    return []


def in_turn(call: Callable[[A], R], arguments: Iterable[A], workers: int) -> Generator[R, None, None]:
    """Give the answers in the order of the arguments, asked for by a few threads that are not far ahead."""
    if workers < 2:
        yield from map(call, arguments)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="lago")
    try:
        asked = iter(arguments)
        ahead = deque(pool.submit(call, one) for one in islice(asked, workers * AHEAD))
        while ahead:
            answer = ahead.popleft().result()
            ahead.extend(pool.submit(call, one) for one in islice(asked, 1))
            yield answer
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def spread(call: Callable[[A], R], arguments: Iterable[A], workers: int) -> list[R]:
    """Return the answers in the order of the arguments, asked for by a few threads that end with the call."""
    asked = list(arguments)
    if len(asked) < 2:
        return [call(argument) for argument in asked]
    with ThreadPoolExecutor(min(workers, len(asked)), thread_name_prefix="lago") as pool:
        return list(pool.map(call, asked))
