"""Lago, as this project uses it.

The calls are in `billing.api`, a module per family; they follow Lago's API reference. One that reads a single
thing returns None where Lago says that there is none, and raises LagoError for everything else. All are
thread-safe.
"""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from billing.api.coupons import Coupons
from billing.api.installation import Installation, supports_skip
from billing.api.subscriptions import Subscriptions
from billing.api.transport import Transport
from billing.api.usage import Usage
from billing.api.wallets import Wallets
from billing.errors import LagoError
from kernel.deadline import Deadline
from kernel.pace import Limiter
from kernel.tally import Tally

__all__ = ["LagoClient", "LagoError", "supports_skip"]


class LagoClient(Installation, Subscriptions, Usage, Wallets, Coupons):
    """One Lago organization, as its API key opens it.

    `rate_per_s` 0 means no limit; where a `limiter` is given, that one says it. Up to `pool_size` connections
    are kept, and bulk reads use as many threads.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        rate_per_s: float = 25,
        pool_size: int = 8,
        timeout_s: float = 30,
        tries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
        backoff_s: float = 0.5,
        deadline: Deadline | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        transport = Transport(
            url,
            key,
            rate_per_s=rate_per_s,
            pool_size=pool_size,
            timeout_s=timeout_s,
            tries=tries,
            sleep=sleep,
            backoff_s=backoff_s,
            deadline=deadline,
            limiter=limiter,
        )
        super().__init__(transport, pool_size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LagoClient({self.url!r})"

    def close(self) -> None:
        self._transport.close()

    def set_rate(self, rate_per_s: float) -> None:
        """Call at another rate from now on; 0 means no limit. Who sleeps for a turn has to be woken."""
        self._transport.set_rate(rate_per_s)

    @property
    def url(self) -> str:
        return self._transport.url

    @property
    def calls(self) -> int:
        """How many HTTP tries were made, repetitions included."""
        return self.tally.now.tries

    @property
    def tally(self) -> Tally:
        return self._transport.tally
