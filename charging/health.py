"""Whether SteVe as a whole works, where a failed call could also be a fault of its own."""

import time
from collections.abc import Callable
from threading import Lock

from charging.errors import SteveError, still_away

FRESH_S = 2.0  # for how long a bad answer spares the calls after it the same wait


class Health:
    """Finds out, by a harmless call, whether SteVe works; shared by threads, of which one asks for all.

    Once it is found away, every call asks first, so that none waits for its own time-out in vain, and the
    first good answer lets them through again.
    """

    def __init__(self, ask: Callable[[], object], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = Lock()
        self._why = ""  # it does not work; blank while it does, for all that is known
        self._asked_at: float | None = None

    def is_well(self) -> bool:
        """Ask, unless an answer came while another thread was waited for, or a bad one just before."""
        since = self._clock() - (FRESH_S if self._why else 0)
        with self._lock:
            if self._asked_at is None or self._asked_at < since:
                self._why = self._answer()
                self._asked_at = self._clock()
            return not self._why

    def check(self) -> None:
        """Raise SteveError while it is away. Costs nothing as long as it was not found so."""
        if self._why and not self.is_well():
            raise still_away(self._why)

    def _answer(self) -> str:
        try:
            self._ask()
        except SteveError as error:
            return str(error)
        return ""
