"""Which columns may be which of our fields, and why."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from customers.backfill.mappings import words
from customers.backfill.mappings.kinds import (
    BLANKS,
    CARD,
    COLONS,
    DASHES,
    DATED,
    DECIMAL,
    EMAIL,
    FORMATS,
    ISO,
    NUMBER,
)
from customers.backfill.mappings.table import Column, Table

Candidate = tuple[Column, str]  # and why

MOST = 0.8
BY_NAME, OURS, SAID = "its name", "it has this very name", "it was said"
SURE = (BY_NAME, OURS, SAID)


def usable(table: Table) -> list[Column]:
    """Return the columns that a mapping can name, and that hold something."""
    names = Counter(column.name.casefold() for column in table.columns)
    return [
        one
        for one in table.columns
        if one.name and names[one.name.casefold()] == 1 and one.filled and not holds_objects(one)
    ]


def holds_objects(column: Column) -> bool:
    """Return whether the cells are lists or objects of JSON, into which no mapping looks."""
    return bool(column.kinds.get(NUMBER)) and any(sample[0] in "[{" for sample in column.samples)


def is_days(column: Column) -> bool:
    return column.share(ISO, DATED, *FORMATS) >= MOST


def candidates(
    table: Table, plan_codes: Collection[str], said: Mapping[str, str]
) -> dict[str, list[Candidate]]:
    """Return the columns that may be each of the fields; one that is said, or has its very name, is alone.

    `said`: by field, the column that somebody named.
    """
    columns = usable(table)
    found: dict[str, list[Candidate]] = {}
    for field, find in _FINDERS.items():
        named = table.named(said.get(field, ""))
        if named is not None and named in columns:
            found[field] = [(named, SAID)]
            continue
        own = table.named(field)
        if own is not None and own in columns:
            found[field] = [(own, OURS)]
            continue
        ours = [
            one for one in columns if one.name.casefold() not in words.FIELDS or one.name.casefold() == field
        ]
        found[field] = find(ours, plan_codes)
    return found


def names_of_people(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns of a whole name in order, if there is one of first and one of last names."""
    first, middle, last, second = (
        [one for one in columns if words.is_named(one.name, named)]
        for named in (words.FIRST_NAME, words.MIDDLE_NAME, words.LAST_NAME, words.SECOND_LAST_NAME)
    )
    if len(first) == 1 and not last:  # beside a first name, a name is the last name
        last = [one for one in columns if words.is_named(one.name, words.LAST_BESIDE_FIRST)]
    if not len(first) == len(last) == 1:  # Italian and Dutch call either so
        return ()
    return (*first, *middle[:1], *last, *second[:1])


def _emails(columns: Sequence[Column], _: Collection[str]) -> list[Candidate]:
    return [(one, "its cells are addresses") for one in columns if one.share(EMAIL) >= MOST]


def _names(columns: Sequence[Column], _: Collection[str]) -> list[Candidate]:
    named = words.FULL_NAME | words.COMPANY | words.LAST_NAME | words.FIRST_NAME
    return [(one, BY_NAME) for one in columns if words.is_named(one.name, named) and not _is_typed(one)]


def _keys(columns: Sequence[Column], _: Collection[str]) -> list[Candidate]:
    named = words.FIELDS["external_id"]
    return [
        (one, BY_NAME)
        for one in columns
        if (words.is_named(one.name, named) or words.holds(one.name, named, 8))
        and not (is_days(one) or one.share(EMAIL) >= MOST)
    ]


def _cards(columns: Sequence[Column], _: Collection[str]) -> list[Candidate]:
    named = [
        one for one in columns if words.is_named(one.name, words.FIELDS["id_tag"]) and not _is_typed(one)
    ]
    looking = [one for one in columns if one not in named and _looks_like_cards(one)]
    return [*((one, BY_NAME) for one in named), *((one, "its cells look like cards") for one in looking)]


def _looks_like_cards(column: Column) -> bool:
    if column.share(COLONS, BLANKS, DASHES) >= MOST:
        return True
    return column.share(CARD) >= 0.9 and column.share(DECIMAL) < MOST


def _plans(columns: Sequence[Column], plan_codes: Collection[str]) -> list[Candidate]:
    found: list[Candidate] = []
    named = words.FIELDS["plan_code"]
    for one in columns:
        if _is_typed(one) or (one.distinct > 20 and one.distinct * 2 > one.looked_at):
            continue  # as many tariffs as customers are none
        if words.is_named(one.name, named) or words.holds(one.name, named, 5):
            found.append((one, BY_NAME))
        elif not one.is_open and set(one.values) <= set(plan_codes):
            found.append((one, "its cells are codes of Lago's plans"))
    return found


def _starts(columns: Sequence[Column], _: Collection[str]) -> list[Candidate]:
    days = [one for one in columns if is_days(one)]
    named = [one for one in days if words.is_named(one.name, words.FIELDS["start_date"])]
    return [(one, BY_NAME) for one in named] or [(one, "its cells are days") for one in days]


def _is_typed(column: Column) -> bool:
    return is_days(column) or column.share(EMAIL) >= MOST


_FINDERS: Mapping[str, Callable[[Sequence[Column], Collection[str]], list[Candidate]]] = {
    "email": _emails,
    "display_name": _names,
    "external_id": _keys,
    "id_tag": _cards,
    "plan_code": _plans,
    "start_date": _starts,
}
