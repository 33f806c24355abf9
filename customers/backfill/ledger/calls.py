"""How many calls a run makes to each system, kept where whoever watches it can read it.

The systems' clients count. What came since the last time is added every few seconds, so that it costs the run
nothing; a killed process takes with it what it counted since.
"""

from collections.abc import Mapping
from time import monotonic

from django.db import connection

from kernel.tally import Calls, Tally

KEEP_EACH_S = 5.0

ADD = """
    INSERT INTO customers_runcalls (run_id, system, calls, errors) VALUES (%s, %s, %s, %s)
    ON CONFLICT (run_id, system) DO UPDATE SET
        calls = customers_runcalls.calls + excluded.calls,
        errors = customers_runcalls.errors + excluded.errors
"""


class CallsKept:
    """Keeps what some tallies counted for one run; several processes may keep for one run."""

    def __init__(self, run_pk: int, tallies: Mapping[str, Tally]) -> None:
        """Take in tallies by the key of their system; what they counted before the run began counts."""
        self._run_pk, self._tallies = run_pk, tallies
        self._kept: dict[str, Calls] = {}
        self._due = 0.0

    def keep(self) -> None:
        """Keep what is new, if it is time to: called as often as the work comes round."""
        if monotonic() >= self._due:
            self.write()

    def write(self) -> None:
        self._due = monotonic() + KEEP_EACH_S
        for system, tally in self._tallies.items():
            now = tally.now
            new = now - self._kept.get(system, Calls())
            self._kept[system] = now
            if new.tries:
                with connection.cursor() as cursor:
                    cursor.execute(ADD, [self._run_pk, system, new.tries, new.errors])
