"""What the customers' step tells that of the subscriptions: which were there, and when others were made."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Seen:
    """The external ids of customers that a look has found: only these can have had a subscription before.

    `zones` names the time zone by whose days Lago bills each of them.
    """

    customers: set[str] = field(default_factory=set)
    zones: dict[str, str] = field(default_factory=dict)


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
