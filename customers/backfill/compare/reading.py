"""From the checked rows of a file to its customers. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from customers.backfill.checks.clashes import external_id_key
from customers.backfill.compare.values import Filed, FileRead, Flaw, LeftOut, Unreadable
from customers.backfill.engine.plan import PlannedRow
from customers.backfill.source import SourceRow
from kernel import Doubt, Problem, Wanted
from kernel.notation import padded

Drafted = tuple[PlannedRow, SourceRow]  # a checked row, and how it was given


def key_of(external_id: str) -> str:
    """Return what two external_ids have in common that nobody would tell apart."""
    return external_id_key(Wanted(0, "", "", external_id, "", "", None, None))


def file_read(
    rows: Sequence[Drafted],
    left_out: Iterable[SourceRow],
    known: Collection[str],
    id_tags: Collection[str],
) -> FileRead:
    """Put a file's customers together.

    `known` are the keys of customers who are imported, `id_tags` their cards in lower case: of these a value
    that looks damaged is none, as it went in like that.
    """
    read = FileRead(len(rows), {}, [], _left_out(left_out), [])
    for row, given in rows:
        problems = [one for one in row.problems if not _is_settled(one, row.wanted, known, id_tags)]
        doubted = {one.field for one in problems if isinstance(one, Doubt)}
        read.flaws += [Flaw(row.line, row.wanted.external_id, problem) for problem in problems]
        if not row.wanted.external_id or "external_id" in doubted:
            read.unreadable.append(Unreadable(row.line, _cells(row, given)))
            read.lost |= read.unreadable[-1].cells
        else:
            _add(read, _without_clash(row.wanted, problems), lacks_card=_lacks_card(row.wanted, doubted))
            if any(one.code == "id_tag_duplicate" for one in problems):
                read.customers[external_id_key(row.wanted)].lacks_card = True
    return read


def _is_settled(problem: Problem, wanted: Wanted, known: Collection[str], id_tags: Collection[str]) -> bool:
    """Return whether a doubt comes too late: what is doubted is imported."""
    if not isinstance(problem, Doubt):
        return False
    if problem.field == "id_tag":
        return wanted.id_tag.lower() in id_tags
    return external_id_key(wanted) in known


def _lacks_card(wanted: Wanted, doubted: Collection[str | None]) -> bool:
    return not wanted.id_tag or "id_tag" in doubted


def _without_clash(wanted: Wanted, problems: Iterable[Problem]) -> Wanted:
    """Leave out an address that the file gives to several: nobody is told to change theirs to it."""
    is_shared = any(one.code == "email_duplicate" for one in problems)
    return replace(wanted, email="") if is_shared else wanted


def _left_out(rows: Iterable[SourceRow]) -> dict[str, LeftOut]:
    found: dict[str, LeftOut] = {}
    for row in rows:
        if row.mapped and (external_id := row.values.external_id.strip()):
            found.setdefault(key_of(external_id), LeftOut(row.line, row.mapped.left_out))
    return found


def _cells(row: PlannedRow, given: SourceRow) -> frozenset[str]:
    cells = (*given.cells, *given.values, row.wanted.email, row.wanted.id_tag)
    return frozenset(cell.strip().casefold() for cell in cells if cell.strip())


def _add(read: FileRead, wanted: Wanted, *, lacks_card: bool) -> None:
    mine = read.customers.setdefault(external_id_key(wanted), Filed())
    mine.rows.append(wanted)
    if not lacks_card:
        mine.cards[wanted.id_tag] = wanted.line
        read.digits.add(padded(wanted.id_tag))
    mine.lacks_card = mine.lacks_card or lacks_card
