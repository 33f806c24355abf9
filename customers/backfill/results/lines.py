"""The lines of a result file: what the ledger knows of each row, beside the operator's own cells."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from customers.backfill import uploads
from customers.backfill.ledger.recorded import Recorded, records
from customers.backfill.ledger.taken_back import WHOLE, taken_back
from customers.backfill.money.open_usage import plain
from customers.backfill.results.invoices import RESULT, Invoices
from customers.backfill.source import Source
from customers.backfill.source.error_cells import CellValue
from customers.backfill.source.error_file import own_cells
from customers.backfill.steps import elsewhere, kinds
from customers.models import BackfillRow, BackfillRun, BackfillStep, BackfillUpload
from kernel import Per
from kernel.columns import OPEN_USAGE

State = BackfillStep.State
KNOWN = ("line", "external_id", "outcome", "codes", "plan_code", "start")
THERE = (State.CREATED, State.ADOPTED, State.KEPT, State.INTENDED)
DONE = (BackfillRow.Outcome.CREATED, BackfillRow.Outcome.COMPLETED)
NOT_BEGUN, LEFT_OUT, REVERTED, PENDING = "not_begun", "left_out", "taken_back", "pending"

Cell = CellValue | Decimal | None
Line = Sequence[Cell]


class ResultsError(Exception):
    """A result file that cannot be written; `str(error)` says why and what to do."""


def own_file(run: BackfillRun) -> Source | None:
    """Return the file of a run, if it was uploaded and is kept; raise SourceError."""
    upload = BackfillUpload.objects.filter(run=run).first()
    return uploads.open_upload(upload) if upload else None


class Lines:
    """The header, and the lines in the order of the file: with the file, of all its rows.

    Reads as it is gone through: of a row nothing is held, of customers with several cards their ids.
    """

    def __init__(self, run: BackfillRun, invoices: Invoices, source: Source | None) -> None:
        if source is not None and source.info.sha256 != run.input_sha256:
            told = f"{source.info.name} is not the file of the run {run.run_id}: its SHA-256 is another."
            raise ResultsError(f"{told} The run was over {run.input_name}.")
        self._run, self._invoices, self._source = run, invoices, source
        self._elsewhere = _elsewhere(run)
        self._gone, self._is_gone = taken_back(run), run.status in WHOLE
        sharing = BackfillStep.objects.filter(row__run=run, state=State.SHARED)
        self._sharing = set(sharing.values_list("row__external_id", flat=True))
        self._shared: dict[str, dict[str, str]] = {}
        has_usage = run.rows.filter(more__has_key=OPEN_USAGE.name).exists()
        self._usage = [OPEN_USAGE.name] if has_usage else []
        self.kwh = Decimal()  # of all lines that were given, and whose row is imported

    @property
    def header(self) -> list[str]:
        """Name the columns; ours are `backfill_…` where the file has one of that name."""
        own = [] if self._source is None else list(self._source.info.header)
        taken = {name.strip().casefold() for name in own}
        ours = [*KNOWN, *(f"{name}_id" for name in self._elsewhere), *RESULT, *self._usage]
        return [*own, *(f"backfill_{name}" if name in taken else name for name in ours)]

    def __iter__(self) -> Iterator[Line]:
        recorded = records(self._run)
        return map(self._ours, recorded) if self._source is None else self._beside(self._source, recorded)

    def _beside(self, source: Source, recorded: Iterator[Recorded]) -> Iterator[Line]:
        """Join the file and the ledger by line: both are in the order of the file."""
        one = next(recorded, None)
        blank = [""] * (len(self._elsewhere) + len(RESULT) + len(self._usage))
        for row in source:
            while one is not None and one.line < row.line:
                one = next(recorded, None)
            own: Line = own_cells(source.info, row)
            if one is not None and one.line == row.line:
                yield [*own, *self._ours(one)]
                continue
            is_left = row.mapped is not None and bool(row.mapped.left_out)
            yield [*own, row.line, "", LEFT_OUT if is_left else NOT_BEGUN, "", "", "", *blank]

    def _ours(self, one: Recorded) -> Line:
        wanted, outcome = one.wanted, self._outcome(one)
        starts = wanted.moved_to or wanted.start_date
        known: Line = [one.line, one.external_id, outcome, _codes(one), wanted.plan_code, starts or ""]
        invoice = self._invoices.of(one) if outcome != REVERTED else None
        told: Line = [getattr(invoice, name, "") for name in RESULT.values()]
        return [*known, *self._ids(one), *told, *self._open_kwh(one, outcome)]

    def _open_kwh(self, one: Recorded, outcome: str) -> Line:
        """Return what the row's own card has charged and nobody has billed; nothing without such a column."""
        if not self._usage:
            return []
        kwh: Decimal | None = OPEN_USAGE.of(one.wanted)
        if kwh is None or outcome == REVERTED:
            return [""]
        self.kwh += kwh if outcome in DONE else 0
        return [Decimal(plain(kwh))]

    def _outcome(self, one: Recorded) -> str:
        removed = any(step.state == State.REMOVED for step in one.steps.values())
        if removed or (one.external_id in self._gone and not self._is_gone):
            return REVERTED
        return one.row.outcome or PENDING

    def _ids(self, one: Recorded) -> list[str]:
        """Return the ids in other systems; a further card has those of its customer."""
        known = {name: one.steps[name].ref for name in self._elsewhere if one.state(name) in THERE}
        if one.external_id in self._sharing:
            shared = self._shared.setdefault(one.external_id, {})
            shared |= {name: ref for name, ref in known.items() if kinds()[name].per is Per.CUSTOMER}
            known = {**{name: shared.get(name, "") for name in one.steps if name in shared}, **known}
        return [known.get(name, "") for name in self._elsewhere]


def _elsewhere(run: BackfillRun) -> list[str]:
    """Name what the run has in other systems, in order."""
    names = BackfillStep.objects.filter(row__run=run).order_by().values_list("name", flat=True).distinct()
    known = set(names)
    return [name for name in elsewhere() if name in known]


def _codes(one: Recorded) -> str:
    found = [*one.row.problems, *one.row.warnings]
    return "; ".join(dict.fromkeys(problem["code"] for problem in found))
