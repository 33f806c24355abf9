"""How many calls may be under way at once, which may change while they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Lanes:
    """Lets as many threads work at once as are wanted now; the others wait."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._taken = 0
        self._changed = Condition()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Have a lane for as long as this lasts."""
        with self._changed:
            while self._taken >= self.wanted:
                self._changed.wait()
            self._taken += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken -= 1
                self._changed.notify()

    def change(self, wanted: int) -> None:
        """Want more or fewer from now on; what is under way ends by itself."""
        with self._changed:
            self.wanted = wanted
            self._changed.notify_all()
