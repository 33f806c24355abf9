"""Problems of a preview by their cause: said once for a thousand rows, with what would put all of them right.

A remedy changes an option, or the mapping through which the file is read; so the next file of the same kind
needs none of it. Nothing is ever changed without somebody who chooses it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from customers.backfill.engine.plan import ACCEPT, SKIP, PlannedRow, RowAction
from customers.backfill.source import SourceRow
from kernel import Problem
from kernel.columns import OPTIONAL, Kind
from kernel.wording import counted

LINES_KEPT = 1_000
NEAR = 3
LONGEST_SHOWN = 60
DAYS = ("start_date", *(name for name, column in OPTIONAL.items() if column.kind is Kind.DAY))
PLAN_CODES = ("plan_not_found", "value_untranslated")

_SEPARATED = re.compile(r"[0-9A-Fa-f]{2}([:. -])[0-9A-Fa-f]{2}(?:\1[0-9A-Fa-f]{2}){2,8}")
_DAY = re.compile(r"([0-9]{1,4})([./-])([0-9]{1,2})\2([0-9]{1,4})")

Document = Mapping[str, Any]  # of a mapping, or a part of one


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a button does: options that get other values, and what the mapping says besides."""

    label: str
    options: Mapping[str, Any] = field(default_factory=dict)
    mapping: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cause:
    """Rows that fail for one reason. `lines` are the first of them; `value` is what all of them have."""

    code: str
    field: str | None
    told: str
    hint: str
    rows: int
    lines: tuple[int, ...]
    value: str = ""
    remedies: tuple[Remedy, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def kept(cls, told: Mapping[str, Any]) -> "Cause":
        remedies = tuple(Remedy(**one) for one in told["remedies"])
        return cls(**{**told, "lines": tuple(told["lines"]), "remedies": remedies})


@dataclass(frozen=True, slots=True)
class Plans:
    """Lago's plan codes by themselves in small letters, and those that the file names as they are."""

    folded: Mapping[str, str]
    named: Mapping[str, str]

    @classmethod
    def of(cls, sources: Sequence[SourceRow], plan_codes: Iterable[str]) -> "Plans":
        codes = sorted(plan_codes)
        return cls({code.casefold(): code for code in codes}, same_names("plan_code", sources, codes))


@dataclass(frozen=True, slots=True)
class Failing:
    """A row that fails, with what is wrong with it; `lifts` as in a planned row."""

    source: SourceRow
    problems: Sequence[Problem]
    lifts: Mapping[str, str]

    @property
    def line(self) -> int:
        return self.source.line


def causes(
    rows: Sequence[PlannedRow], sources: Sequence[SourceRow], plan_codes: Iterable[str]
) -> list[Cause]:
    """Return why rows fail, the cause of most rows first; `sources` are the same rows as they were given."""
    failing = [
        Failing(source, row.problems, row.lifts)
        for row, source in zip(rows, sources, strict=True)
        if row.action is RowAction.FAIL
    ]
    return causes_of(failing, sources, plan_codes)


def causes_of(
    failing: Iterable[Failing], sources: Sequence[SourceRow], plan_codes: Iterable[str]
) -> list[Cause]:
    """Do so for the failing ones among these rows."""
    grouped: dict[tuple[str, ...], list[tuple[Failing, Problem]]] = {}
    for row in failing:
        for key, problem in {_key(row, problem): problem for problem in row.problems}.items():
            grouped.setdefault(key, []).append((row, problem))
    plans = Plans.of(sources, plan_codes)
    found = [_cause(key, some, sources, plans) for key, some in grouped.items()]
    return sorted(found, key=lambda cause: -cause.rows)


def _key(row: Failing, problem: Problem) -> tuple[str, ...]:
    """Name the cause of a problem."""
    if option := row.lifts.get(problem.code):
        return ("lifted", option)
    column = problem.field or ""
    if problem.code in PLAN_CODES:
        return ("value", problem.code, column, _given(row.source, column))
    if column in DAYS and problem.code == f"{column}_invalid":
        return ("day", column, _shape(_given(row.source, column)))
    if problem.code == "id_tag_invalid" and _SEPARATED.fullmatch(_given(row.source, column)):
        return ("separated",)
    return ("other", problem.code, column, problem.hint)


def _given(source: SourceRow, column: str) -> str:
    """Return what the file has for a field, before a mapping translated it."""
    for one in source.mapped.translated if source.mapped else ():
        if one.field == column:
            return one.given
    values = source.values._asdict()
    return str(values[column] if column in values else source.more.get(column, "")).strip()


def _cause(
    key: tuple[str, ...],
    some: Sequence[tuple[Failing, Problem]],
    sources: Sequence[SourceRow],
    plans: Plans,
) -> Cause:
    _, first = some[0]
    failing = [row for row, _ in some]
    told, value, remedies = first.message, "", list[Remedy]()
    match key:
        case ("lifted", option):
            told, remedies = _lifted(option, failing, first)
        case ("value", _, column, given):
            value = given if _may_be_shown(given) else ""
            shown = f"“{value}”" if value else "what may be a name or an address"
            told = f"{counted(len(failing), 'row')} {'have' if len(failing) > 1 else 'has'} {shown}."
            if value and column == "plan_code":
                remedies = _named_otherwise(given, plans)
        case ("day", column, shape):
            remedies = _days(column, shape, failing, sources)
            told = _days_told(column, shape, failing)
        case ("separated",):
            told = f"{counted(len(failing), 'card')} have something between their digits."
            remedies = [_without_separators(failing)]
        case _ if len(failing) > 1:  # it may name a value, or another line: those of one of them
            told = f"Such as on line {failing[0].line}: {told}"
        case _:
            pass
    return Cause(
        first.code,
        first.field,
        told,
        first.hint,
        len(failing),
        tuple(row.line for row in failing[:LINES_KEPT]),
        value,
        tuple(remedies),
    )


def _lifted(option: str, failing: Sequence[Failing], first: Problem) -> tuple[str, list[Remedy]]:
    number = len(failing)
    if option == SKIP:
        told = f"{counted(number, 'row')} {'exist' if number > 1 else 'exists'} already."
        return told, [Remedy("Skip what exists", {SKIP: True})]
    if option == ACCEPT:
        told = f"{counted(number, 'row')} would be invoiced today for days that are over."
        return told, [Remedy("Accept these invoices", {ACCEPT: True})]
    return first.message, [Remedy(option.replace("_", " ").capitalize(), {option: True})]


# --- Plans -------------------------------------------------------------------------------------------


def _named_otherwise(given: str, plans: Plans) -> list[Remedy]:
    """Offer the plans that are called alike; what else the file has stays what it is."""
    close = get_close_matches(given[:LONGEST_SHOWN].casefold(), plans.folded, n=NEAR, cutoff=0.6)
    return [
        Remedy(f"Use {code}", mapping={"values": {"plan_code": {**plans.named, given: code}}})
        for code in (plans.folded[one] for one in close)
    ]


def same_names(column: str, rows: Sequence[SourceRow], plan_codes: Iterable[str]) -> dict[str, str]:
    """Return the file's own plan codes, each for itself: once a field is translated, all of it is."""
    if any(one.field == column for row in rows if row.mapped for one in row.mapped.translated):
        return {}
    known, named = set(plan_codes), {_given(row, column) for row in rows}
    return {code: code for code in sorted(known & named)}


def _may_be_shown(given: str) -> bool:
    """Return whether a value looks like the name of a plan, and not like a person's from another column."""
    return bool(given) and len(given) <= LONGEST_SHOWN and given.isprintable() and "@" not in given


# --- Days --------------------------------------------------------------------------------------------

_ORDERS = {
    "%d{0}%m{0}%Y": "day{0}month{0}year",
    "%m{0}%d{0}%Y": "month{0}day{0}year",
    "%Y{0}%m{0}%d": "year{0}month{0}day",
}


def _shape(given: str) -> str:
    """Say how a day is written: its separator, with the place of the year. Blank if it is none."""
    found = _DAY.fullmatch(given)
    if found is None:
        return ""
    first, separator, _, last = found.groups()
    if len(last) == 4 and len(first) <= 2:
        return f"{separator}y"
    return f"y{separator}" if len(first) == 4 and len(last) <= 2 else ""


def _days(column: str, shape: str, failing: Sequence[Failing], rows: Sequence[SourceRow]) -> list[Remedy]:
    """Offer the orders of day and month that fit all cells of the column; a file has one order."""
    if not shape or any(_shape(_given(row, column)) != shape for row in rows if _is_text(row, column)):
        return []
    separator = shape.strip("y")
    parts = [[int(part) for part in _given(row.source, column).split(separator)] for row in failing]
    if shape.startswith("y"):
        orders = ["%Y{0}%m{0}%d"]
    else:
        fits = {
            "%d{0}%m{0}%Y": all(part[1] <= 12 for part in parts),
            "%m{0}%d{0}%Y": all(part[0] <= 12 for part in parts),
        }
        orders = [order for order, is_possible in fits.items() if is_possible]
    return [
        Remedy(
            f"Read them as {_ORDERS[order].format(separator)}",
            mapping={"file": {"date_format": order.format(separator)}},
        )
        for order in orders
    ]


def _is_text(row: SourceRow, column: str) -> bool:
    return column not in row.dated and bool(_given(row, column))


def _days_told(column: str, shape: str, failing: Sequence[Failing]) -> str:
    number = f"{len(failing):,} {'days' if len(failing) > 1 else 'day'} in {column}"
    verb = "look" if len(failing) > 1 else "looks"
    example = _given(failing[0].source, column)
    return f"{number} {verb} like {example}." if shape else f"{number} cannot be read."


# --- Cards -------------------------------------------------------------------------------------------


def _without_separators(failing: Sequence[Failing]) -> Remedy:
    found = (_SEPARATED.fullmatch(_given(row.source, "id_tag")) for row in failing)
    separators = "".join(sorted({match[1] for match in found if match}))
    return Remedy("Read them without that", mapping={"cards": {"remove_separators": separators}})
