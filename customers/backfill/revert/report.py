"""What is chosen before a revert, and what came of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from customers.backfill.revert.planning import RevertPlan
from customers.backfill.revert.records import Line, Told
from customers.backfill.settling_in import SettlingIn


@dataclass(frozen=True, slots=True)
class Choice:
    """What to do with customers who were active after the run; neither means: refuse to begin."""

    keep_active: bool = False
    discard_activity: bool = False

    @property
    def is_made(self) -> bool:
        return self.keep_active or self.discard_activity


@dataclass(slots=True)
class Came:
    """What came of an attempt: things by their outcome; of those that failed, and of those in use, which."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Told] = field(default_factory=list)
    in_use: list[Told] = field(default_factory=list)  # what stays, and may be used
    reason: str = ""
    seconds: float = 0.0

    def hear(self, line: Line) -> None:
        """Take in what became of a thing."""
        self.counts[line.outcome] += 1
        if line.outcome == "failed":
            self.failures.append(line.told)
        if line.in_use:
            self.in_use.append(line.told)


@dataclass(slots=True, kw_only=True)
class RevertReport(Came):
    """`refused`: customers were active and no choice was made; `nothing`: there was nothing to remove;
    `shared`: it is left to workers, and the manifest tells how it goes.
    """

    plan: RevertPlan
    status: str
    rows: int = 0  # that are left to workers
    manifest: Path | None = None
    interrupted: bool = False
    settling: SettlingIn = field(default_factory=SettlingIn)

    @property
    def is_well(self) -> bool:
        return self.status in ("reverted", "nothing") and self.settling.is_well


def last_line(status: str, counts: Mapping[str, int], seconds: float, reason: str) -> dict[str, object]:
    """Say for the manifest how an attempt ended."""
    told = {"reason": reason} if reason else {}
    return {"status": status, **counts, "seconds": f"{seconds:.1f}", **told}
