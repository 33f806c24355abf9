"""Apply a mapping to one file: find its columns in the header, and make the values of a row of its cells."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from operator import itemgetter

from customers.backfill.source.mapping.cards import NotRewrittenError, rewrite
from customers.backfill.source.mapping.model import FIELDS, Cards, FileMapping, LeaveOut, Origin, Translation
from customers.backfill.source.model import COLUMNS, NO_FAULTS, Mapped, SourceError, Translated
from kernel import Problem
from kernel.columns import OPTIONAL, Kind
from kernel.masking import mask_id_tag

_DAYS = ("start_date", *(name for name, column in OPTIONAL.items() if column.kind is Kind.DAY))
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"[0-9]{1,15}")  # a spreadsheet keeps no more digits of a number

Cells = Sequence[str]
Reader = Callable[[Cells], str]


def names_needed(mapping: FileMapping | None) -> frozenset[str]:
    """Return the names that a header must have, in small letters."""
    if mapping is None:
        return frozenset(COLUMNS)
    names = [name for column in COLUMNS for name in _columns_of(mapping, column)]
    return frozenset(name.strip().casefold() for name in names)


def _columns_of(mapping: FileMapping, name: str) -> tuple[str, ...]:
    return mapping.fields[name].columns if name in mapping.fields else (name,)


@dataclass(slots=True)
class Applied:
    """A mapping with the places of its columns in one header. `sources`: of the columns of each field."""

    mapping: FileMapping
    sources: Mapping[str, tuple[int, ...]]
    leaves: Sequence[tuple[int, "Leaving"]]
    days: frozenset[str] = field(init=False)  # fields that are the same day for all, as ISO 8601 writes it
    _readers: Mapping[str, Reader] = field(init=False)
    _tables: Mapping[str, "_Table"] = field(init=False)
    _digits: frozenset[str] = field(init=False)
    _combinations: dict[tuple[Translated, ...], tuple[Translated, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        origins = self.mapping.fields
        self._readers = {name: _reader(origins.get(name), places) for name, places in self.sources.items()}
        self._tables = {
            name: _Table(name, self.mapping.name, one)
            for name, one in self.mapping.translations.items()
            if name in self.sources
        }
        self.days = frozenset(
            name
            for name, origin in origins.items()
            if name in _DAYS and _ISO.fullmatch(origin.constant or "")
        )
        whole = {name for name, origin in origins.items() if origin.numbers}
        cards = self.mapping.cards
        self._digits = frozenset(whole | ({"id_tag"} if cards.decimal_to_hex or cards.pad_to else set()))

    def read(self, cells: Cells) -> tuple[dict[str, str], Mapped]:
        """Return the value of each field, and what was done to get it."""
        given = {name: read(cells) for name, read in self._readers.items()}
        faults: dict[str, Problem] = {}
        translated = self._translate(given, faults)
        before = self._rewrite_card(given, faults)
        left = next((one.column for place, one in self.leaves if one.leaves(cells[place])), "")
        return given, Mapped(left, translated, before, faults or NO_FAULTS)

    def _translate(self, given: dict[str, str], faults: dict[str, Problem]) -> tuple[Translated, ...]:
        translated: tuple[Translated, ...] = ()
        for name, table in self._tables.items():
            found = table.look_up(given[name])
            if isinstance(found, Problem):
                faults[name] = found
            elif found is not None:
                translated = (*translated, found)
                given[name] = found.meant
        return self._combinations.setdefault(translated, translated)  # many rows, few of these

    def is_meant(self, name: str, value: str, mapped: Mapped) -> bool:
        """Return whether a number may stand for its digits in a field."""
        cell = mapped.id_tag if name == "id_tag" and mapped.id_tag is not None else value
        return name in self._digits and _WHOLE.fullmatch(cell) is not None

    def _rewrite_card(self, given: dict[str, str], faults: dict[str, Problem]) -> str | None:
        cards, before = self.mapping.cards, given["id_tag"].strip()
        if cards == _AS_IT_IS:
            return None
        try:
            given["id_tag"] = rewrite(cards, before)
        except NotRewrittenError as error:
            told = f"“{mask_id_tag(before)}” {error}, as {self.mapping.name} says of idTags."
            faults["id_tag"] = Problem(
                "id_tag_not_rewritten", "id_tag", told, "Correct the cell, or [cards] in the mapping."
            )
        return before if given["id_tag"] != before else None


_AS_IT_IS = Cards()


class Leaving:
    """A rule by which rows are left out, with each value judged once."""

    def __init__(self, rule: LeaveOut) -> None:
        self.column, self._unless = rule.column, bool(rule.unless)
        self._named = {value.strip().casefold() for value in (*rule.values, *rule.unless)}

    def leaves(self, cell: str) -> bool:
        return (cell.strip().casefold() in self._named) is not self._unless


def _reader(origin: Origin | None, places: tuple[int, ...]) -> Reader:
    if origin is not None and origin.constant is not None:
        constant = origin.constant
        return lambda _: constant
    if len(places) == 1:
        return itemgetter(places[0])
    between = origin.joined_with if origin else ""
    return lambda cells: between.join([part for place in places if (part := cells[place].strip())])


class _Table:
    """A translation, that makes what it says of a value once."""

    def __init__(self, name: str, mapping: str, translation: Translation) -> None:
        self._name, self._mapping, self._translation = name, mapping, translation
        self._known: dict[str, Translated | Problem | None] = {}

    def look_up(self, cell: str) -> Translated | Problem | None:
        """Return what the cell stands for; None of a blank one, of which the mapping says nothing."""
        value = cell.strip()
        if value not in self._known:
            self._known[value] = self._find(value)
        return self._known[value]

    def _find(self, value: str) -> Translated | Problem | None:
        values, default = self._translation.values, self._translation.default
        if value in values:
            return Translated(self._name, value, values[value])
        if not value:
            return None
        if default is not None:
            return Translated(self._name, value, default, is_default=True)
        shown = (
            f"“{value}”" if len(value) <= 60 and value.isprintable() and "@" not in value else "this value"
        )
        told = f"{self._mapping} does not say what {shown} is in {self._name}."
        close = get_close_matches(value, values, n=1, cutoff=0.7)
        near = f" “{close[0]}” is there." if close else ""
        return Problem(
            "value_untranslated", self._name, told, f"Add it to [values.{self._name}] of the mapping.{near}"
        )


# --- Finding the columns -----------------------------------------------------------------------------


def apply_mapping(mapping: FileMapping, name: str, line: int, header: Sequence[str]) -> Applied:
    """Find the columns in a header; raise SourceError with all that are missing, or there twice."""
    folded = [own.casefold() for own in header]
    places: dict[str, int] = {own: place for place, own in reversed([*enumerate(folded)])}
    problems: list[Problem] = []
    sources: dict[str, tuple[int, ...]] = {}
    for one in FIELDS:
        wanted = [column.strip().casefold() for column in _columns_of(mapping, one)]
        if one not in mapping.fields and (wanted[0] not in places or _must_be_named(mapping, one)):
            if one in COLUMNS:
                problems.append(_unsaid(mapping, name, line, one))
            continue
        for column in _columns_of(mapping, one):
            problems += _missing_or_double(mapping, name, line, header, column, one)
        sources[one] = tuple(places.get(column, 0) for column in wanted)
    for leaving in mapping.leave_out:
        problems += _missing_or_double(mapping, name, line, header, leaving.column, "leave_out")
    if problems:
        raise SourceError(*dict.fromkeys(problems))
    leaves = [(places[one.column.strip().casefold()], Leaving(one)) for one in mapping.leave_out]
    return Applied(mapping, sources, leaves)


def _must_be_named(mapping: FileMapping, one: str) -> bool:
    """Return whether a column of that name may mean something else, as `state` does in many exports."""
    return one not in COLUMNS and bool(mapping.fields)


def _missing_or_double(
    mapping: FileMapping, name: str, line: int, header: Sequence[str], column: str, of: str
) -> list[Problem]:
    folded = [own.casefold() for own in header]
    number = folded.count(column.strip().casefold())
    if number == 1:
        return []
    if number > 1:
        told = f"{name}: line {line}: more than one column is named “{column}”, of which {of} is to be made."
        return [Problem("column_duplicate", _field(of), told, "Rename one of them.")]
    told = f"{name}: line {line}: there is no column “{column}”, of which {of} is to be made."
    close = get_close_matches(column.strip().casefold(), folded, n=1, cutoff=0.7)
    hint = f"There is a column “{header[folded.index(close[0])]}”; " if close else ""
    hint = f"{hint}correct {mapping.name}." if hint else f"Correct {mapping.name}, or add the column."
    return [Problem("column_missing", _field(of), told, hint)]


def _field(of: str) -> str | None:
    return of if of in FIELDS else None


def _unsaid(mapping: FileMapping, name: str, line: int, column: str) -> Problem:
    told = f"{name}: line {line}: there is no column {column}, and {mapping.name} names no other for it."
    return Problem("column_missing", column, told, f"Name its column in [fields] of {mapping.name}.")
