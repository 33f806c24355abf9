"""The rules for cells of optional columns: by the kind that a column declares, and by its own."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from customers.backfill.checks.damage import damage_in_text
from customers.backfill.checks.dates import Read, read_day, start_of_day, time_of
from customers.backfill.checks.unusual import not_calculated
from customers.backfill.source import SourceRow
from kernel import Doubt, Problem, Wanted
from kernel.columns import NEWER, OPTIONAL, Column, Day, Kind
from kernel.languages import read_language
from kernel.money import cents

_MOST_CHARS = 255
_DIGITS = re.compile(r"[0-9]{1,12}")
_PART = re.compile(r"[0-9]{1,20}")  # a number cell may have 17 decimals
_WHOLE = re.compile(r"[0-9]{1,4}(?:\.0)?")  # some programs write all numbers with a decimal
_NO_LINE = ("Cc", "Zl", "Zp")
_CHOICES_NAMED = 20
_MOST_KWH = 1_000_000  # of one card; nobody charges that in a month


@dataclass(frozen=True, slots=True)
class Written:
    """How cells are written, as the operator declared it, where a day begins, and who blocks cards."""

    timezone: ZoneInfo
    date_format: str | None = None
    decimal_mark: str = "."
    beside_platform: bool = False


def read_optional(
    row: SourceRow, wanted: Wanted, written: Written, currency: str | None
) -> tuple[Wanted, list[Problem]]:
    """Return what the row asks for with its optional columns, and what is wrong with their spelling.

    `currency` is the one of the row's plan; None where that is not known: then it limits no decimals.
    """
    more: dict[str, Any] = {}
    unread: dict[str, Problem] = {}
    for name, given in row.more.items():
        value = _value(OPTIONAL[name], given.strip(), row, written, currency)
        if isinstance(value, Problem):
            unread[name] = _held(OPTIONAL[name], value)
        elif value is not None:
            more[name] = value
    if more or unread:
        wanted = replace(wanted, more=more, unread=frozenset(unread))
    return wanted, list(unread.values())


def judge_optional(
    row: SourceRow, wanted: Wanted, written: Written, today: date
) -> tuple[list[Problem], list[Problem]]:
    """Return what is wrong with the values of optional columns, and what they warn of."""
    return list(_against(wanted, today)), [*_warnings(wanted), *_damage(row, wanted), *_moves(row, written)]


def _against(wanted: Wanted, today: date) -> Iterator[Problem]:
    for name, value in wanted.more.items():
        column = OPTIONAL[name]
        if column.against and (problem := column.against(value, wanted, today)):
            yield _held(column, problem)


def _held(column: Column, problem: Problem) -> Problem:
    """Hold nothing in a column that files had before it was ours against what was imported without it."""
    return Doubt.of(problem) if column in NEWER else problem


def _damage(row: SourceRow, wanted: Wanted) -> Iterator[Problem]:
    """Warn of texts that look damaged, or that were numbers, which have no zeros in front."""
    for name, value in wanted.more.items():
        if OPTIONAL[name].kind is Kind.TEXT:
            is_text = name not in row.numeric | row.dated
            if damage := damage_in_text(name, value, is_text=is_text):
                yield damage


def _warnings(wanted: Wanted) -> Iterator[Problem]:
    for name, value in wanted.more.items():
        warns = OPTIONAL[name].warns
        if warns and (warning := warns(value, wanted)):
            yield warning


def _value(column: Column, given: str, row: SourceRow, written: Written, currency: str | None) -> Any:
    """Read one cell: its value, None of a blank one, or the problem with it."""
    if not given:
        return None
    if column.name in row.uncalculated:
        return Doubt.of(not_calculated(column.name))
    if column.kind is Kind.DAY:
        return _day(column, given, row, written)
    if column.kind in (Kind.MONEY, Kind.ENERGY):
        mark = "." if column.name in row.numeric else written.decimal_mark
        is_money = column.kind is Kind.MONEY
        return _money(column, given, mark, currency) if is_money else _energy(column, given, mark)
    is_text = column.name not in row.numeric | row.dated
    if column.kind is Kind.CODE:
        return _code(column, given, is_text=is_text)
    if column.name in row.uncalculated:
        return _unfit(column, "a formula whose result is not in the file")
    return _PLAIN[column.kind](column, given)


def _day(column: Column, given: str, row: SourceRow, written: Written) -> Day | Problem:
    read = _read(column.name, given, row, written)
    if read is None:
        told = f"The {column.name} is not a date that can be read."
        hint = "Write it as start_date is written, or leave the cell empty."
        return Problem(f"{column.name}_invalid", column.name, told, hint)
    time = time_of(column.name, given, read, written.timezone)
    return time if isinstance(time, Doubt) else Day(read.day, start_of_day(read.day, written.timezone))


def _read(name: str, given: str, row: SourceRow, written: Written) -> Read | None:
    if name in row.numeric:
        return None
    return read_day(given, None if name in row.dated else written.date_format, written.timezone)


def _moves(row: SourceRow, written: Written) -> Iterator[Problem]:
    """Warn of a moment that is on another day where days are meant."""
    for name, cell in row.more.items():
        if (given := cell.strip()) and OPTIONAL[name].kind is Kind.DAY:
            read = _read(name, given, row, written)
            if read and read.moved and (told := time_of(name, given, read, written.timezone)):
                yield told


def _money(column: Column, given: str, mark: str, currency: str | None) -> Decimal | Problem:
    amount = _decimal(given, mark)
    if amount is None:
        return _no_decimal(column, f"an amount such as 1234{mark}50")
    try:
        if currency:
            cents(amount, currency)
    except ValueError:
        told = f"The {column.name} has more decimals than {currency} has."
        return Problem(f"{column.name}_invalid", column.name, told, "Round it where it comes from.")
    return amount


def _energy(column: Column, given: str, mark: str) -> Decimal | Problem:
    energy = _decimal(given, mark)
    if energy is None:
        return _no_decimal(column, f"a number of kWh such as 1234{mark}5")
    if energy > _MOST_KWH:
        return _unfit(column, f"more than {_MOST_KWH:,} kWh", "Are these Wh? Write kWh, of this card alone.")
    return energy


def _decimal(given: str, mark: str) -> Decimal | None:
    """Read a plain number; nobody can know what a second mark or a thousands separator was meant to be."""
    whole, _, part = given.partition(mark)
    if not _DIGITS.fullmatch(whole) or (mark in given and not _PART.fullmatch(part)):
        return None
    return Decimal(f"{whole}.{part or 0}")


def _no_decimal(column: Column, what: str) -> Problem:
    told = f"The {column.name} is not {what}."
    hint = "Write digits and at most one decimal mark, no sign; --decimal-mark says which mark it is."
    return Problem(f"{column.name}_invalid", column.name, told, hint)


def _code(column: Column, given: str, *, is_text: bool) -> str | Problem:
    if not is_text or len(given) > _MOST_CHARS or not given.isprintable():
        told = f"The {column.name} is no code: a number, too long, or with characters that cannot be seen."
        return Problem(
            f"{column.name}_invalid", column.name, told, "Format the column as text and enter it again."
        )
    return given


def _unfit(column: Column, what: str, hint: str = "Correct it, or leave the cell empty.") -> Problem:
    return Problem(f"{column.name}_invalid", column.name, f"The {column.name} is {what}.", hint)


def _text(column: Column, given: str) -> str | Problem:
    if len(given) > _MOST_CHARS:
        return _unfit(column, f"longer than {_MOST_CHARS} characters", "Shorten it.")
    if any(unicodedata.category(char) in _NO_LINE for char in given):
        return _unfit(column, "more than one line, or has a control character", "Type it again in one line.")
    return given


@cache
def _by_folded(codes: frozenset[str]) -> Mapping[str, str]:
    return {code.casefold(): code for code in codes}


def _choice(column: Column, given: str) -> str | Problem:
    """Read a code; capitals and `_` for `-` cannot mean another one."""
    known = _by_folded(column.choices)
    code = known.get(given.casefold().replace("_", "-"))
    if code:
        return code
    if len(known) > _CHOICES_NAMED:
        hint = "Two letters, such as DE; or leave the cell empty."
        return _unfit(column, "no code that Lago knows", f"{hint} {_translate(column)}")
    hint = f"Lago knows {', '.join(sorted(column.choices))}; or leave the cell empty. {_translate(column)}"
    return _unfit(column, "none that Lago knows", hint)


def _language(column: Column, given: str) -> str | Problem:
    hint = f"Write de, or de-AT; or leave the cell empty. {_translate(column)}"
    return read_language(given) or _unfit(column, "no code of a language", hint)


def _translate(column: Column) -> str:
    return f"A mapping can translate it: [values.{column.name}]."


def _number(column: Column, given: str) -> int | Problem:
    if not _WHOLE.fullmatch(given):
        return _unfit(column, "no whole number from 0 to 9999", "Write digits only, or leave the cell empty.")
    return int(given.partition(".")[0])


_PLAIN: Mapping[Kind, Callable[[Column, str], Any]] = {
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.LANGUAGE: _language,
    Kind.NUMBER: _number,
}
