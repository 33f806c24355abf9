"""What a reconciliation found: counts of things, and each divergence."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from customers.backfill.ledger.standing import Standing
from customers.backfill.money.invoiced import NOTHING, InvoicedSince
from customers.models import BackfillRun
from kernel import Divergence, Problem

EXAMPLES = 3  # rows named of a group; JSON names them all


@dataclass(frozen=True, slots=True)
class Found:
    """One divergence, named so that it can be looked up anywhere. `adopted`: not made by the run."""

    line: int
    external_id: str
    step: str
    divergence: Divergence
    adopted: bool = False


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know of a thing that does not diverge."""

    line: int
    external_id: str
    step: str
    what: Problem


@dataclass(frozen=True, slots=True)
class Group:
    """A line for people: one divergence, or all rows that were not imported for one and the same reason."""

    first: Sequence[Found]
    number: int

    @property
    def found(self) -> Found:
        return self.first[0]

    @property
    def lines(self) -> str:
        return ", ".join(str(one.line) for one in self.first) + (", …" if self._more else "")

    @property
    def external_ids(self) -> str:
        """Name the first few, each once: a customer may have several cards."""
        named = ", ".join(dict.fromkeys(one.external_id for one in self.first))
        return f"{named} and {self._more:,} more" if self._more else named

    @property
    def _more(self) -> int:
        return self.number - len(self.first)


def grouped(found: Iterable[Found]) -> list[Group]:
    """Group rows that were not imported by reason: a run that was broken off leaves thousands of one kind.

    Each other divergence is a line of its own. A group stands where its first row does.
    """
    groups: dict[object, list[Found]] = {}
    for one in found:
        told = one.divergence
        key = told if told.kind == "not_imported" else id(one)
        groups.setdefault(key, []).append(one)
    return [Group(some[:EXAMPLES], len(some)) for some in groups.values()]


@dataclass(slots=True)
class StepCount:
    """How many things of a kind the run answers for, and how many are as recorded.

    `expected` is `created` and `adopted` together, and `agreeing` and `diverging` together. A thing that
    differs in several ways diverges once; a row that was not imported has no such thing, and counts nowhere.
    """

    expected: int = 0
    created: int = 0
    adopted: int = 0
    diverging: int = 0

    @property
    def agreeing(self) -> int:
        return self.expected - self.diverging


@dataclass(slots=True)
class Reconciliation:
    """`standing` is how far the import came when the comparison began; `invoiced` is no divergence."""

    run: BackfillRun
    standing: Standing
    rows: Counter[str] = field(default_factory=Counter)
    steps: dict[str, StepCount] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    cautions: list[Problem] = field(default_factory=list)  # of what was looked at as a whole
    invoiced: InvoicedSince = NOTHING

    @property
    def is_well(self) -> bool:
        return not self.found and self.standing.is_finished

    @property
    def status(self) -> str:
        if self.found:
            return "diverges"
        return "agrees" if self.standing.is_finished else "unfinished"
