"""What the customers' step tells that of the subscriptions: which were there, and when others were made."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import ref

from billing.values import Subscription


@dataclass(slots=True)
class Seen:
    """The external ids of customers that a look has found: only these can have had a subscription before.

    `zones` names the time zone by whose days Lago bills each of them.
    """

    customers: set[str] = field(default_factory=set)
    zones: dict[str, str] = field(default_factory=dict)
    _live: "Callable[[], Mapping[str, Sequence[Subscription]] | None]" = lambda: None

    def keep_live(self, live: Mapping[str, Sequence[Subscription]]) -> None:
        """Remember what was found active or pending, for as long as somebody else holds it."""
        self._live = ref(live)

    def live_of(self, external_ids: Collection[str]) -> Mapping[str, Sequence[Subscription]] | None:
        """Return what a look has found active or pending; None where it was not about all of these."""
        live = self._live()
        return live if live is not None and live.keys() >= set(external_ids) else None


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
