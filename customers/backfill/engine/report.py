"""All that can be asked about a plan or a run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from customers.backfill.engine.canary import Canary
from customers.backfill.engine.expected import Expected
from customers.backfill.engine.mapped import MappedFile
from customers.backfill.engine.options import Options
from customers.backfill.engine.plan import Plan, PlannedRow
from customers.backfill.engine.sharing import Ended
from customers.backfill.ledger.reclaim import Reclaim
from customers.backfill.money.billed_before import BilledBefore
from customers.backfill.money.billing_lines import BillingLine
from customers.backfill.money.details import Details
from customers.backfill.money.differences import Differences
from customers.backfill.money.invoices import Invoices
from customers.backfill.money.open_usage import OpenUsage
from customers.backfill.money.totals import Total
from customers.backfill.settling_in import SettlingIn
from customers.backfill.source import SourceInfo, SourceRow
from customers.backfill.systems import Systems
from customers.models import BackfillRun
from kernel import Problem


@dataclass(frozen=True, slots=True)
class Report:
    """All that an operator can ask about a plan or a run. `outcomes` are by line, of rows settled so far."""

    info: SourceInfo
    systems: Systems
    plan: Plan
    billing: Sequence[BillingLine]
    invoices: Invoices
    warnings: Sequence[Problem]
    dry_run: bool
    status: str
    options: Options = field(default_factory=Options)  # as they hold for this file
    mapped: MappedFile | None = None  # of a file that is read through a mapping
    before: BilledBefore | None = None  # where rows say until when the old provider has billed
    differences: Differences | None = None  # where rows say what is paid now
    open_usage: OpenUsage | None = None  # where rows say what is charged and not billed yet
    expected: Sequence[Expected] = ()
    totals: Sequence[Total] = ()
    details: Sequence[Details] = ()
    canary: Canary | None = None  # where only the first customers are to go in
    billing_first: Sequence[BillingLine] = ()  # of these alone
    continues: str = ""  # the id of the unfinished run that this file continues
    reclaim: Reclaim | None = None  # what is taken into the ledger again
    run: BackfillRun | None = None
    outcomes: dict[int, Ended] = field(default_factory=dict)
    log_path: Path | None = None
    reason: str = ""
    seconds: float = 0.0
    interrupted: bool = False
    settling: SettlingIn = field(default_factory=SettlingIn)
    given: Iterable[SourceRow] = ()  # the rows of the plan as the operator wrote them, read anew each time

    @property
    def is_well(self) -> bool:
        return self.status in ("would_succeed", "succeeded", "canary")

    @property
    def at_hand(self) -> Plan:
        """Return the plan of what is done now: of a canary, that of its customers alone."""
        return self.canary.plan if self.canary else self.plan

    def is_waiting(self, row: PlannedRow) -> bool:
        """Return whether a run leaves the row untouched, since only the first customers are to go in."""
        return self.run is not None and self.canary is not None and not self.canary.has(row)

    @property
    def cautions(self) -> list[Problem]:
        """Return the warnings about the file as a whole and, while nothing is done yet, about the time."""
        long = [one.warning for one in self.expected] if self.run is None else []
        return [*self.warnings, *(warning for warning in long if warning)]

    def problems_of(self, row: PlannedRow) -> tuple[Problem, ...]:
        """Return what stands or stood in the way of a row, by the plan or by what happened."""
        settled = self.outcomes.get(row.line)
        return settled.problems if settled else row.problems

    def flawed(self) -> Iterator[tuple[SourceRow, tuple[Problem, ...]]]:
        """Return the rows that need attention, as the operator wrote them; raise SourceError."""
        if any(map(self.problems_of, self.plan.rows)):
            for given, row in zip(self.given, self.plan.rows, strict=True):
                if found := self.problems_of(row):
                    yield given, found
