"""From an opened file to everything in which it differs from what is imported. Nothing is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from customers.backfill.compare.by_hand import without_what_is_done
from customers.backfill.compare.comparing import compare
from customers.backfill.compare.costs import Prices, sums_of, with_costs
from customers.backfill.compare.imported import imported, runs_of
from customers.backfill.compare.reading import Drafted, file_read, key_of
from customers.backfill.compare.values import FileRead, Found, Imported, Kind, Sum
from customers.backfill.engine.mapped import MappedFile
from customers.backfill.engine.options import Options
from customers.backfill.engine.planning import draft, today_in
from customers.backfill.ledger.identity import check_world
from customers.backfill.money.invoices import Dated, by_date
from customers.backfill.refused import Refused
from customers.backfill.source import Source, SourceInfo, SourceRow
from customers.backfill.systems import Systems
from customers.models import BackfillRun
from kernel.wording import counted

Status = BackfillRun.Status
AT_REST = (Status.SUCCEEDED, Status.PARTIAL, Status.ABANDONED, Status.REVERTED)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`number`: how many of those who are imported were compared. `run`: the only one that was asked of."""

    info: SourceInfo
    mapped: MappedFile
    options: Options
    run: BackfillRun | None
    read: FileRead
    found: Found
    number: int
    sums: Sequence[Sum]
    first_invoices: Sequence[Dated]
    cautions: Sequence[str]
    rows: Mapping[int, SourceRow]

    @property
    def agrees(self) -> bool:
        return not (self.found.differences or self.read.flaws or self.found.held)

    @property
    def status(self) -> str:
        return "agrees" if self.agrees else "differs"


@dataclass(frozen=True, slots=True)
class _Side:
    """The imported side: all who are, by external_id, and of whom is asked."""

    runs: Sequence[BackfillRun]
    people: Mapping[str, Imported]
    asked: Mapping[str, Imported]


def compare_file(
    source: Source, systems: Systems, options: Options, *, now: datetime, run: BackfillRun | None = None
) -> Comparison:
    """Compare a file with a run, or with all that stand; raise SourceError, Refused or RemoteError."""
    side, mapped = _imported_side(systems, run), MappedFile(source.info)
    rows, there = [*source], systems.target.clock(now)
    options = options.over(source.info)
    if side.asked:
        options = replace(options, billing_time=next(iter(side.asked.values())).billing_time)
    given = [*mapped.meant(rows)]
    drafted = draft(given, systems, options, today_in(systems, there))
    read = _read([*zip(drafted, given, strict=True)], rows, side)
    found = compare(read, list(side.people.values()), None if run is None else side.asked)
    _weigh(found, read, side, systems, there)
    return Comparison(
        info=source.info,
        mapped=mapped,
        options=options,
        run=run,
        read=read,
        found=found,
        number=len(side.asked),
        sums=sums_of(found.differences),
        first_invoices=by_date(one.cost.first for one in found.of(Kind.JOINED)),
        cautions=list(_cautions(side.runs, found)),
        rows={row.line: row for row in rows},
    )


def _imported_side(systems: Systems, run: BackfillRun | None) -> _Side:
    """Read who is imported into this Lago; raise Refused if nobody is, or if the run went elsewhere."""
    if run is not None:
        check_world(run, systems)
    runs = runs_of(systems.target.organization.lago_id)
    people = {one.external_id: one for one in imported(runs)}
    if not people:
        raise Refused("Nothing is imported that a file could be compared with.")
    if run is None:
        return _Side(list(runs.values()), people, people)
    return _Side([run], people, {who: one for who, one in people.items() if run.run_id in one.runs})


def _read(drafted: Sequence[Drafted], rows: Sequence[SourceRow], side: _Side) -> FileRead:
    return file_read(
        drafted,
        [row for row in rows if row.mapped and row.mapped.left_out],
        {key_of(who) for who in side.people},
        {card.id_tag.lower() for one in side.people.values() for card in one.cards},
    )


def _weigh(found: Found, read: FileRead, side: _Side, systems: Systems, there: datetime) -> None:
    """Leave out what is put right in Lago already, and say of the rest what it costs; raise RemoteError."""
    steps = [step for step in systems.steps if step.costs]
    prices = Prices(steps, systems, there)
    with_costs(found.differences, side.people, read, prices)
    found.differences = without_what_is_done(found, side.people, read, steps)


def _cautions(runs: Iterable[BackfillRun], found: Found) -> Iterator[str]:
    unfinished = [run.run_id for run in runs if run.status not in AT_REST]
    if unfinished:
        yield (
            f"Not finished: {', '.join(unfinished)}. Who waits there counts as joined, and what is half done"
            " lacks its cards: finish it first, and compare again."
        )
    for who, line in found.held.items():
        yield f"{who} may be on line {line}, which cannot be read, and so does not count as left."
    if found.blocked:
        yield (
            f"Of {counted(len(found.blocked), 'customer')} who joined, a card is still somebody else's who"
            " stays. They are not in the file of those who joined: settle the card first, and compare again."
        )
