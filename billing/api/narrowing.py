"""Finding out what it is in a page that Lago cannot show.

One record that breaks Lago's answer breaks every page that holds it. The page is halved, again and again, so
that all others are read: of 500, about twenty calls for each such record.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from billing.api.pages import Page, Window
from billing.errors import UNREACHABLE, LagoError

T = TypeVar("T")

BROKEN = 500  # Lago's own; 502 to 504 come from what is before it
MOST = 100  # records of one page, at twenty calls each
MOST_IN_A_ROW = 30  # before any can be read; with more of them, it is not records that are broken
TRIES = 3  # to read all parts while nothing changes
TWICE = 2  # a single record is asked for once more before it is given up

# Reads one window, with so many tries of the call; None for as many as usual.
Fetch = Callable[[Window, int | None], Page[T]]


def is_broken(error: LagoError) -> bool:
    """Return whether Lago failed at what it was to show, however often it was asked."""
    return error.status == BROKEN


def narrowed(fetch: Fetch[T], window: Window) -> Page[T]:
    """Return what can be read of a window, and the places of what cannot; raise LagoError.

    One that `is_broken` says that nothing of it can be read, or too little. A window of which everything can
    be read is one call.
    """
    try:
        return fetch(window, None)
    except LagoError as error:
        if not is_broken(error):
            raise
        for _ in range(TRIES):
            if (page := _Parts(fetch, window, error).page()) is not None:
                return page
    message = "Lago's list kept changing while a record was looked for that it cannot show"
    raise LagoError(UNREACHABLE, message, repeatable=True, down=True)


class _Parts(Generic[T]):
    """One try to read a window in parts, each of which begins at a multiple of its size, as pages do."""

    def __init__(self, fetch: Fetch[T], window: Window, error: LagoError) -> None:
        self._fetch, self._window, self._error = fetch, window, error
        self._found: dict[int, tuple[str, T | None]] = {}  # by place, from 0
        self._unread: list[int] = []
        self._totals: set[int] = set()

    def page(self) -> Page[T] | None:
        """Return the page; None if the list changed meanwhile."""
        size = 1 << (self._window.size.bit_length() - 1)  # the power of two below
        for number in range(self._window.start // size, -(-self._window.end // size)):
            self._read(Window(number + 1, size))
        if not self._totals:
            raise self._error  # of all that there is, nothing can be shown
        if len(self._totals) != 1:
            return None
        (total,) = self._totals
        items = dict(found for place, found in sorted(self._found.items()) if self._is_inside(place))
        unread = [place + 1 for place in self._unread if self._is_inside(place)]
        return Page(self._window, items, total, tuple(unread))

    def _read(self, part: Window) -> None:
        if self._is_beyond(part):
            return
        try:
            page = self._fetch(part, 1 if part.size > 1 else TWICE)
        except LagoError as error:
            if not is_broken(error):
                raise
            self._halve(part)
            return
        self._totals.add(page.total_count)
        self._found |= enumerate(page.items.items(), part.start)

    def _halve(self, part: Window) -> None:
        half = part.size // 2
        if half:
            for number in (part.number * 2 - 1, part.number * 2):
                self._read(Window(number, half))
            return
        self._unread.append(part.start)
        if len(self._unread) > (MOST if self._totals else MOST_IN_A_ROW):
            raise self._error

    def _is_beyond(self, part: Window) -> bool:
        """Return whether nothing of a part is asked for, or nothing is there."""
        end = min(self._window.end, *self._totals) if self._totals else self._window.end
        return part.start >= end or part.end <= self._window.start

    def _is_inside(self, place: int) -> bool:
        return self._window.start <= place < self._window.end
