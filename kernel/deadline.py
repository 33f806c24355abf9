"""An end for all calls of a piece of work together, where somebody waits for it and gives up by then."""

import time
from collections.abc import Callable
from typing import Any

import requests

from kernel.exchange import Answer
from kernel.one_server import OneServer


class Deadline:
    """So many seconds from now on, for any number of calls, in any thread."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._end = clock() + seconds

    @property
    def left_s(self) -> float:
        return max(self._end - self._clock(), 0.0)

    @property
    def is_over(self) -> bool:
        return self.left_s <= 0

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the end."""
        time.sleep(min(seconds, self.left_s))


class BoundedAdapter(OneServer):
    """Lets no call wait beyond a deadline, and makes none after it: that is a time-out like any other."""

    def __init__(self, deadline: Deadline, **pool: Any) -> None:
        super().__init__(**pool)
        self._deadline = deadline

    def ask(
        self, request: requests.PreparedRequest, *, timeout_s: float, most: int, **network: Any
    ) -> Answer:
        bounded_s = min(timeout_s, self._left_s(request))
        return super().ask(request, timeout_s=bounded_s, most=most, **network)

    def send(self, request: requests.PreparedRequest, *args: Any, **how: Any) -> requests.Response:
        left_s = self._left_s(request)
        timeout = how.get("timeout")
        each = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        how["timeout"] = tuple(left_s if one is None else min(one, left_s) for one in each)
        return super().send(request, *args, **how)

    def _left_s(self, request: requests.PreparedRequest) -> float:
        left_s = self._deadline.left_s
        if left_s <= 0:
            raise requests.ConnectTimeout("no time is left", request=request)
        return left_s
