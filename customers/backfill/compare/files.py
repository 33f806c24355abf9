"""What comes of a comparison as files: two that the next commands take, and what a person has to do."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from customers.backfill.compare.compared import Comparison
from customers.backfill.compare.values import Difference, Kind
from customers.backfill.compare.words import cost_sentence, to_do
from customers.backfill.source import FileMapping
from customers.backfill.source.formulas import escape
from customers.backfill.source.some_rows import some_rows

JOINED, CARDS, LEFT, BY_HAND = "joined", "cards", "left", "by-hand"
HEADER = ("what", "external_id", "lines", "imported", "in_file", "other_customer", "note", "costs", "to_do")


@dataclass(frozen=True, slots=True)
class Written:
    """A file to be written. `number`: rows below its header. `run_id` is of what a revert takes."""

    name: str
    kind: str
    content: bytes
    number: int
    run_id: str = ""


def files_of(found: Comparison, mapping: FileMapping | None) -> list[Written]:
    """Make the files of which there is something to say, in the order in which they are to be used."""
    made = [*_left(found), *_rows(found, mapping, JOINED, _joined), *_rows(found, mapping, CARDS, _cards)]
    return [*made, *_by_hand(found)]


def _left(found: Comparison) -> Iterator[Written]:
    """Give a file for each run that made something of who left, newest first: it alone takes that back."""
    left = found.found.of(Kind.LEFT)
    runs = sorted({run_id for one in left for run_id in one.runs}, reverse=True)
    for run_id in runs:
        ids = [(one.external_id,) for one in left if run_id in one.runs]
        name = f"{LEFT}.csv" if len(runs) == 1 else f"{LEFT}-{run_id}.csv"
        yield Written(name, LEFT, _csv([("external_id",), *ids]), len(ids), run_id)


def _rows(
    found: Comparison, mapping: FileMapping | None, kind: str, lines_of: Callable[[Comparison], set[int]]
) -> Iterator[Written]:
    lines = lines_of(found)
    rows = [row for line, row in found.rows.items() if line in lines]
    if rows:
        content = some_rows(found.info, rows, mapping)
        yield Written(f"{kind}.{found.info.format}", kind, content, len(rows))


def _joined(found: Comparison) -> set[int]:
    """Leave out whom an import could not take: a card of theirs is still somebody else's."""
    joined = [one for one in found.found.of(Kind.JOINED) if one.external_id not in found.found.blocked]
    return {line for one in joined for line in one.lines}


def _cards(found: Comparison) -> set[int]:
    """Return the rows of new cards of customers whose rows are else as imported: an import adds a card."""
    differ = {
        one.external_id for one in found.found.of(Kind.PLAN, Kind.START, Kind.EMAIL, Kind.NAME, Kind.JOINED)
    }
    new = found.found.of(Kind.CARD_ADDED, Kind.CARD_REPLACED)
    return {line for one in new if one.external_id not in differ for line in one.lines}


def _by_hand(found: Comparison) -> Iterator[Written]:
    rows = [_told(one) for one in found.found.differences if _is_by_hand(one)]
    if rows:
        yield Written(f"{BY_HAND}.csv", BY_HAND, _csv([HEADER, *rows]), len(rows))


def _is_by_hand(one: Difference) -> bool:
    return one.kind is not Kind.JOINED and not (one.kind is Kind.LEFT and one.runs)


def _told(one: Difference) -> tuple[str, ...]:
    lines = " ".join(str(line) for line in one.lines)
    what = (one.kind.value, one.external_id, lines, one.was, one.now, one.other, one.note)
    return (*what, cost_sentence(one), to_do(one.kind))


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([escape(cell) for cell in row] for row in rows)
    return text.getvalue().encode()
