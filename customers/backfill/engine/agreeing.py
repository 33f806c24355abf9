"""Whether a plan made anew is still the one that was agreed to, and what of it is not. Pure.

What was approved in the console and what was saved at the terminal are held against a new plan here alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from customers.backfill.engine.agreed import PlanFacts, RowFacts, sums_of
from kernel.money import written

FAIL = "fail"
LINES_TOLD = 3
ABOUT_FILE = {
    "sha256": "the file",
    "read as": "how the file is read",
    "Lago": "Lago's organization or address",
}


@dataclass(frozen=True, slots=True)
class Work:
    """Lines of rows at which the run to be continued has been: `done`, or `begun` and not settled yet.

    With a row all others of its customer have begun: what they share is there.
    """

    done: frozenset[int] = frozenset()
    begun: frozenset[int] = frozenset()


NO_WORK = Work()


@dataclass(frozen=True, slots=True)
class Changes:
    """What is not as it was agreed to: of the whole, of rows by line, and of sums."""

    about: tuple[str, ...] = ()
    rows: tuple[tuple[int, str], ...] = ()
    sums: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.about or self.rows or self.sums)

    def sentence(self, lines: int = LINES_TOLD) -> str:
        """Name what changed: a few lines with what they were and are, how many there are, and the sums."""
        told = [*self.about]
        rows = [f"line {line}: {what}" for line, what in self.rows[:lines]]
        if len(self.rows) > lines:
            rows[0] = f"{len(self.rows):,} rows, such as {rows[0]}"
        told += rows
        return "; ".join([*told, *self.sums])


def compare(agreed: PlanFacts, anew: PlanFacts, work: Work = NO_WORK) -> Changes:
    """Return what differs in a plan made anew. What the run has done meanwhile counts for nothing.

    A row that was begun may have less left to do than was agreed to, and nothing more or else.
    """
    about = tuple(_about(agreed.about, anew.about))
    found = []
    for line in sorted({*agreed.rows, *anew.rows}):
        was, now = agreed.rows.get(line), anew.rows.get(line)
        if was != now and (what := "; ".join(_row(was, now, line, work))):
            found.append((line, what))
    return Changes(about, tuple(found), tuple(_sums(agreed, anew, work)))


def _about(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, told in ABOUT_FILE.items():
        if was.get(name) != now.get(name):
            yield f"{told} is another"
    for name, before, after in _differing(was.get("options", {}), now.get("options", {})):
        is_digest = name == "mapping" and before and after
        yield (
            "the column mapping is another"
            if is_digest
            else f"option {name}: {_word(before)} → {_word(after)}"
        )
    for name, before, after in _differing(was.get("systems", {}), now.get("systems", {})):
        yield f"{name}: {before or 'none'} → {after or 'none'}"


def _differing(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield name, was.get(name), now.get(name)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)


def _row(was: RowFacts | None, now: RowFacts | None, line: int, work: Work) -> Iterator[str]:
    if was is None or now is None:
        yield f"{was.action if was else 'not there'} → {now.action if now else 'not there'}"
    elif line in work.done:
        yield from _first(was, now, may_be_gone=True)
    elif line in work.begun:
        yield from _begun(was, now)
    else:
        yield from _untouched(was, now)


def _untouched(was: RowFacts, now: RowFacts) -> Iterator[str]:
    if was.external_id != now.external_id:
        yield "another external_id"
    if was.action != now.action:
        yield f"{was.action} → {now.action}{_why(now) if now.action == FAIL else ''}"
    elif was.codes != now.codes:
        yield f"{_codes(was.codes)} → {_codes(now.codes)}"
    yield from _first(was, now)


def _begun(was: RowFacts, now: RowFacts) -> Iterator[str]:
    """Return what is more or else than before. What was made of the row is no longer to be made."""
    if now.action == FAIL and was.action != FAIL:
        yield f"{was.action} → {now.action}{_why(now)}"
    elif more := {*now.codes} - {*was.codes}:
        yield f"{_codes(was.codes)} → {_codes(sorted(more))} too"
    yield from _first(was, now, may_be_gone=True)


def _first(was: RowFacts, now: RowFacts, *, may_be_gone: bool = False) -> Iterator[str]:
    if was.first != now.first and not (may_be_gone and now.first is None):
        yield f"first invoice {was.first or 'none'} → {now.first or 'none'}"


def _why(row: RowFacts) -> str:
    return f" ({_codes(row.codes)})" if row.codes else ""


def _codes(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "no codes"


def _sums(agreed: PlanFacts, anew: PlanFacts, work: Work) -> Iterator[str]:
    """Compare what the rows add up to that the run has not been at."""
    been = work.done | work.begun
    was, now = (
        sums_of(row for line, row in plan.rows.items() if line not in been) for plan in (agreed, anew)
    )
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            yield f"{name}: {sum_told(name, was.get(name))} → {sum_told(name, now.get(name))}"


def sum_told(name: str, found: tuple[int, int | None] | None) -> str:
    """Say a sum: how many there are, and how much money in all; its name ends in the currency."""
    if found is None:
        return "none"
    number, cents = found
    return f"{number:,}" if cents is None else f"{written(cents, name.rpartition(' ')[2])} in {number:,}"
