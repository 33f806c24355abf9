"""What the customers' step tells that of the subscriptions: which were there, and when others were made."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from weakref import ref

from billing.shelf import OnlyOne
from billing.values import Customer, Subscription


@dataclass(slots=True)
class Seen:
    """The customers that a look has found: only these can have had a subscription before.

    `_looks` are the results of looks at many. `_zones` are of all others, by external_id: the time zone by
    whose days Lago bills each of them, or blank.
    """

    _looks: list[Mapping[str, Customer]] = field(default_factory=list)
    _zones: dict[str, str] = field(default_factory=dict)
    _live: "Callable[[], Mapping[str, Sequence[Subscription]] | None]" = lambda: None

    def note(self, found: Mapping[str, Customer]) -> None:
        """Remember what a look has found."""
        if isinstance(found, OnlyOne):
            self._looks.append(found)
        else:
            self.recall({key: customer.applicable_timezone or "" for key, customer in found.items()})

    def recall(self, zones: Mapping[str, str]) -> None:
        """Take over what `zone_of` gave, perhaps in another process."""
        self._zones.update(zones)

    def __contains__(self, external_id: object) -> bool:
        return external_id in self._zones or any(external_id in look for look in self._looks)

    def __iter__(self) -> Iterator[str]:
        return chain(self._zones, *self._looks)

    def zone_of(self, external_id: str) -> str:
        """Name the time zone of somebody; blank where it is not known, or nobody was found."""
        zone = self._zones.get(external_id)
        for look in self._looks if not zone else ():
            if external_id in look:  # which costs little; most of a file are new
                zone = zone or look[external_id].applicable_timezone
        return zone or ""

    def keep_live(self, live: Mapping[str, Sequence[Subscription]]) -> None:
        """Remember what was found active or pending, for as long as somebody else holds it."""
        self._live = ref(live)

    def live_of(self, external_ids: Collection[str]) -> Mapping[str, Sequence[Subscription]] | None:
        """Return what a look has found active or pending; None where it was not about all of these."""
        live = self._live()
        return live if live is not None and all(one in live for one in external_ids) else None


@dataclass(slots=True)
class Births:
    """Shared by threads. `gap_s` is how long after a customer its subscription may be made."""

    gap_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _at: dict[str, float] = field(default_factory=dict)

    def note(self, external_id: str) -> None:
        if self.gap_s:
            self._at[external_id] = self.clock()

    def keep_apart(self, external_id: str) -> None:
        """Wait for what is left of the gap; other rows have filled most of it."""
        born = self._at.pop(external_id, None)
        left = 0.0 if born is None else born + self.gap_s - self.clock()
        if left > 0:
            self.sleep(left)
