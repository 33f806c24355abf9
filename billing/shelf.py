"""What Lago has of many customers, packed: as objects it would be most of what a large file takes of memory.

Who looks something up goes through customers in the order in which they were asked for. So what belongs to
customers that follow each other lies in one compartment, and only a few of these are open at a time.
"""

import json
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime, tzinfo
from functools import lru_cache
from operator import attrgetter
from threading import Lock
from typing import Any, Generic, Protocol, TypeVar

from billing.values import instant_of

COMPARTMENT = 1_000  # customers
AT_ONCE = 100  # things that are packed together; fewer pack badly
OPEN = 2  # compartments


class Known(Protocol):
    """A value, all of whose fields are as JSON has them, or instants."""

    @property
    def lago_id(self) -> str: ...


T = TypeVar("T", bound=Known)


class Shelf(Mapping[str, list[T]], Generic[T]):
    """Things of one kind, under each of the external_ids that were asked for; of many there is nothing.

    An id is not kept by itself: its hash says in which compartment it is known. Threads may look things up
    once all is put there.
    """

    def __init__(self, kind: type[T], external_ids: Iterable[str]) -> None:
        """Take who is asked for, in the order in which they will be gone through."""
        self._packing = _Packing(kind)
        self._names: list[bytes] = []
        self._hashes, self._compartments = self._placed(external_ids)
        self._is_filled = bytearray(len(self._hashes))
        self._waiting: list[list[Any]] = [[] for _ in self._names]
        self._packed: list[list[bytes]] = [[] for _ in self._names]
        self._open: dict[int, Mapping[str, list[T]]] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, external_id: object) -> bool:
        return self._at(external_id) is not None

    def __getitem__(self, external_id: str) -> list[T]:
        at = self._at(external_id)
        if at is None:
            raise KeyError(external_id)
        return self._opened(self._compartments[at]).get(external_id, []) if self._is_filled[at] else []

    def __iter__(self) -> Iterator[str]:
        for number, names in enumerate(self._names):
            for external_id in dict.fromkeys(_unpacked(names)):
                at = self._at(external_id)
                if at is not None and self._compartments[at] == number:  # else it was there before
                    yield external_id

    def has(self, external_id: str) -> bool:
        """Return whether there is anything of somebody; nothing is opened for it."""
        at = self._at(external_id)
        return at is not None and bool(self._is_filled[at])

    def filled(self) -> int:
        """Count those of whom there is something."""
        return self._is_filled.count(1)

    def put(self, external_ids: Iterable[str], thing: T) -> None:
        """Put a thing under those of the ids that are asked for, in the place of what it was before."""
        for external_id in external_ids:
            at = self._at(external_id)
            if at is None:
                continue
            self._is_filled[at] = 1
            compartment = self._compartments[at]
            self._waiting[compartment].append([external_id, *self._packing.of(thing)])
            if len(self._waiting[compartment]) >= AT_ONCE:
                self._pack(compartment)

    def closed(self) -> "Shelf[T]":
        """Pack the rest, and return the shelf."""
        for compartment, waiting in enumerate(self._waiting):
            if waiting:
                self._pack(compartment)
        return self

    def _placed(self, external_ids: Iterable[str]) -> tuple["array[int]", "array[int]"]:
        """Return the hashes in order, each once, and the first compartment of each.

        Two ids of one hash are in one compartment, which knows them apart.
        """
        places: list[int] = []
        names: list[str] = []
        for place, external_id in enumerate(external_ids):
            if place % COMPARTMENT == 0 and names:
                self._names.append(_packed(names))
                names = []
            names.append(external_id)
            places.append(hash(external_id) << 32 | place // COMPARTMENT)
        if names:
            self._names.append(_packed(names))
        places.sort()
        hashes, compartments = array("q"), array("L")
        for one in places:
            if not hashes or hashes[-1] != one >> 32:
                hashes.append(one >> 32)
                compartments.append(one & 0xFFFFFFFF)
        return hashes, compartments

    def _at(self, external_id: object) -> int | None:
        wanted = hash(external_id)
        at = bisect_left(self._hashes, wanted)
        return at if at < len(self._hashes) and self._hashes[at] == wanted else None

    def _pack(self, compartment: int) -> None:
        self._packed[compartment].append(_packed(self._waiting[compartment]))
        self._waiting[compartment] = []

    def _opened(self, compartment: int) -> Mapping[str, list[T]]:
        with self._lock:
            if compartment not in self._open:
                if len(self._open) >= OPEN:
                    del self._open[next(iter(self._open))]
                self._open[compartment] = self._read(compartment)
            return self._open[compartment]

    def _read(self, compartment: int) -> dict[str, list[T]]:
        found: dict[str, dict[str, T]] = {}
        for some in self._packed[compartment]:
            for external_id, *values in _unpacked(some):
                thing = self._packing.thing(values)
                found.setdefault(external_id, {})[thing.lago_id] = thing
        return {external_id: list(things.values()) for external_id, things in found.items()}


class OnlyOne(Mapping[str, T], Generic[T]):
    """The things of a shelf by external_id, where there is one of each; who has none is not there."""

    def __init__(self, shelf: Shelf[T]) -> None:
        self._shelf = shelf

    def __len__(self) -> int:
        return self._shelf.filled()

    def __contains__(self, external_id: object) -> bool:
        return isinstance(external_id, str) and self._shelf.has(external_id)

    def __getitem__(self, external_id: str) -> T:
        found = self._shelf[external_id]
        if not found:
            raise KeyError(external_id)
        return found[-1]

    def __iter__(self) -> Iterator[str]:
        return filter(self._shelf.has, self._shelf)


class _Packing(Generic[T]):
    """Takes a value apart, and puts it together again."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        known = fields(kind)  # type: ignore[arg-type]  # a dataclass; there is no bound that says so
        self._values = attrgetter(*(one.name for one in known))
        self._instants = [n for n, one in enumerate(known) if one.type in (datetime, datetime | None)]

    def of(self, thing: T) -> list[Any]:
        values = list(self._values(thing))
        for place in self._instants:
            if values[place] is not None:
                values[place] = _written(values[place], values[place].tzinfo)
        return values

    def thing(self, values: list[Any]) -> T:
        for place in self._instants:
            if values[place] is not None:
                values[place] = instant_of(values[place])
        return self._kind(*values)


@lru_cache(maxsize=4096)  # as of reading: many things share their instants
def _written(moment: datetime, zone: tzinfo | None) -> str:
    """Write an instant; by its zone too, as two that are written otherwise are equal."""
    return moment.isoformat()


def _packed(some: list[Any]) -> bytes:
    return zlib.compress(json.dumps(some, separators=(",", ":")).encode(), level=1)


def _unpacked(content: bytes) -> list[Any]:
    found: list[Any] = json.loads(zlib.decompress(content))
    return found
