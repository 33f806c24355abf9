"""What is asked of a run while it is at work, on whatever machine: heard through the database.

The thread that owns the database asks, one row by its key, about once a second and after each batch, and
hands on what it heard: to the stop, which every thread looks at, to the lanes, and to the pace of the calls.
By the same way it tells how many calls were made.
"""

import time
from collections.abc import Callable

from auditlog.people import with_names
from customers.backfill.engine.lanes import Lanes
from customers.backfill.engine.stop import Stop
from customers.backfill.ledger.calls import CallsKept
from customers.backfill.ledger.life import SOMEBODY, paused_by, stopped_by
from customers.backfill.ledger.pace import Pace
from customers.backfill.systems import Systems
from customers.models import BackfillRun

LOOK_S = 1.0
PAUSING = "Pausing, asked by {}: what is in flight is finished and recorded."
STOPPING = "Stopping, asked by {}: what is in flight is finished and recorded."


class Hearing:
    """Hears for one attempt at a run, or at its revert."""

    def __init__(
        self, run: BackfillRun, systems: Systems, stop: Stop, lanes: Lanes, tell: Callable[[str], None]
    ) -> None:
        self._run_pk, self._lago, self._stop, self._lanes, self._tell = (
            run.pk,
            systems.lago,
            stop,
            lanes,
            tell,
        )
        self._calls = CallsKept(run.pk, systems.tallies)
        self._pace, self._said = Pace(), ""
        self._due = 0.0

    def listen(self) -> None:
        """Look, if it is time to: called as often as the work comes round."""
        self._calls.keep()
        if time.monotonic() >= self._due:
            self.look()

    def close(self) -> None:
        """Tell the last of the calls, once no more are made."""
        self._calls.write()

    def look(self) -> None:
        """Read what is asked, and see that it is done."""
        self._due = time.monotonic() + LOOK_S
        asked = BackfillRun.objects.filter(pk=self._run_pk)
        to_stop, to_pause, pace, who = asked.values_list(
            "stop_requested", "pause_requested", "pace", "asked_by"
        ).get()
        if to_stop:
            self._end(STOPPING, who, interrupted=True)
        elif to_pause:
            self._end(PAUSING, who, paused=True)
        self._keep(Pace.kept(pace))

    def _end(self, words: str, who: str, *, interrupted: bool = False, paused: bool = False) -> None:
        if words != self._said and not self._stop.interrupted:
            self._tell(with_names(words.format(who or SOMEBODY)))
        self._said = words
        reason = stopped_by(who) if interrupted else paused_by(who)
        self._stop.request(reason, interrupted=interrupted, paused=paused)

    def _keep(self, pace: Pace) -> None:
        """Go at this pace from now on; whoever sleeps for a turn at the old one is woken."""
        if pace == self._pace:
            return
        before, self._pace = self._pace, pace
        if pace.concurrency and pace.concurrency != before.concurrency:
            self._lanes.change(pace.concurrency)
        if pace.rate is not None and pace.rate != before.rate:
            self._lago.set_rate(pace.rate)
        self._stop.wake()
        self._tell(f"Pace: {pace.sentence}.")
