"""Rows of one file that stand in each other's way."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernel import Doubt, Per, Problem, Wanted
from kernel.alike import Alike
from kernel.columns import NEWER, OPTIONAL, Column
from kernel.notation import bare, padded

_LINES_NAMED = 10  # of the other parties; every party gets its own problem, however many they are

Clashes = dict[int, list[Problem]]

# What rows of one customer have to agree in, as it is compared.
_PER_CUSTOMER: Mapping[str, Callable[[Wanted], object]] = {
    "external_id": lambda wanted: wanted.external_id,  # the group differs at most by case
    "email": lambda wanted: wanted.email,
    "display_name": lambda wanted: wanted.display_name,
    "plan_code": lambda wanted: wanted.plan_code,
    "start_date": lambda wanted: wanted.start_date,
}
_OPTIONAL = [column for column in OPTIONAL.values() if column.per is Per.CUSTOMER]


def clashes(wanted: Sequence[Wanted]) -> Clashes:
    """Tell, by line, what every party to a clash has to know.

    A blank value (of a cell that is missing or not valid) clashes with nothing and agrees with everything:
    that row has its own problem already, and what is wrong is not known before it is corrected. In an
    optional column an empty cell is a value too, unless the column says otherwise: one card with a notice
    and one without are not alike.
    """
    found: Clashes = defaultdict(list)
    _external_ids(wanted, found)
    _emails(wanted, found)
    _id_tags(wanted, found)
    return dict(found)


def external_id_key(wanted: Wanted) -> str:
    """Return what two external_ids have in common that nobody would tell apart."""
    external_id = wanted.external_id
    return (external_id if external_id.isascii() else unicodedata.normalize("NFC", external_id)).casefold()


def _external_ids(rows: Sequence[Wanted], found: Clashes) -> None:
    hint = "Rows of one customer with several cards have to be alike in all but the idTag."
    for group in _groups(rows, external_id_key):
        fields = [field for field, value in _PER_CUSTOMER.items() if _differ(group, value)]
        optional = [column for column in _OPTIONAL if len(_known(group, column)) > 1]
        is_doubt = not fields and all(column in NEWER for column in optional)
        fields += [column.name for column in optional]
        if fields:
            told = f"Rows with this external_id differ in {_join(fields)}"
            _tell(found, group, "external_id_duplicate", "external_id", told, hint, is_doubt=is_doubt)


def _emails(rows: Sequence[Wanted], found: Clashes) -> None:
    hint = "Give every customer an address of its own, or the rows of one customer the same external_id."
    for group in _groups(rows, lambda wanted: wanted.email):
        if _differ(group, external_id_key):
            told = "Customers with different external_ids have this email address"
            _tell(found, group, "email_duplicate", "email", told, hint)


def _id_tags(rows: Sequence[Wanted], found: Clashes) -> None:
    hint = "A card belongs to one customer and is in the file once; capitals make no difference."
    for group in _groups(rows, lambda wanted: wanted.id_tag.lower()):
        _tell(found, group, "id_tag_duplicate", "id_tag", "This idTag is in the file more than once", hint)
    hint = "Write the card once, as the charger reports it: its digits alone, in capitals."
    for group in _groups(rows, lambda wanted: padded(wanted.id_tag)):
        if len({wanted.id_tag.lower() for wanted in group}) > 1:
            told = "This card is in the file in several notations"
            _tell(found, group, "id_tag_duplicate", "id_tag", told, hint, is_doubt=True)


def completed(rows: Sequence[Wanted]) -> dict[int, Mapping[str, Any]]:
    """Give, by line, what a blank cell takes from the customer's other rows, where the column says so.

    The first row makes the customer, and it may be another that has the value.
    """
    columns = [column for column in _OPTIONAL if column.blank_agrees]
    given = [row for row in rows if row.more and row.external_id]
    theirs: dict[str, dict[str, Any]] = {}
    for row in given:
        known = theirs.setdefault(row.external_id, {})
        for column in columns:
            if column.name in row.more:
                known.setdefault(column.name, row.more[column.name])
    return {
        row.line: theirs[row.external_id]
        for row in rows
        if row.external_id in theirs and theirs[row.external_id].keys() - row.more.keys()
    }


def alike(rows: Sequence[Wanted]) -> dict[int, tuple[Problem, ...]]:
    """Warn, by line, of cards that may be one: the same number in decimal, or with its bytes turned round."""
    forms = Counter(bare(row.id_tag) for row in rows if row.id_tag)
    suspects = [row for row in rows if row.id_tag and _may_be_another(bare(row.id_tag), forms)]
    if not suspects:
        return {}
    cards = Alike()
    for row in rows:
        if row.id_tag:
            cards.add(row.id_tag, f"on line {row.line}")
    found = {row.line: cards.warnings(row.id_tag) for row in suspects}
    return {line: warnings for line, warnings in found.items() if warnings}


def _may_be_another(digits: str, forms: Mapping[str, int]) -> bool:
    """Ask first what costs little: most cards are written in one way only."""
    if forms[digits] > 1 or digits.isdecimal() or len(digits) in (7, 13):
        return True
    if len(digits) not in (8, 14, 20):
        return False
    return "".join(digits[place : place + 2] for place in range(len(digits) - 2, -1, -2)) in forms


def _groups(rows: Sequence[Wanted], key: Callable[[Wanted], str]) -> list[list[Wanted]]:
    keys = [key(row) for row in rows]
    counted = Counter(keys)
    del counted[""]
    groups: dict[str, list[Wanted]] = {}
    if len(counted) < len(rows):  # in most files nothing is there twice
        for shared, row in zip(keys, rows, strict=True):
            if counted[shared] > 1:
                groups.setdefault(shared, []).append(row)
    return list(groups.values())


def _differ(group: Sequence[Wanted], value: Callable[[Wanted], object]) -> bool:
    return len({value(row) for row in group} - {"", None}) > 1


def _known(group: Sequence[Wanted], column: Column) -> set[object]:
    """Return the values of a group in a column, without what cannot be read; None is an empty cell's."""
    known = {column.of(row) for row in group if column.name not in row.unread}
    return known - {None} if column.blank_agrees else known


def _tell(
    found: Clashes,
    group: Sequence[Wanted],
    code: str,
    field: str,
    told: str,
    hint: str,
    *,
    is_doubt: bool = False,
) -> None:
    lines = [row.line for row in group]
    for line in lines:
        others = [other for other in lines[: _LINES_NAMED + 1] if other != line][:_LINES_NAMED]
        problem = Problem(code, field, f"{told}; {_also(others, len(lines) - 1)}.", hint)
        found[line].append(Doubt.of(problem) if is_doubt else problem)


def _also(others: Sequence[int], count: int) -> str:
    named = _join([str(line) for line in others], count - len(others))
    return f"also on line {named}" if count == 1 else f"also on lines {named}"


def _join(words: Sequence[str], more: int = 0) -> str:
    if more:
        return f"{', '.join(words)} and {more:,} more"
    return ", ".join(words)
