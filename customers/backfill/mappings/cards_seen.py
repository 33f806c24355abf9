"""How the cards of a column are written, and what would make idTags of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from customers.backfill.mappings.kinds import (
    BLANKS,
    CARD,
    COLONS,
    DASHES,
    DECIMAL,
    LOWER,
    NUMBER,
    PREFIX,
    SHORT,
)
from customers.backfill.mappings.table import Column
from customers.backfill.mappings.writing import quoted
from customers.backfill.source.mapping.cards import NotRewrittenError, rewrite
from customers.backfill.source.mapping.model import Cards
from kernel.masking import mask_id_tag

_SEPARATORS = {COLONS: ":", BLANKS: " ", DASHES: "-"}


@dataclass(frozen=True, slots=True)
class Notation:
    """`certain` of [cards], `asked` by key what to consider, `remarks` with masked examples."""

    certain: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def notation(column: Column) -> Notation:
    """Say how cards are to be rewritten; only what cannot make another card of one is certain."""
    if column.share(DECIMAL) >= 0.95:
        return Notation(asked={"decimal_to_hex": _decimal(column)})
    told: dict[str, Any] = {}
    if prefixes := sorted({kind.removeprefix(PREFIX) for kind in column.kinds if kind.startswith(PREFIX)}):
        told["remove_prefixes"] = prefixes
    if separators := "".join(char for kind, char in _SEPARATORS.items() if column.kinds.get(kind)):
        told["remove_separators"] = separators
    if column.kinds.get(LOWER):
        told["upper_case"] = True
    asked = {"pad_to": _short(column)} if column.kinds.get(SHORT) else {}
    if column.share(CARD) == 1.0:
        return Notation(told, asked, _examples(told, column))
    if not told:
        return Notation(asked=asked)
    key = next(iter(told))
    others = column.looked_at - column.kinds.get(CARD, 0)
    sentence = (
        f"id_tag: {others:,} of {column.looked_at:,} cells do not look like the others, which are cards."
    )
    lines = [f"Perhaps: {name} = {_toml(value)}" for name, value in told.items()]
    return Notation(asked={key: (sentence, *lines), **asked})


def _toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    return "true" if value is True else quoted(value)


def _examples(told: Mapping[str, Any], column: Column) -> tuple[str, ...]:
    if not told:
        return ()
    how = Cards(
        remove_prefixes=tuple(told.get("remove_prefixes", ())),
        remove_separators=told.get("remove_separators", ""),
        upper_case=told.get("upper_case", False),
    )
    return tuple(_example(how, card) for card in column.samples[:1])


def _example(how: Cards, card: str) -> str:
    try:
        after = rewrite(how, card)
    except NotRewrittenError as error:
        return f"“{mask_id_tag(card)}” {error}."
    return f"For example “{mask_id_tag(card)}” becomes “{mask_id_tag(after)}”."


def _decimal(column: Column) -> tuple[str, ...]:
    """Show both byte orders, each of another card: of one, the two would show it whole."""
    first, second = column.samples[0], column.samples[1] if len(column.samples) > 1 else ""
    lines = [
        "id_tag: the cards are decimal numbers; chargers report hexadecimal ones.",
        "Compare with what a charger reports of one card. true writes them in hexadecimal:",
        _example(Cards(decimal_to_hex=True), first),
    ]
    if second:
        reversed_too = Cards(decimal_to_hex=True, reverse_bytes=True)
        lines.append(f"With reverse_bytes = true beside it: {_example(reversed_too, second)}")
    if column.kinds.get(NUMBER):
        lines.append(
            "With false, say also in [fields] that numbers are meant: { column = …, numbers = true }"
        )
    return tuple(lines)


def _short(column: Column) -> tuple[str, ...]:
    number = column.kinds[SHORT]
    return (
        f"id_tag: {number:,} of {column.looked_at:,} cards lack a digit: a leading zero, perhaps.",
        "Cards of 4 bytes have 8 digits, those of 7 bytes 14: pad_to = 8",
    )
