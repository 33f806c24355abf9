"""Cards in decimal digits: one such number says little, and a file of them says what it is."""

from collections.abc import Iterable

from kernel import Problem, Wanted

_LEAST = 5  # cards
_NEARLY_ALL = 0.95
_LARGEST_OF_4_BYTES = 0xFFFFFFFF


def decimal_cards(name: str, rows: Iterable[Wanted]) -> list[Problem]:
    """Warn of a file with nearly no other cards. Longer ones, and those with zeros, are told of by row."""
    return of_cards(name, *counted_cards(rows))


def counted_cards(rows: Iterable[Wanted]) -> tuple[int, int]:
    """Count the different cards of these rows that may be in decimal digits, and all of them."""
    cards = {row.id_tag for row in rows if row.id_tag}
    return sum(map(_is_decimal, cards)), len(cards)


def of_cards(name: str, decimal: int, number: int) -> list[Problem]:
    """Warn of so many among so many cards."""
    if decimal < max(_LEAST, number * _NEARLY_ALL):
        return []
    told = f"{name}: {decimal:,} of {number:,} idTags look like the decimal form of a card."
    hint = (
        "Chargers usually report the hexadecimal one: compare a card with what a charger reports. "
        "A mapping can rewrite them: decimal_to_hex in [cards]."
    )
    return [Problem("id_tag_notation", "id_tag", told, hint)]


def _is_decimal(id_tag: str) -> bool:
    """Return whether this may be the number of 4 bytes, and no card in hexadecimal, which has 8 digits."""
    return len(id_tag) in (9, 10) and id_tag.isdecimal() and int(id_tag) <= _LARGEST_OF_4_BYTES
