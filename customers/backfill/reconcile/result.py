"""What a reconciliation found: counts of things, and each divergence."""

from collections import Counter
from dataclasses import dataclass, field

from customers.backfill.ledger.standing import Standing
from customers.models import BackfillRun
from kernel import Divergence


@dataclass(frozen=True, slots=True)
class Found:
    """One divergence, named so that it can be looked up anywhere. `adopted`: not made by the run."""

    line: int
    external_id: str
    step: str
    divergence: Divergence
    adopted: bool = False


@dataclass(slots=True)
class StepCount:
    """How many things of a kind the run answers for, and how many are as recorded."""

    expected: int = 0
    created: int = 0
    adopted: int = 0
    diverging: int = 0

    @property
    def agreeing(self) -> int:
        return self.expected - self.diverging


@dataclass(slots=True)
class Reconciliation:
    """`standing` is how far the import came when the comparison began."""

    run: BackfillRun
    standing: Standing
    rows: Counter[str] = field(default_factory=Counter)
    steps: dict[str, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        return not self.found and self.standing.is_finished

    @property
    def status(self) -> str:
        if self.found:
            return "diverges"
        return "agrees" if self.standing.is_finished else "unfinished"
