"""What a call costs SteVe: serial work of its processors, for which calls queue."""

from dataclasses import dataclass, field

from rehearsal.steve.versions import V3_8, Version

CORES = 2
PASSWORD_MS = 55.0  # of every call from 3.8 on, a refused one too: it checks the password slowly on purpose
HEADER_MS = 13.0  # of every call before
VIEW_MS = 0.0165  # for each idTag there is: a call about one builds a view over all
LISTED_MS = 0.03  # for each idTag or session that is listed


@dataclass(slots=True)
class Cost:
    """Off while `factor` is 0; 1 is what was measured on a real one, 0.01 a hundredth of it.

    `spent_ms` is the work of all calls so far, at factor 1.
    """

    version: Version
    factor: float = 0.0
    spent_ms: float = 0.0
    _free_at: list[float] = field(default_factory=lambda: [0.0] * CORES)

    def of(self, *, viewed: int = 0, listed: int = 0) -> float:
        """Return the milliseconds of a call that views and lists so much."""
        login = PASSWORD_MS if self.version >= V3_8 else HEADER_MS
        return login + viewed * VIEW_MS + listed * LISTED_MS

    def done_at(self, now_s: float, work_ms: float) -> float:
        """Queue work for the core that is free first and return when it is done."""
        self.spent_ms += work_ms
        core = self._free_at.index(min(self._free_at))
        self._free_at[core] = max(now_s, self._free_at[core]) + work_ms * self.factor / 1000
        return self._free_at[core]
