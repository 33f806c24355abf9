"""How things are asked for in Lago, whatever they are: one by its address, or a listing by pages."""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any, Protocol, TypeVar

from billing.api.narrowing import narrowed
from billing.api.pages import FIRST, Listing, Page, Window, read_all, spread
from billing.api.replies import Reply
from billing.api.transport import Params, Transport
from billing.errors import ID_MISMATCH, UNEXPECTED, LagoError
from billing.values import Json

T = TypeVar("T")
N = TypeVar("N", bound="Named")

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)


class Named(Protocol):
    """A value with the key that we gave it."""

    @property
    def external_id(self) -> str: ...


class Resources:
    """The ground that each family of calls stands on."""

    def __init__(self, transport: Transport, workers: int) -> None:
        self._transport = transport
        self._workers = workers

    def _send(
        self,
        method: str,
        path: str,
        key: str,
        *,
        params: Params = (),
        body: Mapping[str, Any] | None = None,
        tries: int | None = None,
        once: bool = False,
    ) -> Reply:
        wrapped = None if body is None else {key: body}
        return self._transport.send(
            method, f"api/v1/{path}", key, params=params, body=wrapped, tries=tries, once=once
        )

    def _find(self, path: str, key: str, params: Params = ()) -> Reply | None:
        """Read one thing; None only where Lago itself says that there is no such thing."""
        try:
            return self._send("GET", path, key, params=params)
        except LagoError as error:
            if is_absent(error, key):
                return None
            raise

    def _find_named(
        self, path: str, key: str, of: Callable[[Json], N], external_id: str, params: Params = ()
    ) -> N | None:
        reply = self._find(path, key, params)
        return None if reply is None else named(reply, key, of, external_id)

    def _search(self, name: str, of: Callable[[Json], N], external_id: str, params: Params = ()) -> N | None:
        """Look for an id in a listing: for ids with a dot, which a proxy may have cut out of the path.

        Before 1.49 Lago does not know this filter and lists everything, which is slow and still right.
        """

        def keep(data: Json) -> N | None:
            return of(data) if data["external_id"] == external_id else None

        found = self._all(name, keep, [("external_id", external_id), *params])
        return found[0] if found else None

    def _page(
        self,
        name: str,
        of: Callable[[Json], T | None],
        params: Params,
        window: Window = FIRST,
        tries: int | None = None,
    ) -> Page[T]:
        """Read one page; `of` returns None for items that are of no use."""
        where = [("page", str(window.number)), ("per_page", str(window.size))]
        reply = self._send("GET", name, name, params=[*params, *where], tries=tries)
        return _page(reply, name, of, window)

    def _all(
        self,
        name: str,
        of: Callable[[Json], T | None],
        params: Params = (),
        first: Page[T] | None = None,
        take: Callable[[T], None] | None = None,
    ) -> list[T]:
        """Read a whole listing, from its `first` page on if that is at hand; `take` as in `read_all`."""
        return read_all(partial(self._page, name, of, params), self._workers, first, take).items

    def _readable_page(
        self, name: str, of: Callable[[Json], T | None], params: Params, window: Window = FIRST
    ) -> Page[T]:
        """Read what Lago can show of one page; the page says what it cannot."""
        return narrowed(partial(self._page, name, of, params), window)

    def _all_readable(
        self,
        name: str,
        of: Callable[[Json], T | None],
        params: Params,
        first: Page[T],
        take: Callable[[T], None],
    ) -> Listing[T]:
        """Read what Lago can show of a whole listing, for callers who look after what it cannot."""
        return read_all(partial(self._readable_page, name, of, params), self._workers, first, take)

    def _of_customers(
        self,
        name: str,
        of: Callable[[Json], T],
        owner: Callable[[Json], str | None],
        external_ids: Collection[str],
        params: Params = (),
    ) -> list[T]:
        """Read what some customers have: the whole listing, or customer by customer where that is less.

        `owner` tells whose an item is: a server may not know the filter, and lists everything then.
        """
        wanted = frozenset(external_ids)

        def keep(whose: Collection[str], data: Json) -> T | None:
            return of(data) if owner(data) in whose else None

        def of_one(external_id: str) -> list[T]:
            return self._all(
                name, partial(keep, {external_id}), [("external_customer_id", external_id), *params]
            )

        if len(wanted) > 1:
            first = self._page(name, partial(keep, wanted), params)
            if first.total_pages - 1 <= len(wanted):
                return self._all(name, partial(keep, wanted), params, first)
        return list(chain.from_iterable(spread(of_one, sorted(wanted), self._workers)))

    def _count(self, name: str, of: Callable[[Json], object], params: Params) -> int:
        """Return how many items pass the filter; `of` returns None for one that should not have passed."""
        page = self._page(name, of, params, Window(1, 1))
        if None in page.items.values():
            raise LagoError(UNEXPECTED, f"Lago answered without usable {name}")
        return page.total_count


def wire(moment: datetime) -> str:
    """Write an instant as Lago is sent it: in UTC, to the second."""
    if moment.tzinfo is None:
        raise ValueError("an instant must be aware: Lago would take it for UTC")
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _page(reply: Reply, name: str, of: Callable[[Json], T | None], window: Window) -> Page[T]:
    # Events kept in ClickHouse have no lago_id; their place has to do.
    try:
        items = {
            item["lago_id"] or f"at {place}": of(item)
            for place, item in enumerate(reply.body[name], window.start)
        }
        pages, count = int(reply.body["meta"]["total_pages"]), int(reply.body["meta"]["total_count"])
    except UNREADABLE:
        raise unusable(reply, name) from None
    if not 0 <= pages <= count:
        raise unusable(reply, name)
    return Page(window, items, count)


def value(reply: Reply, key: str, of: Callable[[Any], T], *, sent: bool = False) -> T:
    """Return what the reply holds, or raise LagoError if it is not that."""
    try:
        return of(reply.body[key])
    except UNREADABLE:
        raise unusable(reply, key, sent=sent) from None


def named(reply: Reply, key: str, of: Callable[[Json], N], external_id: str, *, sent: bool = False) -> N:
    """Return what the reply holds, or raise LagoError if it is another one than was asked for."""
    found = value(reply, key, of, sent=sent)
    if found.external_id != external_id:
        raise another(reply, key, sent=sent)
    return found


def another(reply: Reply, key: str, *, sent: bool = False) -> LagoError:
    message = f"Lago answered about another {key} than was asked for: does a proxy rewrite addresses?"
    return LagoError(ID_MISMATCH, message, status=reply.status, sent=sent)


def unusable(reply: Reply, key: str, *, sent: bool = False) -> LagoError:
    return LagoError(UNEXPECTED, f"Lago answered without usable {key}", status=reply.status, sent=sent)


def is_absent(error: LagoError, key: str) -> bool:
    """Return whether Lago has no such thing; any other 404 comes from a wrong address or from a proxy."""
    return error.status == 404 and error.lago_code == f"{key}_not_found"
