"""How many calls were made, counted by whoever makes them, in any thread."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from kernel.errors import RemoteError


@dataclass(frozen=True, slots=True)
class Calls:
    """Tries, repetitions included; `errors`: of them, where the system was at fault and not the request."""

    tries: int = 0
    errors: int = 0

    def __add__(self, other: "Calls") -> "Calls":
        return Calls(self.tries + other.tries, self.errors + other.errors)

    def __sub__(self, other: "Calls") -> "Calls":
        return Calls(self.tries - other.tries, self.errors - other.errors)


class Tally:
    def __init__(self) -> None:
        self._lock = Lock()
        self._now = Calls()

    @property
    def now(self) -> Calls:
        return self._now

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count the call that is made within."""
        self._add(Calls(tries=1))
        try:
            yield
        except RemoteError as error:
            if error.down:
                self._add(Calls(errors=1))
            raise

    def _add(self, calls: Calls) -> None:
        with self._lock:
            self._now = self._now + calls
