"""What Lago does unasked: follow the clock, and keep the state in its file."""

import asyncio
import time
from pathlib import Path

from rehearsal.lago.exchange import LagoExchange
from rehearsal.lago.state_file import save
from rehearsal.lago.subscriptions.calendar import tick

HOUSEKEEPING_S = 5.0
SHARE = 50  # the pause is at least this many times as long as the work took


class Housekeeping:
    def __init__(self, exchange: LagoExchange, state_file: Path | None) -> None:
        self._exchange = exchange
        self._state_file = state_file
        self._saved_at = 0

    async def go_on(self) -> None:
        """Follow the clock and save; a large state less often, since nobody is served meanwhile."""
        pause = HOUSEKEEPING_S
        while True:
            await asyncio.sleep(pause)
            started = time.monotonic()
            tick(self._exchange.lago.world)
            if self._exchange.log.total != self._saved_at:
                self.save()
            pause = max(HOUSEKEEPING_S, SHARE * (time.monotonic() - started))

    def save(self) -> None:
        if self._state_file:
            save(self._exchange.lago.world, self._state_file)
            self._saved_at = self._exchange.log.total
